/**
 * A reply that guards want to look at before the client gets any of it: gathered, up to what they take, looked at, and sent whole. One
 * that is longer than a lenient guard takes goes on unseen by it, as it comes; one that is longer than a strict guard takes is refused.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { type BodySink, type HeaderList, KeptBytes, type ReplyHead } from "../../../wire/http/index.ts";
import { ClosedSink } from "./closed.ts";
import { refusalOf } from "./failures.ts";
import { isRefusal, type LookingGuard, type OpenReply, type Refusal, type ReplyGuard, type ReplyWay } from "./words.ts";

const EMPTY = new Uint8Array(0);

interface Wanting {
  readonly guard: LookingGuard;
  readonly bytesMax: number;
}

/** Where the reply goes, once the guards have seen its head; those behind one that takes it see it when that one opens it. */
export function guardReply(
  way: ReplyWay,
  guards: readonly ReplyGuard[],
  head: ReplyHead,
  length: number | undefined,
): BodySink {
  const at = guards.findIndex((guard) => "take" in guard);
  const taking = guards[at];
  if (taking === undefined || !("take" in taking))
    return lookedAt(way, guards as readonly LookingGuard[], head, length, (seen, bytes) =>
      way.respondUnguarded(seen, bytes),
    );
  const behind = guards.slice(at + 1);
  return lookedAt(way, guards.slice(0, at) as readonly LookingGuard[], head, length, (seen, bytes) => {
    const taken = orRefusal(() => taking.take(way, seen, bytes, (last, size) => guardReply(way, behind, last, size)));
    return isRefusal(taken) ? refused(way, taken) : taken;
  });
}

function lookedAt(
  way: ReplyWay,
  guards: readonly LookingGuard[],
  head: ReplyHead,
  length: number | undefined,
  open: OpenReply,
): BodySink {
  const look = new HeadLook(way, length);
  for (const guard of guards) {
    const refusal = orRefusal(() => look.by(guard, look.head ?? head));
    if (refusal !== undefined) return refused(way, refusal);
  }
  return look.sink(head, open);
}

function refused(way: ReplyWay, refusal: Refusal): BodySink {
  way.refuse(refusal);
  return new ClosedSink();
}

/** Asks the guards, one behind the other, each about the head that the one before has left. */
class HeadLook {
  head: ReplyHead | undefined;
  readonly #way: ReplyWay;
  readonly #wanting: Wanting[] = [];
  readonly #length: number | undefined;

  constructor(way: ReplyWay, length: number | undefined) {
    this.#way = way;
    this.#length = length;
  }

