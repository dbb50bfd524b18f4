/**
 * CSV. The header is given or made of the first batch's fields, and then it stands: a record with a field that the header
 * lacks is an error that names it, because leaving the field out would lose data without a word.
 */
import { Failure } from "../../../base/errors.ts";
import { type RecordBatch, readBatch } from "../../../wire/batch/index.ts";
import { csvHeader, csvRows } from "./csv-text.ts";
import { checkKind } from "./failures.ts";
import type { Sink, SinkPosition } from "./sink.ts";
import type { Target, TargetPosition } from "./target.ts";

export interface CsvOptions {
  readonly separator: string;
  readonly columns: readonly string[] | undefined;
}

export class CsvSink implements Sink {
  readonly encoding = "batch";
  readonly #target: Target;
  readonly #options: CsvOptions;
  /** The header as written; undefined as long as there is none. */
  #columns: readonly string[] | undefined;

  constructor(target: Target, options: CsvOptions) {
    this.#target = target;
    this.#options = options;
  }

  async open(position: SinkPosition | undefined): Promise<void> {
    if (position !== undefined) checkKind(position, "csv");
    await this.#target.open(position?.target as TargetPosition | undefined); // made by `flush`
    this.#columns = (position?.columns ?? undefined) as readonly string[] | undefined; // made by `flush`
  }

  async write(bytes: Uint8Array, batchId: string): Promise<void> {
    const batch = readBatch(bytes);
    const { separator } = this.#options;
    let text = "";
    if (this.#columns === undefined) {
      const columns = this.#options.columns ?? liveColumns(batch);
      if (columns.length === 0) return;
      text = csvHeader(columns, separator);
      this.#columns = columns;
    }
    this.#checkFields(batch, this.#columns, batchId);
    text += csvRows(batch, this.#columns, separator);
    await this.#target.write(Buffer.from(text));
  }

  async flush(): Promise<SinkPosition> {
    const columns = this.#columns ?? null;
    return { v: 1, kind: "csv", columns, target: await this.#target.flush() };
  }

  close(): Promise<void> {
    return this.#target.close();
  }

  abort(): Promise<void> {
    return this.#target.close();
  }

  #checkFields(batch: RecordBatch, columns: readonly string[], batchId: string): void {
    const unknown = batch.columnNames.filter((name) => !columns.includes(name) && isUsed(batch, name));
    if (unknown.length === 0) return;
    throw new Failure(
      "sink.unknown_field",
      `cannot write batch ${batchId} to ${this.#target.path}: its records have ${unknown.map((name) => JSON.stringify(name)).join(", ")}, ` +
        `the header is ${columns.join(this.#options.separator)}; name all fields in columns=, remove the field in a stage, or write NDJSON`,
    );
  }
}

/** Fields that some record of the batch has. */
function liveColumns(batch: RecordBatch): string[] {
  return batch.columnNames.filter((name) => isUsed(batch, name));
}

function isUsed(batch: RecordBatch, name: string): boolean {
  const column = batch.column(name);
  for (let row = 0; row < batch.length; row++) if (batch.isLive(row) && column?.get(row) !== undefined) return true;
  return false;
}
