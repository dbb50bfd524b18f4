/**
 * Looks at limited hosts from outside every now and then, one timer for all of them: for machines whose kernel is not
 * ours to ask, and for the words: only who has looked can say how much was used. A host near its memory limit is looked
 * at more often, because memory is the only thing that grows by gigabytes between two looks.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { type HostLimits, type LimitExceeded, limitExceeded, outOfMemory, type ProcessUsage } from "./host-limits.ts";
import { familyUsage } from "./proc.ts";

/** A look takes some 40 µs a host: a hundred limited hosts cost 2 % of a core. */
export const LOOK_EVERY_MS = 250;
/** Memory is filled at some 2 GiB a second: 100 MiB between two looks. */
export const LOOK_CLOSELY_MS = 50;
/** Part of the memory limit from which on a host is looked at closely. */
const NEAR = 0.5;
/** A busy host is looked at through locks of its own: one that has gigabytes to go is left alone for as long as half of them take. */
const LOOK_SELDOM_MS = 5_000;
const FILLED_BYTES_PER_MS = (2 * 2 ** 30) / 1000;

export interface Watched {
  readonly pid: number;
  readonly limits: HostLimits;
  /** The kernel has killed one of its processes for their memory; the others may live on without it. */
  outOfMemory(): boolean;
  exceeded(how: LimitExceeded): void;
}

export type ReadUsage = (pid: number) => ProcessUsage | undefined;

export class HostWatch {
  readonly #clock: Clock;
  readonly #read: ReadUsage;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;
  #delayMs = 0;

  constructor(clock: Clock, read: ReadUsage = familyUsage) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Until `remove`, or until it is told to have exceeded a limit. Hosts without limits to look at are not taken. */
  add(host: Watched): void {
    const { cpuMs, files, memoryBytes } = host.limits;
    if (memoryBytes === undefined && cpuMs === undefined && files === undefined) return;
    this.#watched.add(host);
    this.#schedule(memoryBytes === undefined ? LOOK_EVERY_MS : LOOK_CLOSELY_MS);
  }

  remove(host: Watched): void {
    this.#watched.delete(host);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Keeps the sooner of the present look and this one. */
  #schedule(delayMs: number): void {
    if (this.#timer && this.#delayMs <= delayMs) return;
    this.#timer?.cancel();
    this.#delayMs = delayMs;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    let delayMs = LOOK_SELDOM_MS;
    for (const host of this.#watched) {
      const usage = this.#read(host.pid);
      if (!usage) {
        delayMs = Math.min(delayMs, LOOK_EVERY_MS);
        continue; // ended a moment ago: its owner removes it
      }
      const exceeded = host.outOfMemory() ? outOfMemory(host.limits) : limitExceeded(host.limits, usage);
      delayMs = Math.min(delayMs, nextLookMs(host.limits, usage));
      if (!exceeded) continue;
      this.#watched.delete(host);
      host.exceeded(exceeded);
    }
    if (this.#watched.size > 0) this.#schedule(delayMs);
  }
}

/** Before it can be over a limit by much. */
function nextLookMs({ cpuMs, files, memoryBytes }: HostLimits, usage: ProcessUsage): number {
  const most = cpuMs === undefined && files === undefined ? LOOK_SELDOM_MS : LOOK_EVERY_MS;
  if (memoryBytes === undefined) return most;
  if (usage.memoryBytes > NEAR * memoryBytes) return LOOK_CLOSELY_MS;
  const halfWayMs = (NEAR * memoryBytes - usage.memoryBytes) / FILLED_BYTES_PER_MS;
  return Math.min(most, Math.max(LOOK_EVERY_MS, halfWayMs));
}
