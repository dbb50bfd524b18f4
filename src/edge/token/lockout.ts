/**
 * Addresses from which too many wrong tokens come. Failures fill a bucket that empties with time; one that is full locks the
 * address out, each time for longer. Behind one address may be many: so a token that was verified passes all the same, and one
 * that was not is looked at a few times a second. Guessing has a price, and a neighbour's mistake is nobody's outage.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";

/** Somebody who tries out what is wrong with a token needs less. */
const FAILURES_MAX = 20;
/** The bucket empties in that time. */
const WINDOW_MS = 60_000;
/** Long enough to be noticed, short enough for a mistake that was mended. */
const LOCK_MS_MIN = 10_000;
const LOCK_MS_MAX = 15 * 60_000;
/** Whoever was good for so long begins anew. */
const FORGIVEN_MS = 30 * 60_000;
/** Tokens never seen before that are looked at while the address is locked: 0.3 % of a processor for 60 µs each. */
const LOOKS_PER_SECOND = 50;
/** Addresses that are remembered at some 150 bytes. An attacker with more than that has no use for any single one. */
const ADDRESSES_MAX = 10_000;
/** An address has at most 45; whatever else is given is no reason to keep more. */
const TEXT_CHARS_MAX = 64;

interface Record {
  /** Of the bucket, at `atMs`. */
  level: number;
  atMs: number;
  lockedUntilMs: number;
  /** Of the next lock. */
  lockMs: number;
  looksFromMs: number;
  looks: number;
}

export class Lockout {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #max: number;
  readonly #records = new Map<string, Record>();
  #locks = 0;

  constructor(clock: Pick<Clock, "monotonic">, addressesMax = ADDRESSES_MAX) {
    this.#clock = clock;
    this.#max = addressesMax;
  }

  /** How often an address was locked out; how many are remembered. */
  counts(): { readonly locks: number; readonly addresses: number } {
    return { locks: this.#locks, addresses: this.#records.size };
  }

  /** How long the address has to wait; 0 when it is not locked out. */
  waitMs(address: string | undefined): number {
    const record = this.#records.get(addressGroup(address));
    return record ? Math.max(0, record.lockedUntilMs - this.#clock.monotonic()) : 0;
  }

  /** Whether one more token, which nobody has seen before, is looked at. */
  mayLook(address: string | undefined): boolean {
    const record = this.#records.get(addressGroup(address));
    const nowMs = this.#clock.monotonic();
    if (!record || record.lockedUntilMs <= nowMs) return true;
    if (nowMs - record.looksFromMs >= 1_000) {
      record.looksFromMs = nowMs;
      record.looks = 0;
    }
    return ++record.looks <= LOOKS_PER_SECOND;
  }

  /** True when that locks the address out, which it was not before. */
  failed(address: string | undefined): boolean {
    const nowMs = this.#clock.monotonic();
    const record = this.#recordOf(addressGroup(address), nowMs);
    if (record.lockedUntilMs > nowMs) return false;
    const goneMs = nowMs - record.atMs;
    if (goneMs >= FORGIVEN_MS) record.lockMs = LOCK_MS_MIN;
    record.level = Math.max(0, record.level - (goneMs * FAILURES_MAX) / WINDOW_MS) + 1;
    record.atMs = nowMs;
    if (record.level <= FAILURES_MAX) return false;
    record.level = 0;
    record.lockedUntilMs = nowMs + record.lockMs;
    record.lockMs = Math.min(LOCK_MS_MAX, record.lockMs * 2);
    this.#locks++;
    return true;
  }

  #recordOf(group: string, nowMs: number): Record {
    const found = this.#records.get(group);
    if (found)
      this.#records.delete(group); // to the end: it was heard of last
    else if (this.#records.size >= this.#max) this.#records.delete(this.#records.keys().next().value!);
    const fresh = { level: 0, atMs: nowMs, lockedUntilMs: 0, lockMs: LOCK_MS_MIN, looksFromMs: 0, looks: 0 };
    const record = found ?? fresh;
    this.#records.set(group, record);
    return record;
  }
}

export function lockedOut(waitMs: number): Failure {
  const retryAfterMs = Math.ceil(waitMs);
  const message = `too many wrong tokens came from this address; wait ${Math.ceil(waitMs / 1000)} s`;
  return new Failure("auth.locked_out", message, { retryable: true, data: { retryAfterMs } });
}

/** Whoever has an IPv6 address has 2⁶⁴ of them: what counts is the network. IPv4 within IPv6 is IPv4. */
export function addressGroup(address = "unknown"): string {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/s, "");
  if (!isIPv6(bare)) return bare.slice(0, TEXT_CHARS_MAX);
  const words = wordsOf(bare);
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    const [high = 0, low = 0] = words.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
  const network = words.slice(0, 4).map((word) => word.toString(16));
  return `${network.join(":")}::/64`;
}

/** The eight words of an IPv6 address. The URL standard's spelling has no IPv4 part, and no leading zeros. */
function wordsOf(address: string): readonly number[] {
  const { hostname } = new URL(`http://[${address}]/`);
  const [left = "", right] = hostname.slice(1, -1).split("::");
  const read = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
  const [head, tail] = [read(left), read(right ?? "")];
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
