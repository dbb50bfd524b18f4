/**
 * Finding others: the seeds, asked a few at once with growing delays until one answers, and later now and then somebody who
 * is dead or a seed nobody of which is known, so that the halves of a partition find each other by themselves.
 */
import type { AntiEntropy, SyncAnswer } from "./anti-entropy.ts";
import type { Core } from "./core.ts";
import type { Address } from "./messages.ts";
import type { News } from "./news.ts";
import { isAddress } from "./options.ts";
import { addressText, isSameAddress, isUp } from "./precedence.ts";
import type { TimerEntry } from "./timers.ts";

/** Seeds remembered: people name a handful, and DNS gives a few addresses for each. */
const SEEDS_MAX = 32;
/** Asked in one round: the first ones that are up make one cluster of all who start at once. */
const SEEDS_AT_ONCE = 4;

export class Joiner {
  readonly #core: Core;
  readonly #news: News;
  readonly #sync: AntiEntropy;
  #seeds: Address[] = [];
  #next = 0;
  #delayMs = 0;
  #timer: TimerEntry | undefined;
  readonly #tick = (): void => this.#reconnect();

  constructor(core: Core, news: News, sync: AntiEntropy) {
    this.#core = core;
    this.#news = news;
    this.#sync = sync;
  }

  start(): void {
    const { nowMs, options, random, timers } = this.#core;
    timers.set(nowMs + random.next() * options.reconnectIntervalMs, this.#tick);
  }

  /** Is it still asking its seeds, without an answer so far? */
  get isJoining(): boolean {
    return this.#timer !== undefined;
  }

  join(seeds: readonly Address[]): void {
    const { options, peer } = this.#core;
    const isNew = (seed: Address): boolean => !this.#seeds.some((each) => isSameAddress(each, seed));
    for (const seed of seeds) {
      if (this.#seeds.length >= SEEDS_MAX) break;
      if (isAddress(seed) && !isSameAddress(seed, peer.address) && isNew(seed)) this.#seeds.push(seed);
    }
    this.#delayMs = options.joinRetryMs;
    this.#next = 0;
    this.#stop();
    this.#round();
  }

  answered({ from, isSelf, purpose }: SyncAnswer): void {
    if (isSelf) this.#seeds = this.#seeds.filter((seed) => !isSameAddress(seed, from));
    else if (purpose === "join") this.#stop();
  }

  #round(): void {
    const { counts, nowMs, options, phase, random, timers } = this.#core;
    const size = this.#seeds.length;
    this.#timer = undefined;
    if (size === 0 || phase !== "running") return;
    for (let step = 0; step < Math.min(size, SEEDS_AT_ONCE); step++) {
      counts.joinTries++;
      this.#sync.request(this.#seeds[this.#next++ % size]!, "join");
    }
    // Half of the delay is left to chance: many that wait for one seed must not come all at once.
    const waitMs = this.#delayMs * (0.5 + random.next() / 2);
    this.#timer = timers.set(nowMs + waitMs, () => this.#round());
    this.#delayMs = Math.min(options.joinRetryMsMax, 2 * this.#delayMs);
  }

  #stop(): void {
    this.#core.timers.cancel(this.#timer);
    this.#timer = undefined;
  }

  #reconnect(): void {
    const { callerMs, counts, nowMs, options, phase, random, rules, table, timers } = this.#core;
    if (phase !== "running") return;
    // Spread by chance, so that the tries of all members do not fall together.
    timers.set(nowMs + options.reconnectIntervalMs * (0.5 + random.next()), this.#tick);
    this.#news.forgetOld();
    const dead = [...table.gone()].filter(({ member }) => member.state === "dead");
    const seeds = this.isJoining ? [] : this.#unknownSeeds();
    const count = dead.length + seeds.length;
    if (count === 0 || random.next() >= rules.reconnectChance(count, table.upCount)) return;
    const at = random.below(count);
    const entry = dead[at];
    if (entry !== undefined) entry.retriedMs = callerMs;
    counts.reconnects++;
    this.#sync.request(entry?.member.address ?? seeds[at - dead.length]!, "exchange");
  }

  #unknownSeeds(): readonly Address[] {
    if (this.#seeds.length === 0) return [];
    const known = new Set<string>();
    for (const { member } of this.#core.table.all()) if (isUp(member)) known.add(addressText(member.address));
    return this.#seeds.filter((seed) => !known.has(addressText(seed)));
  }
}
