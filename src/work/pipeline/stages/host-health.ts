/**
 * Health checks of one host process: the machine of protocol/health, bound to a host and a clock. While the host has a batch,
 * or is being made ready for one, it is not asked: then a time limit of its own is in charge. Whoever is found unhealthy is
 * handed back once, and not checked any more.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { HealthChecker, type HealthEffect, type HealthInput } from "../../../protocol/health/index.ts";
import type { HealthPlan } from "./types.ts";

export interface HostHealthPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Has the plugin's `health` run; the answer comes by `answered`. */
  ask(check: number): void;
  unhealthy(reason: string): void;
}

export class HostHealth {
  readonly #machine: HealthChecker;
  readonly #ports: HostHealthPorts;
  #timer: Timer | undefined;
  #timerAtMs: number | undefined;

  constructor({ intervalMs, timeoutMs }: HealthPlan, ports: HostHealthPorts) {
    this.#machine = new HealthChecker({ intervalMs, timeoutMs }, ports.random);
    this.#ports = ports;
  }

  start(): void {
    this.#feed({ type: "start" });
  }

  stop(): void {
    this.#feed({ type: "stop" });
  }

  busy(isBusy: boolean): void {
    this.#feed({ type: isBusy ? "pause" : "resume" });
  }

  /** `fault` is what went wrong, in words. */
  answered(check: number, fault: string | undefined): void {
    if (!(check >= 1 && check <= this.#machine.counts().checks)) return; // nobody asked: the host made it up
    this.#feed(fault === undefined ? { type: "passed", check } : { type: "failed", check, reason: fault });
  }

  #feed(input: HealthInput): void {
    const { clock } = this.#ports;
    for (const effect of this.#machine.step(input, clock.monotonic())) this.#carryOut(effect);
    this.#schedule();
  }

  #carryOut(effect: HealthEffect): void {
    if (effect.type === "check") this.#ports.ask(effect.check);
    else if (effect.to === "unhealthy") this.#ports.unhealthy(effect.reason);
  }

  #schedule(): void {
    const { clock } = this.#ports;
    const atMs = this.#machine.nextDeadlineMs;
    if (atMs === this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    if (atMs === undefined) return;
    this.#timer = clock.after(Math.max(0, atMs - clock.monotonic()), () => {
      this.#timerAtMs = undefined;
      this.#feed({ type: "tick" });
    });
  }
}
