/**
 * Who may use a lane next. Oldest batch first; in a sequential stage only the batch whose turn it is, and a batch that
 * failed takes its turn back, so that nobody overtakes it.
 */
import type { Lane } from "./lane.ts";

interface Waiting {
  readonly seq: number;
  readonly keepsTurn: boolean;
  use(lane: Lane): void;
  refuse(reason: unknown): void;
}

export class Turns {
  readonly #lanes: readonly Lane[];
  readonly #sequential: boolean;
  #next: number;
  #waiting: Waiting[] = [];
  #ended: unknown;

  constructor(lanes: readonly Lane[], sequential: boolean, firstSeq: number) {
    this.#lanes = lanes;
    this.#sequential = sequential;
    this.#next = firstSeq;
  }

  /**
   * Calls `use` with a lane that has room, now or when the turn comes, or `refuse` when the pipeline stops. A probe keeps
   * the turn: nobody comes in behind it. Calls, not promises: whoever is served first must also run first.
   */
  whenFree(seq: number, keepsTurn: boolean, use: (lane: Lane) => void, refuse: (reason: unknown) => void): void {
    if (this.#ended !== undefined) return refuse(this.#ended);
    const at = this.#waiting.findIndex((each) => each.seq > seq);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { seq, keepsTurn, use, refuse });
    this.serve();
  }

  /** Before anybody is served: where a stage begins that joins a pipeline under way. */
  startAt(seq: number): void {
    this.#next = seq;
    this.serve();
  }

  /** The batch failed or was never tried: it has to come again before any other. */
  takeBack(seq: number): void {
    this.#next = Math.min(this.#next, seq);
  }

  serve(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      if (this.#sequential && first.seq !== this.#next) return;
      const lane = this.#freest();
      if (!lane) return;
      this.#waiting.shift();
      if (!first.keepsTurn) this.#next = first.seq + 1;
      first.use(lane);
    }
  }

  end(reason: unknown): void {
    this.#ended = reason;
    for (const each of this.#waiting.splice(0)) each.refuse(reason);
  }

  /** A new host shows soon what it is worth; else whoever has nothing to do. */
  #freest(): Lane | undefined {
    const free = this.#lanes.filter((lane) => lane.free);
    return free.find((lane) => lane.onTrial) ?? free.find((lane) => lane.idle) ?? free[0];
  }
}
