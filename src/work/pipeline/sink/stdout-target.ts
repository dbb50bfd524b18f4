/**
 * Standard output: bytes that are gone when they are written. After a crash the batches behind the last checkpoint come
 * out again; who needs each record once writes to a file.
 */
import type { Failure } from "../../../base/errors.ts";
import { writeFailed } from "./failures.ts";
import type { Target, TargetPosition } from "./target.ts";

/** The part of Bun's FileSink that is used: it waits for a slow reader and knows non-blocking descriptors. */
export interface ByteStream {
  write(bytes: Uint8Array): number | Promise<number>;
  flush(): number | Promise<number>;
}

export class StdoutTarget implements Target {
  readonly path = "standard output";
  readonly #stream: ByteStream;
  #bytes = 0;
  #failure: Failure | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  async open(position: TargetPosition | undefined): Promise<void> {
    this.#bytes = position?.bytes ?? 0;
    this.#failure = undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#bytes += bytes.length;
      await this.#stream.write(bytes);
      await this.#stream.flush();
    } catch (thrown) {
      this.#failure = writeFailed(this.path, thrown);
      throw this.#failure;
    }
  }

  async flush(): Promise<TargetPosition> {
    if (this.#failure !== undefined) throw this.#failure;
    return { bytes: this.#bytes };
  }

  async close(): Promise<void> {
    // Standard output belongs to the process.
  }
}
