/**
 * Health checks of one process: the machine of protocol/health, bound to a clock and to whatever asks the process. Found unhealthy it is not
 * offered any more; one that does not get better after that is handed back once, to be replaced.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { HealthChecker, type HealthEffect, type HealthInput } from "../../../protocol/health/index.ts";
import {
  HEALTH_FAILURES_REPLACED,
  HEALTH_FAILURES_UNOFFERED,
  HEALTH_INTERVAL_MS,
  HEALTH_TIMEOUT_MS,
} from "./limits.ts";

export interface HealthWatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Rejects when it is not well, or has not answered in time. */
  ask(timeoutMs: number): Promise<void>;
  changed(isHealthy: boolean, reason: string): void;
  /** Once: it has been unhealthy for too long. */
  givenUp(reason: string): void;
}

export class HealthWatch {
  readonly #machine: HealthChecker;
  readonly #ports: HealthWatchPorts;
  #timer: Timer | undefined;
  #timerAtMs: number | undefined;
  #failedInARow = 0;

  constructor(ports: HealthWatchPorts) {
    const options = {
      intervalMs: HEALTH_INTERVAL_MS,
      timeoutMs: HEALTH_TIMEOUT_MS,
      failureThreshold: HEALTH_FAILURES_UNOFFERED,
    };
    this.#machine = new HealthChecker(options, ports.random);
    this.#ports = ports;
  }

  start(): void {
    this.#feed({ type: "start" });
  }

  stop(): void {
    this.#feed({ type: "stop" });
  }

  #feed(input: HealthInput): void {
    const { clock } = this.#ports;
    const before = this.#machine.counts();
    const effects = this.#machine.step(input, clock.monotonic());
    const { failed, passed } = this.#machine.counts();
    this.#failedInARow = passed > before.passed ? 0 : this.#failedInARow + failed - before.failed;
    for (const effect of effects) this.#carryOut(effect);
    if (failed > before.failed && this.#failedInARow === HEALTH_FAILURES_REPLACED) this.#giveUp();
    this.#schedule();
  }

  #carryOut(effect: HealthEffect): void {
    if (effect.type === "changed") {
      if (effect.to !== "unknown") this.#ports.changed(effect.to === "healthy", effect.reason);
      return;
    }
    const { check } = effect;
    this.#ports.ask(HEALTH_TIMEOUT_MS).then(
      () => this.#feed({ type: "passed", check }),
      (thrown) => this.#feed({ type: "failed", check, reason: messageOf(thrown) }),
    );
  }

  #giveUp(): void {
    this.#ports.givenUp(`failed ${this.#failedInARow} checks of its health in a row: ${this.#machine.lastFailure}`);
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
