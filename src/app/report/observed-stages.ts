/** The stages of this process, which say of each batch how long it took them: for the report of a run that needs no workers. */

import { type ExecutorOptions, PipelineStages, type Way } from "../../work/pipeline/stages/index.ts";
import type { DoneObservation } from "../../work/report/index.ts";

/** The node's name in the report. */
const LOCAL = "local";

export class ObservedStages extends PipelineStages {
  readonly #options: ExecutorOptions;
  readonly #done: (observation: DoneObservation) => void;

  constructor(options: ExecutorOptions, done: (observation: DoneObservation) => void) {
    super(options);
    this.#options = options;
    this.#done = done;
  }

  override get way(): Way {
    const way = super.way;
    const { clock } = this.#options.ports;
    return {
      process: async (item) => {
        const startedMs = clock.monotonic();
        const bytesIn = item.bytes;
        await way.process(item);
        const rows = item.result.counts[0]?.in ?? 0;
        const sizes = { rows, bytesIn, bytesOut: item.bytes };
        this.#done({ type: "done", id: item.id, node: LOCAL, ms: clock.monotonic() - startedMs, ...sizes });
      },
    };
  }
}
