/**
 * A firewall before a route: requests are looked at head and body, replies where its rules want that, and what it says is carried out.
 * A body is gathered up to what the firewall takes; beyond it the firewall refuses it, or lets it go on where it only watches. What it cannot wait
 * for is not looked into and counted: bodies of gRPC calls, which may never end, and what goes over a connection that has left HTTP. What takes long
 * is looked into in turns with other requests; the passage is held meanwhile.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, headerOf, headersOf, type ReplyHead } from "../../../wire/http/index.ts";
import type { OpenedBody, Waf, WafRecord, WafTransaction, WafVerdict } from "../../waf/engine/index.ts";
import {
  brokenOff,
  type OpenReply,
  type Passage,
  type Refusal,
  type ReplyGuard,
  refusalOf,
  type Step,
  type Went,
} from "../core/index.ts";
import type { RoutePlan } from "../words/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { Inspection, Inspections } from "./inspections.ts";
import { type Peeked, peek } from "./peeked-body.ts";
import { type EditTrailers, TrailingSink, trailing } from "./trailing-sink.ts";

const EMPTY = new Uint8Array(0);
/** A coded body as short as this is inflated at once: within a millisecond or so. */
const INFLATED_AT_ONCE_BYTES = 4 * 1024;
const REFUSED = new Failure("gateway.refused", "the firewall has refused the request");
const BUSY = "waf.busy";
/** No rule looks at trailers: where nothing may go by unseen, they end here. */
const NONE: EditTrailers = () => undefined;
const UNREADABLE_REPLY: Refusal = {
  status: 502,
  code: "gateway.body_unreadable",
  detail: "the upstream's reply has more than one content type",
};
/** The longest that may wait is looked into within some seconds. */
const RETRY_SECONDS = "1";
/** In a line of the log; the record has them all. */
const MATCHES_TOLD_MAX = 10;

export interface FirewallPorts {
  readonly waf: Waf;
  /** Where this gateway listens. */
  readonly server: () => { readonly address: string; readonly port: number };
  /** Where requests wait that take long; all firewalls of a gateway share it. */
  readonly inspections: Inspections;
  /** Of each transaction in which a rule matched. */
  readonly onRecord: (record: WafRecord, passage: Passage) => void;
}

export interface FirewallCounts {
  /** Bodies that were not looked into, or not to their end: nobody knows when they end, they are longer than it takes, or too many others waited. */
  unseen: number;
}

export class Firewall {
  readonly counts: FirewallCounts = { unseen: 0 };
  readonly #ports: FirewallPorts;
  readonly #transactions = new WeakMap<Passage, WafTransaction>();

  constructor(ports: FirewallPorts) {
    this.#ports = ports;
  }

  readonly step: Step = (passage) => {
    const { waf } = this.#ports;
    const { address, port } = this.#ports.server();
    const transaction = waf.transaction({
      clientAddress: passage.client,
      clientPort: passage.peer.port,
      serverAddress: address,
      serverPort: port,
      route: passage.route?.plan.id ?? "",
    });
    this.#transactions.set(passage, transaction);
    passage.atEnd(() => this.#end(passage, transaction));
    const { authority, headers, hop, method, target, version } = passage.request;
    const head = { method, target, version, authority, headers, hop };
    // Rules may say of the request whether it is blocked, also late: it is asked when the trailers are there.
    const edit: EditTrailers = (trailers) => (transaction.isBlocking ? undefined : trailers);
    passage.body = trailing(passage.body, edit, () => {});
    const verdict = transaction.requestHead(head, this.#ports.inspections.firstTurn());
    return this.#judged(passage, transaction, 0, verdict, (said) =>
      said.kind === "block" ? carryOut(passage, said) : this.#body(passage, transaction),
    );
  };

  /** A verdict that is there is carried out at once; one that is not is waited for. */
  #judged(
    passage: Passage,
    transaction: WafTransaction,
    bytes: number,
    verdict: WafVerdict | undefined,
    carry: (verdict: WafVerdict) => Went,
  ): Went {
    if (verdict !== undefined) return carry(verdict);
    const inspection: Inspection = {
      client: passage.client,
      bytes,
      goOn: (turn) => {
        const late = transaction.goOn(turn);
        if (late === undefined) return false;
        carryLate(passage, () => carry(late));
        return true;
      },
    };
    const { inspections } = this.#ports;
    if (!inspections.wait(inspection)) return carry(this.#full(transaction));
    passage.atEnd(() => inspections.drop(inspection));
    return "held";
  }

  #body(passage: Passage, transaction: WafTransaction): Went {
    const isWanted = passage.body.length !== 0 && transaction.wantsRequestBody;
    const bytesMax = transaction.requestBodyBytesMax;
    // One that says that it is too long has been refused by its head, unless the firewall only watches.
    const isUnseen = isWanted && (isEndless(passage) || (passage.body.length ?? 0) > bytesMax);
    if (isUnseen) this.counts.unseen++;
    if (!isWanted || isUnseen) return this.#look(passage, transaction, EMPTY, (verdict) => went(passage, verdict));
    let isNow = true;
    let now = undefined as Peeked | Failure | undefined; // set within peek
    const body = peek(passage.body, bytesMax, this.#holder(passage), (outcome) => {
      if (isNow) now = outcome;
      else if (!passage.isEnded) carryLate(passage, () => this.#gathered(passage, transaction, body, outcome));
    });
    isNow = false;
    return now === undefined ? "held" : this.#gathered(passage, transaction, body, now);
  }

