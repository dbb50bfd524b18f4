/**
 * Masking that is too long to be done at once, for all requests of a process, in turns. What all of them hold is bounded: beyond it new ones
 * are refused.
 */
import type { Clock } from "../../../base/clock.ts";
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { Turn } from "../../waf/engine/index.ts";
import { HeldBodies, type HeldBytes } from "./held-bodies.ts";
import { Inflations } from "./inflations.ts";
import type { MaskJob } from "./mask-job.ts";
import { RoundRobin } from "./round-robin.ts";

/** Of one turn: a client whose request needs no masking waits no longer. */
const TURN_MS = 3;

export class MaskWork {
  readonly #turns: RoundRobin<(turn: Turn) => boolean>;
  readonly #held: HeldBodies;
  /** Of bodies that came coded. */
  readonly inflations = new Inflations();

  /** `heldBytesMax`: a quarter of it, a client's share, is at least as much as the largest body, coded and plain. */
  constructor(clock: Pick<Clock, "after" | "monotonic">, heldBytesMax: number) {
    this.#turns = new RoundRobin(clock, TURN_MS, (goOn, turn) => goOn(turn));
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
  run<Result>(work: InTurns<Result>, done: (outcome: { readonly result: Result } | Failure) => void): MaskJob {
    const goOn = (turn: Turn): boolean => {
      const outcome = goOnWith(work, turn);
      if (outcome === undefined) return false;
      done(outcome);
      return true;
    };
    this.#turns.add(goOn);
    return { cancel: () => void this.#turns.remove(goOn) };
  }
}

/** Undefined: the turn is over, and the work is not. */
function goOnWith<Result>(work: InTurns<Result>, turn: Turn): { readonly result: Result } | Failure | undefined {
  try {
    do {
      const { done, value } = work.next();
      if (done === true) return { result: value };
    } while (!turn.isOverNow());
    return undefined;
  } catch (thrown) {
    return toFailure(thrown, "gateway.defect");
  }
}
