/**
 * What a leader knows of one follower, and how much it may send. `probe`: one message at a time until it is known where the logs part.
 * `replicate`: optimistically one message after the other, as many as the window holds. `snapshot`: what it needs is compacted.
 */
import type { NodeId, SnapshotInfo } from "./messages.ts";
import type { RaftOptions } from "./options.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

/** A snapshot on its way. */
export interface Sending {
  readonly snapshot: SnapshotInfo;
  /** Where the follower wants to go on. */
  offset: number;
  /** When the question or the piece went out; again after `pieceRetryMs`. */
  askedMs: number;
}

/** Messages with entries that have no answer yet: a ring of the last index and the bytes of each. */
class Inflight {
  readonly #indexes: number[] = [];
  readonly #bytes: number[] = [];
  #head = 0;
  #total = 0;

  get count(): number {
    return this.#indexes.length - this.#head;
  }

  get bytes(): number {
    return this.#total;
  }

  add(lastIndex: number, bytes: number): void {
    this.#indexes.push(lastIndex);
    this.#bytes.push(bytes);
    this.#total += bytes;
  }

  freeTo(index: number): void {
    while (this.#head < this.#indexes.length && this.#indexes[this.#head]! <= index)
      this.#total -= this.#bytes[this.#head++]!;
    if (this.#head === this.#indexes.length) this.clear();
    else if (this.#head > SHIFT_MIN && this.#head * 2 > this.#indexes.length) this.#shift();
  }

  clear(): void {
    this.#indexes.length = 0;
    this.#bytes.length = 0;
    this.#head = 0;
    this.#total = 0;
  }

  #shift(): void {
    this.#indexes.splice(0, this.#head);
    this.#bytes.splice(0, this.#head);
    this.#head = 0;
  }
}

/** Below this many freed places moving the rest costs more than it saves. */
const SHIFT_MIN = 64;

export class Progress {
  readonly id: NodeId;
  readonly inflight = new Inflight();
  state: ProgressState = "probe";
  /** Durable there and the same as here. */
  match = 0;
  next: number;
  /** A probe is on its way. */
  isPaused = false;
  /** When it was last heard, and the latest round that it has answered. */
  heardMs: number;
  round = 0;
  /** Refusals of messages of an earlier round are about what has been taken back since. */
  probeRound = 0;
  /** The probe that is on its way is about this, which it had acknowledged before. */
  probedMatch: number | undefined;
  /** It refused what it had acknowledged, and that was told. */
  isSuspect = false;
  /** The commit index that it was told. */
  told = 0;
  sending: Sending | undefined;
  /** It is damaged: what its messages carry, and since when. */
  repair: { readonly id: number; readonly through: number; readonly round: number } | undefined;

  /**
   * The configuration at this index is without it. It still gets that and hears that it is committed, so that it knows and disturbs
   * nobody; answered is that with this round.
   */
  leavesAt: number | undefined;
  farewellRound = Number.POSITIVE_INFINITY;

  constructor(id: NodeId, next: number, nowMs: number) {
    this.id = id;
    this.next = next;
    this.heardMs = nowMs;
  }

  isFull({ inflightBytesMax, inflightMessagesMax }: RaftOptions): boolean {
    return this.inflight.count >= inflightMessagesMax || this.inflight.bytes >= inflightBytesMax;
  }

  become(state: ProgressState, next: number): void {
    this.state = state;
    this.next = next;
    this.isPaused = false;
    this.inflight.clear();
    this.sending = undefined;
  }
}