  #look(
    passage: Passage,
    transaction: WafTransaction,
    bytes: Uint8Array,
    carry: (verdict: WafVerdict) => Went,
    opened?: OpenedBody,
  ): Went {
    const verdict = transaction.requestBody(bytes, this.#ports.inspections.firstTurn(), opened);
    const inflatedBytes = opened instanceof Uint8Array ? opened.byteLength : 0;
    return this.#judged(passage, transaction, bytes.byteLength + inflatedBytes, verdict, carry);
  }

  /** Of one that is coded and not short what comes out is looked at later: how much that is nobody knows before. */
  #lookOpened(
    passage: Passage,
    transaction: WafTransaction,
    bytes: Uint8Array,
    carry: (verdict: WafVerdict) => Went,
  ): Went {
    const inflate = bytes.byteLength > INFLATED_AT_ONCE_BYTES ? transaction.inflation(bytes) : undefined;
    if (inflate === undefined) return this.#look(passage, transaction, bytes, carry);
    const held = this.#holder(passage);
    const job = this.#ports.inspections.inflations.run<OpenedBody>(inflate, held, (opened) => {
      if (passage.isEnded) return;
      carryLate(passage, () => {
        if (opened instanceof Failure) throw opened;
        const hasRoom = !(opened instanceof Uint8Array) || held.to(opened.byteLength);
        return hasRoom ? this.#look(passage, transaction, bytes, carry, opened) : carry(this.#full(transaction));
      });
    });
    passage.atEnd(() => job.cancel());
    return "held";
  }

  /** More than the firewall takes is refused by what it says of it; one that only watches lets it go on. */
  #gathered(passage: Passage, transaction: WafTransaction, body: BodySource, outcome: Peeked | Failure): Went {
    if (outcome instanceof Failure) {
      body.cancel(REFUSED);
      passage.refuse(
        { status: 400, code: outcome.code, detail: "the body broke off before it could be looked at" },
        outcome.message,
      );
      return "ended";
    }
    if (outcome.isFull) {
      const full = this.#full(transaction);
      if (full.kind === "pass") passage.body = body;
      else body.cancel(REFUSED);
      return went(passage, full);
    }
    if (!outcome.isWhole) this.counts.unseen++;
    return this.#lookOpened(passage, transaction, outcome.bytes, (verdict) => {
      if (verdict.kind === "pass") passage.body = body;
      else body.cancel(REFUSED);
      return went(passage, verdict);
    });
  }

  #holder(passage: Passage): HeldBytes {
    const held = this.#ports.inspections.holder(passage.client);
    passage.atEnd(() => held.free());
    return held;
  }

  /** There is no room for it to be looked into: refused, or where the firewall only watches let go on unseen. */
  #full(transaction: WafTransaction): WafVerdict {
    const busy = transaction.refuseBusy();
    if (busy.kind === "pass") this.counts.unseen++;
    return busy;
  }

  readonly guard: ReplyGuard = {
    isStrict: false,
    take: (passage, head, length, open) => {
      const transaction = this.#transactions.get(passage);
      if (!transaction) return open(head, length);
      const opened: OpenReply = (...said) => {
        const sink = open(...said);
        // Of a stream they say how it has ended; nobody looks into those.
        return transaction.isBlocking && !isStream(head) ? new TrailingSink(sink, NONE, () => {}) : sink;
      };
      const verdict = transaction.replyHead(head);
      if (verdict.kind === "block") return blockedBy(verdict);
      // By which of them the client goes nobody knows.
      const isDoubtful = transaction.readsReplies && headersOf(head.headers, "content-type").length > 1;
      if (isDoubtful && transaction.isBlocking) return UNREADABLE_REPLY;
      if (transaction.wantsReplyBody && !isStream(head)) return this.#reply(passage, transaction, head, length, opened);
      transaction.replyBody(EMPTY);
      return opened(head, length);
    },
  };

  /** Gathered up to what is looked at; nothing of it goes before that, and what is behind it flows. */
  #reply(
    passage: Passage,
    transaction: WafTransaction,
    head: ReplyHead,
    length: number | undefined,
    open: OpenReply,
  ): BodySink {
    let sink = undefined as BodySink | undefined; // set within peek
    const source: BodySource = {
      length,
      start: (started) => {
        sink = started;
      },
      cancel: (cause) => sink?.onCancel?.(cause),
    };
    const body = peek(source, transaction.replyBodyBytesMax, this.#holder(passage), (outcome) => {
      if (passage.isEnded) return;
      if (outcome instanceof Failure) return passage.refuse(brokenOff(outcome), outcome.message);
      const { bytes, hasTrailers, isFull, isWhole } = outcome;
      const known = length ?? (isWhole && !hasTrailers ? bytes.byteLength : undefined);
      const verdict = isFull
        ? this.#full(transaction)
        : transaction.replyBody(bytes, this.#ports.inspections.firstTurn());
      this.#judged(passage, transaction, bytes.byteLength, verdict, (said) => {
        if (said.kind === "pass") body.start(open(head, known));
        else {
          passage.refuse(blockedBy(said), said.message);
          body.cancel(REFUSED);
        }
        return "ended"; // the passage has taken its steps already
      });
    });
    return sink!; // peek starts the source
  }

  #end(passage: Passage, transaction: WafTransaction): void {
    const record = transaction.end();
    if (record.matches.length === 0 && record.verdict.kind === "pass" && record.wouldBe.kind === "pass") return;
    passage.notes.push({
      waf: record.waf,
      mode: record.mode,
      score: record.inboundScore,
      rules: record.matches.slice(0, MATCHES_TOLD_MAX).map(({ ruleId, variable }) => `${ruleId} ${variable}`),
    });
    this.#ports.onRecord(record, passage);
  }
}

