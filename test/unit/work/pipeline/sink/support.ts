/** What the sink tests share: a directory that goes away, and batches as the last host sends them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../../../../src/base/errors.ts";
import { batchFromRecords, sizeOfBatch, writeBatch } from "../../../../../src/wire/batch/index.ts";
import type { Sink, SinkPosition } from "../../../../../src/work/pipeline/sink/index.ts";

export type TestRecord = Readonly<Record<string, unknown>>;

export class TestDirectory {
  readonly path = mkdtempSync(join(tmpdir(), "sink-"));

  at(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function encode(sink: Sink, records: readonly TestRecord[]): Uint8Array {
  if (sink.encoding === "ndjson") return Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return envelope(records);
}

export function envelope(records: readonly TestRecord[]): Uint8Array {
  const batch = batchFromRecords(records as never, { id: "test", timeMs: 0 }); // the records are JSON
  const bytes = new Uint8Array(sizeOfBatch(batch));
  return bytes.subarray(0, writeBatch(batch, bytes));
}

export function viaJson(position: SinkPosition): SinkPosition {
  return JSON.parse(JSON.stringify(position));
}

export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return "nothing";
}
