/** Commands that were proposed here and are not applied yet: each ends with its outcome, or with what is known of it. */
import { Failure } from "../../../base/errors.ts";
import { unknownOutcome } from "./failures.ts";

interface Waiting {
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (failure: Failure) => void;
  term: number;
}

/** Few enough that the next of them are on their way while others are written, enough to share a write. */
const TOLD_IN_TURN = 16;

export class Proposals {
  readonly #group: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #byIndex = new Map<number, Waiting>();
  readonly #defer: (callback: () => void) => void;
  /** Outcomes that wait for their turn, the first behind what was told already. */
  #untold: (() => void)[] = [];
  #toldInTurn = 0;

  constructor(group: string, defer: (callback: () => void) => void) {
    this.#group = group;
    this.#defer = defer;
  }

  add(id: number, resolve: Waiting["resolve"], reject: Waiting["reject"]): void {
    this.#waiting.set(id, { resolve, reject, term: 0 });
  }

  placed(id: number, index: number, term: number): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#byIndex.get(index)?.reject(unknownOutcome(this.#group, "another leader came between"));
    waiting.term = term;
    this.#byIndex.set(index, waiting);
  }

  refused(id: number, failure: Failure): void {
    this.#waiting.get(id)?.reject(failure);
    this.#waiting.delete(id);
  }

  /** An entry of this place is in force. */
  applied(index: number, term: number, outcome: unknown): void {
    const waiting = this.#byIndex.get(index);
    if (!waiting) return;
    this.#byIndex.delete(index);
    if (waiting.term === term) this.#tell(() => waiting.resolve(outcome));
    else
      waiting.reject(
        new Failure("consensus.lost", `another leader of the group ${this.#group} came between: it was not done`, {
          retryable: true,
        }),
      );
  }

  /**
   * A few in each turn: callers who all hear at once all ask again at once, and then one process works while the others wait. So they
   * fall into groups that are under way at the same time.
   */
  #tell(answer: () => void): void {
    if (this.#toldInTurn >= TOLD_IN_TURN) return void this.#untold.push(answer);
    if (this.#toldInTurn++ === 0) this.#defer(() => this.#nextTurn());
    answer();
  }

  #nextTurn(): void {
    const now = this.#untold.splice(0, TOLD_IN_TURN);
    this.#toldInTurn = now.length;
    if (now.length > 0) this.#defer(() => this.#nextTurn());
    for (const answer of now) answer();
  }

  /** Nobody here hears of them any more. */
  giveUp(why: string): void {
    for (const answer of this.#untold.splice(0)) answer(); // these were done
    for (const waiting of this.#byIndex.values()) waiting.reject(unknownOutcome(this.#group, why));
    this.#byIndex.clear();
    for (const waiting of this.#waiting.values()) waiting.reject(unknownOutcome(this.#group, why));
    this.#waiting.clear();
  }
}
