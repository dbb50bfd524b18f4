/** Writes nothing and counts: for measuring, and for pipelines that work by their side effects. */
import { checkKind } from "./failures.ts";
import type { Sink, SinkPosition } from "./sink.ts";

export class NullSink implements Sink {
  readonly encoding = "ndjson";
  #bytes = 0;
  #batches = 0;

  async open(position: SinkPosition | undefined): Promise<void> {
    if (position !== undefined) checkKind(position, "null");
    this.#bytes = Number(position?.bytes ?? 0);
    this.#batches = Number(position?.batches ?? 0);
  }

  async write(bytes: Uint8Array, _batchId: string): Promise<void> {
    this.#bytes += bytes.length;
    this.#batches++;
  }

  async flush(): Promise<SinkPosition> {
    return { v: 1, kind: "null", bytes: this.#bytes, batches: this.#batches };
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  async abort(): Promise<void> {
    // Nothing is held.
  }
}
