/**
 * Kills a host, waits for the next batch that its stage finishes, lets the pipeline work a little, and kills again. Only
 * hosts that the event log named and that have not ended are killed.
 */
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { Random } from "../../../src/base/random.ts";
import type { LoggedEvent } from "../common/event-tail.ts";

export interface Recovery {
  readonly stage: string;
  /** Milliseconds from the kill: until the main process knew, until the next host was ready, until its first batch. */
  readonly noticedMs: number;
  readonly readyMs: number;
  readonly batchMs: number;
}

export interface KillerOptions {
  readonly stages: number;
  /** Initialised hosts that each stage must have in reserve before the next kill. */
  readonly standby?: number;
  readonly random: Random;
  readonly killsMax: number;
  readonly clock?: Clock;
  readonly kill?: (pid: number) => void;
}

interface Wound {
  readonly stage: string;
  readonly pid: number;
  readonly atMs: number;
  noticedMs: number;
  readyMs: number;
}

/** Between a recovery and the next kill: the queues behind the stage fill again. */
const CALM_MS_MIN = 30;
const CALM_MS_SPREAD = 60;

export class Killer {
  readonly recoveries: Recovery[] = [];
  readonly #options: KillerOptions;
  readonly #clock: Clock;
  readonly #hosts = new Map<string, number>();
  /** By pid; the value is the stage. */
  readonly #standbys = new Map<number, string>();
  #wound: Wound | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(options: KillerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  take(event: LoggedEvent): void {
    if (event.event === "standby_ready") this.#standbys.set(event.pid, event.stage);
    else if (event.event === "standby_exited") this.#standbys.delete(event.pid);
    else if (event.event === "host_ready") this.#ready(event.stage, event.pid, event.time);
    else if (event.event === "host_exited") this.#exited(event.stage, event.pid, event.time);
    else if (event.event === "batch_done") this.#finished(event.stage, event.pid, event.time);
    if (!this.#wound && this.#isWhole()) this.#plan();
  }

  /** The run is over: what has not recovered by now had no batch left to finish. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wound = undefined;
    this.#hosts.clear();
    this.#standbys.clear();
  }

  #isWhole(): boolean {
    const { stages, standby = 0 } = this.#options;
    return this.#hosts.size === stages && this.#standbys.size >= stages * standby;
  }

  #ready(stage: string, pid: number, time: number): void {
    this.#standbys.delete(pid);
    this.#hosts.set(stage, pid);
    if (this.#wound?.stage === stage) this.#wound.readyMs = time - this.#wound.atMs;
  }

  #exited(stage: string, pid: number | undefined, time: number): void {
    if (this.#hosts.get(stage) === pid) this.#hosts.delete(stage);
    if (this.#wound?.stage === stage && pid === this.#wound.pid) this.#wound.noticedMs = time - this.#wound.atMs;
  }

  /** A batch that the killed host had finished before does not count. */
  #finished(stage: string, pid: number | undefined, time: number): void {
    if (this.#wound?.stage === stage && pid !== this.#wound.pid) this.#recovered(this.#wound, time);
  }

  #recovered({ stage, atMs, noticedMs, readyMs }: Wound, time: number): void {
    this.recoveries.push({ stage, noticedMs, readyMs, batchMs: time - atMs });
    this.#wound = undefined;
  }

  #plan(): void {
    const { killsMax, random } = this.#options;
    if (this.#timer || this.recoveries.length >= killsMax) return;
    this.#timer = this.#clock.after(CALM_MS_MIN + random.below(CALM_MS_SPREAD), () => {
      this.#timer = undefined;
      this.#kill();
    });
  }

  #kill(): void {
    const hosts = [...this.#hosts];
    const [stage, pid] = hosts[this.#options.random.below(hosts.length)] ?? [];
    if (stage === undefined || pid === undefined) return;
    this.#wound = { stage, pid, atMs: this.#clock.now(), noticedMs: Number.NaN, readyMs: Number.NaN };
    try {
      const { kill = killNow } = this.#options;
      kill(pid);
    } catch {
      this.#wound = undefined; // it ended by itself: the run is at its end
    }
  }
}

function killNow(pid: number): void {
  process.kill(pid, "SIGKILL");
}
