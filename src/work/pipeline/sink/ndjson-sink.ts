/** NDJSON: the last host has made the bytes, here they are only appended. */

import { checkKind } from "./failures.ts";
import { endOfFile } from "./file-target.ts";
import type { Sink, SinkPosition } from "./sink.ts";
import type { Target, TargetPosition } from "./target.ts";

export class NdjsonSink implements Sink {
  readonly encoding = "ndjson";
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  async open(position: SinkPosition | undefined): Promise<void> {
    if (position !== undefined) checkKind(position, "ndjson");
    await this.#target.open(position?.target as TargetPosition | undefined); // made by `flush`
  }

  write(bytes: Uint8Array, _batchId: string): Promise<void> {
    return this.#target.write(bytes);
  }

  async flush(): Promise<SinkPosition> {
    return { v: 1, kind: "ndjson", target: await this.#target.flush() };
  }

  close(): Promise<void> {
    return this.#target.close();
  }

  abort(): Promise<void> {
    return this.#target.close();
  }
}

/** A position behind whatever the file holds, for a log that goes on; undefined when there is no such file. */
export async function endOfNdjson(path: string): Promise<SinkPosition | undefined> {
  const target = await endOfFile(path);
  return target && { v: 1, kind: "ndjson", target };
}
