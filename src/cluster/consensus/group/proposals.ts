/** Commands that were proposed here and are not applied yet: each ends with its outcome, or with what is known of it. */
import { Failure } from "../../../base/errors.ts";
import { unknownOutcome } from "./failures.ts";

interface Waiting {
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (failure: Failure) => void;
  term: number;
}

export class Proposals {
  readonly #group: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #byIndex = new Map<number, Waiting>();

  constructor(group: string) {
    this.#group = group;
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
    if (waiting.term === term) waiting.resolve(outcome);
    else
      waiting.reject(
        new Failure("consensus.lost", `another leader of the group ${this.#group} came between: it was not done`, {
          retryable: true,
        }),
      );
  }

  /** Nobody here hears of them any more. */
  giveUp(why: string): void {
    for (const waiting of this.#byIndex.values()) waiting.reject(unknownOutcome(this.#group, why));
    this.#byIndex.clear();
    for (const waiting of this.#waiting.values()) waiting.reject(unknownOutcome(this.#group, why));
    this.#waiting.clear();
  }
}
