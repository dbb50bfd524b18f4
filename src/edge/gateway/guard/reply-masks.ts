/** Masks on the way of a route's replies: by the head it is decided whether one is masked while it comes, as a whole, not at all, or refused. */
import { Failure, toFailure } from "../../../base/errors.ts";
import {
  type BodySink,
  type HeaderList,
  headerOf,
  headersOf,
  type ReplyHead,
  withoutHeader,
} from "../../../wire/http/index.ts";
import { changedBody, type OpenReply, type Passage, type Refusal, replyRefusalOf } from "../core/index.ts";
import {
  bodyKind,
  type InflateBounds,
  isCoded,
  JsonFlow,
  type MaskRules,
  mayHide,
  requireReadable,
} from "../mask/index.ts";
import { type Flow, FlowSink } from "./flow-sink.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskCounts } from "./mask-counts.ts";
import type { MaskWork } from "./mask-work.ts";
import { maskedHeaders } from "./masked-headers.ts";
import { MaskedReply, tooLarge } from "./masked-reply.ts";
import { RecordFlow, recordFormOf } from "./record-flow.ts";
import { TrailingSink } from "./trailing-sink.ts";
import { type MaskedWhole, maskWhole } from "./whole-body.ts";

const UNREADABLE = "gateway.body_unreadable";
const TOO_LARGE = "gateway.reply_too_large";
const BAD_GATEWAY = 502;
const NO_CONTENT = 204;
const PARTIAL_CONTENT = 206;
const NOT_MODIFIED = 304;
const BYTE_RANGES = /^\s*multipart\/byteranges\b/i;

/** One reply, its headers masked. */
interface Reply {
  readonly passage: Passage;
  readonly head: ReplyHead;
  readonly length: number | undefined;
  readonly type: string;
  readonly open: OpenReply;
}

export class ReplyMasks {
  readonly #rules: MaskRules;
  readonly #bounds: InflateBounds;
  readonly #work: MaskWork;
  readonly #counts: MaskCounts;

  constructor(rules: MaskRules, bounds: InflateBounds, work: MaskWork, counts: MaskCounts) {
    this.#rules = rules;
    this.#bounds = bounds;
    this.#work = work;
    this.#counts = counts;
  }

  take(passage: Passage, head: ReplyHead, length: number | undefined, open: OpenReply): BodySink | Refusal {
    const type = headerOf(head.headers, "content-type") ?? "";
    try {
      const masked = { status: head.status, headers: maskedHeaders(head.headers, this.#rules) };
      return this.#taken({ passage, head: masked, length, type, open });
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.defect");
      this.#count(failure);
      passage.detail ??= failure.message;
      return refusalOfReply(failure);
    }
  }

  #taken(reply: Reply): BodySink {
    const { head, length, open, passage, type } = reply;
    const { headers, status } = head;
    // What a GET would get is longer or shorter, and tagged otherwise, once it is masked.
    if (passage.request.method === "HEAD" || status === NO_CONTENT || status === NOT_MODIFIED)
      return this.#unseen(bodyKind(type) === "binary" ? head : { status, headers: changedBody(headers) }, length, open);
    const coding = headersOf(headers, "content-encoding").join(", ");
    const form = recordFormOf(type);
    // Who reads it may go by another of them than masks do.
    if (headersOf(headers, "content-type").length > 1) throw unreadable("it has more than one content type");
    if (form !== undefined) {
      requireReadable(type);
      if (isCoded(coding)) throw unreadable("it is a stream in a coding");
      return this.#flow(reply, new RecordFlow(form, this.#rules));
    }
    if (bodyKind(type) === "records") throw unreadable("its type is none that masks read");
    if (BYTE_RANGES.test(type)) throw unreadable("it is several parts, of whatever type");
    if (!mayHide(type, this.#rules)) return this.#unseen(head, length, open);
    if (status === PARTIAL_CONTENT) throw unreadable("it is a part: what is to be hidden may be cut in two");
    if (length !== undefined && length > this.#bounds.inflatedBytesMax) throw tooLarge(this.#bounds.inflatedBytesMax);
    requireReadable(type);
    return this.#gathered(reply, coding);
  }

  #unseen(head: ReplyHead, length: number | undefined, open: OpenReply): BodySink {
    return new TrailingSink(
      open(head, length),
      (trailers) => this.#trailers(trailers),
      (failure) => this.#count(failure),
    );
  }

  #holder(passage: Passage): HeldBytes {
    const held = this.#work.holder(passage.client);
    passage.atEnd(() => held.free());
    return held;
  }

  #flow(reply: Reply, flow: Flow, held = this.#holder(reply.passage)): FlowSink {
    const { head, open, passage } = reply;
    const sink = new FlowSink(open({ status: head.status, headers: changedBody(head.headers) }, undefined), flow, {
      work: this.#work,
      held,
      events: {
        masked: (count) => {
          this.#counts.masked += count;
        },
        refused: (failure) => {
          this.#count(failure);
          passage.why ??= failure.code;
          passage.detail ??= failure.message;
        },
        trailers: (trailers) => this.#trailers(trailers),
      },
    });
    passage.atEnd(() => sink.drop());
    return sink;
  }

  #gathered(reply: Reply, contentEncoding: string): MaskedReply {
    const { head, open, passage, type } = reply;
    const held = this.#holder(passage);
    const ports = { rules: this.#rules, bounds: this.#bounds, work: this.#work, held };
    const mayFlow = bodyKind(type) === "json" && !isCoded(contentEncoding);
    const sink = new MaskedReply({
      held,
      bytesMax: this.#bounds.inflatedBytesMax,
      flow: mayFlow ? () => this.#flow(reply, new JsonFlow(this.#rules), held) : undefined,
      whole: (pieces, done) => maskWhole({ pieces, contentType: type, contentEncoding }, ports, done),
      open: (masked, isOpen) => {
        this.#note(passage, masked);
        const headers = masked.isChanged ? changedBody(head.headers) : head.headers;
        // HTTP/1.1 has trailers only behind chunks.
        if (isOpen) return open({ status: head.status, headers: withoutHeader(headers, "content-length") }, undefined);
        return open({ status: head.status, headers }, masked.pieces.size);
      },
      trailers: (trailers) => this.#trailers(trailers),
      refuse: (failure) => {
        this.#count(failure);
        passage.refuse(refusalOfReply(failure), failure.message);
      },
    });
    passage.atEnd(() => sink.drop());
    return sink;
  }

  #note(passage: Passage, { count }: MaskedWhole): void {
    if (count === 0) return;
    this.#counts.masked += count;
    passage.notes.push({ masked: count });
  }

  #trailers(trailers: HeaderList): HeaderList {
    return maskedHeaders(trailers, this.#rules);
  }

  /** What is larger than is taken the core counts; what broke off was not refused. */
  #count({ code }: Failure): void {
    if (COUNTED.has(code)) this.#counts.refused++;
  }
}

const COUNTED: ReadonlySet<string> = new Set([
  UNREADABLE,
  "gateway.body_too_large",
  "gateway.bodies_full",
  "gateway.defect",
]);

function unreadable(what: string): Failure {
  return new Failure(UNREADABLE, `the upstream's reply cannot be masked: ${what}`);
}

function refusalOfReply(failure: Failure): Refusal {
  if (failure.code === TOO_LARGE) return { status: BAD_GATEWAY, code: TOO_LARGE, detail: failure.message };
  return replyRefusalOf(failure);
}
