/**
 * Masking that is too long to be done at once, for all requests of a process: each waits for its turn, works for some milliseconds, and is
 * put behind the others; between two turns the loop belongs to everybody else. What all of them hold is bounded: beyond it new ones are refused.
 */
import type { Clock } from "../../../base/clock.ts";
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { Turns } from "../mask/index.ts";
import { HeldBodies, type HeldBytes } from "./held-bodies.ts";
import { Inflations } from "./inflations.ts";
import type { MaskJob } from "./mask-job.ts";

/** Of one turn: a client whose request needs no masking waits no longer. */
const TURN_MS = 3;

interface Job {
  /** False: it is done. */
  goOn(): boolean;
  isCancelled: boolean;
}

export class MaskWork {
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #held: HeldBodies;
  /** Of bodies that came coded. */
  readonly inflations = new Inflations();
  readonly #jobs: Job[] = [];
  #isTimed = false;

  /** `heldBytesMax`: a quarter of it, a client's share, is at least as much as the largest body, coded and plain. */
  constructor(clock: Pick<Clock, "after" | "monotonic">, heldBytesMax: number) {
    this.#clock = clock;
    this.#held = new HeldBodies(heldBytesMax);
  }

  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Another file, another largest body. */
  allow(heldBytesMax: number): void {
    this.#held.allow(heldBytesMax);
  }

  /** For one body of the client with this address. */
  holder(client: string): HeldBytes {
    return this.#held.holder(client);
  }

  /** `done` is called once, later. */
  run<Result>(turns: Turns<Result>, done: (outcome: { readonly result: Result } | Failure) => void): MaskJob {
    const job: Job = {
      isCancelled: false,
      goOn: () => {
        let outcome: { readonly result: Result } | Failure;
        try {
          const next = turns.next();
          if (!next.done) return true;
          outcome = { result: next.value };
        } catch (thrown) {
          outcome = toFailure(thrown, "gateway.defect");
        }
        done(outcome);
        return false;
      },
    };
    this.#jobs.push(job);
    this.#time();
    return {
      cancel() {
        job.isCancelled = true;
      },
    };
  }

  #time(): void {
    if (this.#isTimed || this.#jobs.length === 0) return;
    this.#isTimed = true;
    this.#clock.after(0, () => {
      this.#isTimed = false;
      this.#turn();
    });
  }

  /** One of them, as long as a turn is, or several that are short. */
  #turn(): void {
    const endMs = this.#clock.monotonic() + TURN_MS;
    try {
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
        if (this.#isOpenAt(job, endMs)) this.#jobs.push(job);
        if (this.#clock.monotonic() >= endMs) return;
      }
    } finally {
      this.#time();
    }
  }

  #isOpenAt(job: Job, endMs: number): boolean {
    while (!job.isCancelled) {
      if (!job.goOn()) return false;
      if (this.#clock.monotonic() >= endMs) return !job.isCancelled;
    }
    return false;
  }
}
