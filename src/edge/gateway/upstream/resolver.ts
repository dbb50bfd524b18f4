/**
 * Names to addresses, with a small memory: requests that come together ask once, answers are kept as long as they say within bounds. A name
 * server that is silent holds a bounded number of names, and of those who wait for them only who still does. The resolver itself
 * is a port, so that tests own it; each of its promises has to settle.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import {
  ADDRESSES_MAX,
  DYNAMIC_LOOKUPS_MAX,
  LOOKUPS_MAX,
  NAMES_MAX,
  TTL_MS_FAILED,
  TTL_MS_MAX,
  TTL_MS_MIN,
} from "./limits.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
  /** In seconds; 0 where the resolver does not know. */
  readonly ttl: number;
}

/** It has to settle in some time of its own: a name is not looked up again before. */
export type Resolve = (name: string) => Promise<readonly ResolvedAddress[]>;

/** Addresses in the order in which they are tried, or why there are none: `gateway.connect_failed`. */
export type Resolved = readonly string[] | Failure;

export type LookedUp = (answer: Resolved) => void;

interface Entry {
  answer: Resolved | undefined;
  untilMs: number;
  readonly isDynamic: boolean;
  readonly waiting: Set<LookedUp>;
}

export const systemResolve: Resolve = async (name) => await Bun.dns.lookup(name);

export class Resolver {
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #names = new Map<string, Entry>();
  /** Under way, and of these the dynamic ones. */
  #lookups = 0;
  #dynamic = 0;

  constructor(resolve: Resolve, clock: Clock) {
    this.#resolve = resolve;
    this.#clock = clock;
  }

  /** `done` is called once, at once where the answer is known; never after `forget`. `isDynamic`: a client has chosen the name. */
  lookup(name: string, isDynamic: boolean, done: LookedUp): void {
    const known = this.#names.get(name);
    if (known !== undefined && known.answer === undefined) {
      known.waiting.add(done);
    } else if (known?.answer !== undefined && known.untilMs > this.#clock.monotonic()) {
      done(known.answer);
    } else if (this.#lookups >= LOOKUPS_MAX || (isDynamic && this.#dynamic >= DYNAMIC_LOOKUPS_MAX)) {
      done(busy(name, this.#lookups));
    } else {
      this.#ask(name, isDynamic, done);
    }
  }

  /** Whoever asked does not wait any more. The lookup goes on, for others. */
  forget(name: string, done: LookedUp): void {
    this.#names.get(name)?.waiting.delete(done);
  }

  #ask(name: string, isDynamic: boolean, done: LookedUp): void {
    const entry: Entry = { answer: undefined, untilMs: 0, isDynamic, waiting: new Set([done]) };
    this.#names.delete(name);
    this.#makeRoom();
    this.#names.set(name, entry);
    this.#count(isDynamic, 1);
    this.#resolve(name).then(
      (found) => this.#answer(name, entry, found),
      (thrown: unknown) => this.#keep(entry, failed(name, messageOf(thrown)), TTL_MS_FAILED),
    );
  }

  #count(isDynamic: boolean, change: 1 | -1): void {
    this.#lookups += change;
    if (isDynamic) this.#dynamic += change;
  }

  #answer(name: string, entry: Entry, found: readonly ResolvedAddress[]): void {
    if (found.length === 0) return this.#keep(entry, failed(name, "it has no address"), TTL_MS_FAILED);
    const leastMs = Math.min(...found.map(({ ttl }) => ttl)) * 1_000;
    this.#keep(entry, interleaved(found), Math.min(TTL_MS_MAX, Math.max(TTL_MS_MIN, leastMs)));
  }

  #keep(entry: Entry, answer: Resolved, keptMs: number): void {
    entry.answer = answer;
    entry.untilMs = this.#clock.monotonic() + keptMs;
    this.#count(entry.isDynamic, -1);
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    for (const done of waiting) done(answer);
  }

  /** The oldest answer goes; names that are looked up are fewer, and stay, so that none is looked up twice at once. */
  #makeRoom(): void {
    if (this.#names.size < NAMES_MAX) return;
    for (const [name, { answer }] of this.#names) {
      if (answer === undefined) continue;
      this.#names.delete(name);
      return;
    }
  }
}

/** The families in turn, beginning with the resolver's first (RFC 8305): one that is broken costs one delay. */
function interleaved(found: readonly ResolvedAddress[]): readonly string[] {
  const first = found.filter(({ family }) => family === found[0]!.family);
  const second = found.filter(({ family }) => family !== found[0]!.family);
  const mixed: string[] = [];
  for (let at = 0; at < found.length; at++) {
    if (first[at] !== undefined) mixed.push(first[at]!.address);
    if (second[at] !== undefined) mixed.push(second[at]!.address);
  }
  return [...new Set(mixed)].slice(0, ADDRESSES_MAX);
}

function busy(name: string, lookups: number): Failure {
  const message = `looking up ${name}: ${lookups} names are being looked up, no more are allowed at once`;
  return new Failure("gateway.upstream_busy", message, { retryable: true });
}

function failed(name: string, why: string): Failure {
  return new Failure("gateway.connect_failed", `looking up ${name}: ${why}; a name with an address is required`, {
    retryable: true,
  });
}
