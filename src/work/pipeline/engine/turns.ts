/**
 * Who may use a lane next. Oldest batch first; in a sequential stage only the batch whose turn it is, and a batch that
 * failed takes its turn back, so that nobody overtakes it.
 */
import type { Lane } from "./lane.ts";

interface Waiting {
  readonly seq: number;
  readonly keepsTurn: boolean;
  grant(lane: Lane): void;
  reject(reason: unknown): void;
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

  /** A lane with room, reserved until its `run`. A probe keeps the turn: nobody comes in behind it. */
  acquire(seq: number, keepsTurn: boolean): Promise<Lane> {
    return new Promise((grant, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const at = this.#waiting.findIndex((each) => each.seq > seq);
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { seq, keepsTurn, grant, reject });
      this.serve();
    });
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
      lane.reserve();
      first.grant(lane);
    }
  }

  end(reason: unknown): void {
    this.#ended = reason;
    for (const each of this.#waiting.splice(0)) each.reject(reason);
  }

  #freest(): Lane | undefined {
    const free = this.#lanes.filter((lane) => lane.free);
    return free.find((lane) => lane.idle) ?? free[0];
  }
}
