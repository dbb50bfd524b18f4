/**
 * Tells a plugin that dies of everything from one that dies of a record. The search for a poison record may cost dozens of
 * processes, and they are not counted one by one; but between them something passes. Where nothing does, nobody is to blame but
 * the plugin, and going on would only feed it records until all are dead letters.
 */
import { Failure } from "../../../base/errors.ts";
import type { Outcome } from "./types.ts";

/** A poison record at the very start of a batch of a million: 20 halvings and all retries, and none of them passes. */
const IN_A_ROW_MIN = 60;

export class CrashLoop {
  readonly #stage: string;
  readonly #max: number;
  readonly #failed: (failure: Failure) => void;
  #inARow = 0;

  constructor(stage: string, maxRestarts: number, failed: (failure: Failure) => void) {
    this.#stage = stage;
    this.#max = Math.max(maxRestarts, IN_A_ROW_MIN);
    this.#failed = failed;
  }

  /** A verdict on a batch or a part of one. Time-outs do not count: what the plugin waits for may come back. */
  judged(outcome: Outcome): void {
    if (outcome.kind === "done") this.#inARow = 0;
    if (outcome.kind !== "failed" || outcome.cause !== "crash" || ++this.#inARow <= this.#max) return;
    const words = `stage ${this.#stage}: its process ended ${this.#inARow} times in a row and nothing passed between`;
    this.#failed(new Failure("pipeline.crash_loop", `${words}; the last time it ${lastWords(outcome.reason)}`));
  }
}

function lastWords(reason: string): string {
  return reason.replace(/^the plugin's process /, "");
}