  by(guard: LookingGuard, head: ReplyHead): Refusal | undefined {
    const bytesMax = guard.wants(this.#way, head, this.#length);
    if (bytesMax === undefined) return undefined;
    if (bytesMax === 0) return this.#byHead(guard, head);
    const isLonger = this.#length !== undefined && this.#length > bytesMax;
    if (isLonger && !guard.looksAtBeginnings) return guard.isStrict ? tooLarge(bytesMax) : undefined;
    this.#wanting.push({ guard, bytesMax });
    return undefined;
  }

  #byHead(guard: LookingGuard, head: ReplyHead): Refusal | undefined {
    const found = guard.look(this.#way, head, EMPTY);
    if (isRefusal(found)) return found;
    this.head = found.head;
    return undefined;
  }

  sink(head: ReplyHead, open: OpenReply): BodySink {
    const seen = this.head ?? head;
    const wanting = this.#wanting;
    return wanting.length > 0
      ? new GuardedSink(this.#way, seen, this.#length, wanting, open)
      : open(seen, this.#length);
  }
}

class GuardedSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #way: ReplyWay;
  readonly #head: ReplyHead;
  readonly #length: number | undefined;
  readonly #wanting: readonly Wanting[];
  readonly #isStrict: boolean;
  /** What is gathered: all of it has to fit the strictest guard, or else it may as well be more than any takes. */
  readonly #bytesMax: number;
  #kept = new KeptBytes();
  readonly #opens: OpenReply;
  /** Behind it, once the reply is passed on as it comes. */
  #open: BodySink | undefined;
  #isDone = false;

  constructor(
    way: ReplyWay,
    head: ReplyHead,
    length: number | undefined,
    wanting: readonly Wanting[],
    opens: OpenReply,
  ) {
    this.#opens = opens;
    this.#way = way;
    this.#head = head;
    this.#length = length;
    this.#wanting = wanting;
    const strict = wanting.filter(({ guard }) => guard.isStrict).map(({ bytesMax }) => bytesMax);
    this.#isStrict = strict.length > 0;
    this.#bytesMax = this.#isStrict ? Math.min(...strict) : Math.max(...wanting.map(({ bytesMax }) => bytesMax));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone) return false;
    if (this.#open) return this.#open.write(chunk);
    this.#kept.push(chunk);
    if (this.#kept.size <= this.#bytesMax) return true;
    const refusal = this.#isStrict ? tooLarge(this.#bytesMax) : this.#lookAtBeginning();
    return refusal === undefined ? this.#passOn() : this.#refuse(refusal);
  }

  #lookAtBeginning(): Refusal | undefined {
    const looking = this.#wanting.filter(({ guard }) => guard.looksAtBeginnings);
    if (looking.length === 0) return undefined;
    const body = this.#kept.takeAll();
    this.#kept.push(body);
    return orRefusal(() => {
      for (const { bytesMax, guard } of looking) {
        const found = guard.look(this.#way, this.#head, body.subarray(0, bytesMax));
        if (isRefusal(found)) return found;
      }
      return undefined;
    });
  }

  #refuse(refusal: Refusal): false {
    this.#isDone = true;
    this.#kept = new KeptBytes();
    const { onCancel } = this;
    this.#way.refuse(refusal);
    onCancel?.(new Failure(refusal.code, refusal.detail));
    return false;
  }

  #passOn(): boolean {
    const open = this.#opens(this.#head, this.#length);
    this.#open = open;
    open.onReady = () => this.onReady?.();
    open.onCancel = (cause) => this.onCancel?.(cause);
    let more = true;
    for (let chunk = this.#kept.shift(); chunk !== undefined; chunk = this.#kept.shift()) more = open.write(chunk);
    return more;
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (this.#open) return this.#open.end(trailers);
    let head = this.#head;
    let body = this.#kept.takeAll();
    const refusal = orRefusal(() => {
      for (const { bytesMax, guard } of this.#wanting) {
        const isLonger = body.byteLength > bytesMax && !guard.isStrict;
        if (isLonger && !guard.looksAtBeginnings) continue;
        const found = guard.look(this.#way, head, isLonger ? body.subarray(0, bytesMax) : body);
        if (isRefusal(found)) return found;
        if (isLonger) continue;
        ({ head, body } = found);
      }
      return undefined;
    });
    if (refusal !== undefined) return this.#way.refuse(refusal);
    const sink = this.#opens(head, body.byteLength);
    if (body.byteLength > 0) sink.write(body);
    sink.end(trailers);
  }

  abort(cause: Failure): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#kept = new KeptBytes();
    if (this.#open) return this.#open.abort(cause);
    this.#way.refuse({ status: 502, code: cause.code, detail: "the upstream's reply broke off" }, cause.message);
  }
}

/** What a guard throws is a refusal: what it could not look at does not go on. */
function orRefusal<Found>(look: () => Found): Found | Refusal {
  try {
    return look();
  } catch (thrown) {
    return refusalOf(toFailure(thrown, "gateway.defect"));
  }
}

function tooLarge(bytesMax: number): Refusal {
  return {
    status: 502,
    code: "gateway.reply_too_large",
    detail: `the upstream's reply is larger than the ${bytesMax} bytes that can be looked at`,
  };
}