/** What is left of the way of a passage that was held. What breaks there breaks this request and nothing else. */
function carryLate(passage: Passage, carry: () => Went): void {
  try {
    if (carry() === "on") passage.goOn();
  } catch (thrown) {
    const failure = toFailure(thrown, "gateway.defect");
    passage.break(failure, refusalOf(failure));
  }
}

function went(passage: Passage, verdict: WafVerdict): Went {
  return verdict.kind === "block" ? carryOut(passage, verdict) : "on";
}

function carryOut(passage: Passage, verdict: WafVerdict & { readonly kind: "block" }): Went {
  const { isDrop, message, reason } = verdict;
  if (isDrop) passage.reset(new Failure(reason, message));
  else passage.refuse(blockedBy(verdict), message);
  return "ended";
}

/** What a client may know: nothing of rules and scores. */
function blockedBy({ location, reason, status }: WafVerdict & { readonly kind: "block" }): Refusal {
  const headers = location === undefined ? [] : ["location", location];
  if (reason === BUSY) headers.push("retry-after", RETRY_SECONDS);
  return { status, code: reason, detail: "the request was refused", headers };
}

function isEndless({ request: { headers, protocol }, route }: Passage): boolean {
  if (protocol !== undefined) return true;
  const types = headersOf(headers, "content-type");
  return types.length === 1 && GRPC.test(types[0]!) && route !== undefined && takesGrpc(route.plan);
}

/** Not gRPC-web: its requests end. */
const GRPC = /^application\/grpc(\+[^;\s]*)?\s*(;|$)/i;

/** Elsewhere a client could call any body gRPC, so that nobody looks into it. */
function takesGrpc({ options, targets }: RoutePlan): boolean {
  if (options.convert.mode === "grpc-json") return true;
  return targets.some((target) => target.kind === "origin" && /^grpcs?$/.test(target.origin.scheme));
}

function isStream({ headers }: ReplyHead): boolean {
  return /^(text\/event-stream|application\/x-ndjson|application\/grpc)/i.test(headerOf(headers, "content-type") ?? "");
}
