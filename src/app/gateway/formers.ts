/**
 * What the gateway went by before reloads: assemblies on which requests and sockets still run. Of each all that works by itself stops at once
 * (checks of targets, idle connections) or with the last request that may ask it (hosts of rules); the rest closes with its last
 * request. A socket may live for days and files may change each minute, so there is a bound: after a while, or when there are too many,
 * the oldest is closed, and what still runs on it is cut off, counted and told.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { toFailure } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { FormerCourse } from "../../edge/gateway/core/index.ts";
import type { Assembly } from "./assembly.ts";

/** Each has its tables of routes, and rule files that have changed are tens of megabytes: with a reload a minute sockets live an hour. */
export const FORMERS_MAX = 64;

export interface FormersPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

type Leaving = Pick<Assembly, "closeRules" | "close">;

interface Former {
  readonly course: FormerCourse;
  readonly assembly: Leaving;
  readonly timer: Timer;
}

export class Formers {
  readonly #ports: FormersPorts;
  /** The oldest first. */
  readonly #all = new Set<Former>();
  #cut = 0;

  constructor(ports: FormersPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Requests and sockets that were cut off because they went on for too long. */
  get cut(): number {
    return this.#cut;
  }

  /** Its place has been taken, and it is retired. */
  add(assembly: Leaving, course: FormerCourse, drainMs: number): void {
    const why = `${drainMs} ms after the reload`;
    const former: Former = {
      assembly,
      course,
      timer: this.#ports.clock.after(drainMs, () => this.#cutOff(former, why)),
    };
    this.#all.add(former);
    course.decided.then(() => assembly.closeRules()).catch((thrown) => this.#failed(thrown));
    course.idle.then(() => this.#close(former));
    for (const oldest of this.#all) {
      if (this.#all.size <= FORMERS_MAX) break;
      this.#cutOff(oldest, `requests run on ${FORMERS_MAX} former files, no more are kept`);
    }
  }

  /** All of them, at once. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((former) => this.#close(former)));
  }

  #cutOff(former: Former, why: string): void {
    const { inFlight } = former.course;
    if (inFlight > 0) {
      this.#cut += inFlight;
      this.#ports.logger.warn("requests that began by a former file are cut off", { requests: inFlight, reason: why });
    }
    this.#close(former);
  }

  async #close(former: Former): Promise<void> {
    if (!this.#all.delete(former)) return;
    former.timer.cancel();
    await former.assembly.close().catch((thrown) => this.#failed(thrown));
  }

  #failed(thrown: unknown): void {
    this.#ports.logger.error("closing what the file said before", { error: toFailure(thrown, "gateway.defect") });
  }
}
