/**
 * Kills a host, waits for the next batch that its stage finishes, lets the pipeline work a little, and kills again. Only
 * hosts that the event log named and that have not ended are killed.
 */
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { Random } from "../../../src/base/random.ts";
import type { LoggedEvent } from "./event-tail.ts";

export interface Recovery {
  readonly stage: string;
  /** Milliseconds from the kill: until the main process knew, until the next host was ready, until its first batch. */
  readonly noticedMs: number;
  readonly readyMs: number;
  readonly batchMs: number;
}

export interface KillerOptions {
  readonly stages: number;
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
  #wound: Wound | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(options: KillerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  take(event: LoggedEvent): void {
    const { stage, time } = event;
    const wound = this.#wound?.stage === stage ? this.#wound : undefined;
    if (event.event === "host_ready") {
      this.#hosts.set(stage, event.pid);
      if (wound) wound.readyMs = time - wound.atMs;
    } else if (event.event === "host_exited") {
      if (this.#hosts.get(stage) === event.pid) this.#hosts.delete(stage);
      if (wound && event.pid === wound.pid) wound.noticedMs = time - wound.atMs;
    } else if (wound && event.pid !== wound.pid) this.#recovered(wound, time);
    if (!this.#wound && this.#hosts.size === this.#options.stages) this.#plan();
  }

  /** The run is over: what has not recovered by now had no batch left to finish. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wound = undefined;
    this.#hosts.clear();
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
