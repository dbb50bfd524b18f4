/**
 * A session with one group: numbers the commands, so that one that is sent again is not done again. The group keeps each answer
 * until the client says that it has it; how many commands are under way is bounded for that.
 */
import type { SessionMark } from "../words/index.ts";

export class Session {
  readonly id: string;
  readonly #open = new Set<number>(); // in the order of their numbers: the first one is the lowest
  readonly #commandsMax: number;
  readonly #waiting: (() => void)[] = [];
  #last = 0;
  /** The group has forgotten it: its next command begins another one. */
  isOver = false;

  constructor(id: string, commandsMax: number) {
    this.id = id;
    this.#commandsMax = commandsMax;
  }

  /** The number of a new command; waits while too many are under way. */
  async begin(): Promise<number> {
    while (this.#open.size >= this.#commandsMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#last++;
    this.#open.add(this.#last);
    return this.#last;
  }

  /** Nobody will ask for this one again. */
  end(sequence: number): void {
    this.#open.delete(sequence);
    this.#waiting.shift()?.();
  }

  mark(sequence: number): SessionMark {
    const [lowest = this.#last + 1] = this.#open;
    return { session: this.id, sequence, received: lowest - 1 };
  }
}
