/**
 * How many tokens somebody may ask for. Each one is signed, written down and listed, so that whoever asks without end takes
 * time from all others and pushes their tokens out of the list. Names within a name (`eve/phone` in `eve`) count as one.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { ISSUE_BURST, ISSUE_EVERY_MS, ISSUE_NAMES_MAX } from "./limits.ts";
import { rootOf } from "./subject.ts";

interface Bucket {
  /** Of tokens, at `atMs`. */
  left: number;
  atMs: number;
}

export class IssueRate {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Takes one. Fails with `auth.token_rate` and `retryAfterMs` when there is none. */
  take(name: string): void {
    const root = rootOf(name);
    const nowMs = this.#clock.monotonic();
    const bucket = this.#bucketOf(root, nowMs);
    if (bucket.left < 1) throw tooMany(root, Math.ceil((1 - bucket.left) * ISSUE_EVERY_MS));
    bucket.left--;
  }

  #bucketOf(root: string, nowMs: number): Bucket {
    const { atMs, left } = this.#buckets.get(root) ?? { left: ISSUE_BURST, atMs: nowMs };
    const bucket = { left: Math.min(ISSUE_BURST, left + (nowMs - atMs) / ISSUE_EVERY_MS), atMs: nowMs };
    this.#buckets.delete(root); // to the end: it was heard of last
    if (this.#buckets.size >= ISSUE_NAMES_MAX) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(root, bucket);
    return bucket;
  }
}

function tooMany(root: string, retryAfterMs: number): Failure {
  const message = `${root} has asked for more than ${ISSUE_BURST} tokens; one every ${ISSUE_EVERY_MS / 1000} s is given, and any number to an admin`;
  return new Failure("auth.token_rate", message, { retryable: true, data: { retryAfterMs } });
}
