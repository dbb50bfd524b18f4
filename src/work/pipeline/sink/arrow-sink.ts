/**
 * An Arrow IPC stream file. The schema is given or made of the first batch that has records, and then it stands: a value that
 * its field cannot hold exactly is an error that names it. Each batch is one record batch; the schema lies in front of the
 * first, the end mark is written by `close` and cut off again when a run goes on.
 */
import { Failure } from "../../../base/errors.ts";
import { type ArrowField, batchFromRecords, batchToArrow, type Misfit, readBatch } from "../../../wire/batch/index.ts";
import { ARROW_END, listArrowMessages } from "../../../wire/format/index.ts";
import { checkKind } from "./failures.ts";
import type { Sink, SinkPosition } from "./sink.ts";
import type { Target, TargetPosition } from "./target.ts";

export class ArrowSink implements Sink {
  readonly encoding = "batch";
  readonly #target: Target;
  readonly #given: readonly ArrowField[] | undefined;
  /** The schema as written; undefined as long as there is none. */
  #schema: readonly ArrowField[] | undefined;
  /** Whether the stream can be ended: it is open and no write has failed. */
  #isWhole = false;

  constructor(target: Target, schema: readonly ArrowField[] | undefined) {
    this.#target = target;
    this.#given = schema;
  }

  async open(position: SinkPosition | undefined): Promise<void> {
    if (position !== undefined) checkKind(position, "arrow");
    this.#isWhole = false;
    await this.#target.open(position?.target as TargetPosition | undefined); // made by `flush`
    this.#schema = (position?.schema ?? undefined) as readonly ArrowField[] | undefined; // made by `flush`
    this.#isWhole = true;
  }

  async write(bytes: Uint8Array, batchId: string): Promise<void> {
    const batch = readBatch(bytes);
    if (batch.length === 0) return;
    const schema = this.#schema ?? this.#given ?? batchToArrow(batch).schema.map(widened);
    const { ipc, misfits } = batchToArrow(batch, schema);
    if (misfits.length > 0) throw this.#misfit(batchId, misfits);
    const frames = framesOf(ipc, this.#schema === undefined);
    this.#schema = schema;
    await this.#append(frames);
  }

  async flush(): Promise<SinkPosition> {
    const schema = this.#schema ?? null;
    return { v: 1, kind: "arrow", schema, target: await this.#target.flush() };
  }

  async close(): Promise<void> {
    try {
      if (this.#isWhole) await this.#end();
    } finally {
      await this.abort();
    }
  }

  abort(): Promise<void> {
    this.#isWhole = false;
    return this.#target.close();
  }

  /** A stream without any record still has a schema. */
  async #end(): Promise<void> {
    if (this.#schema === undefined) {
      const empty = batchFromRecords([], { id: "end", timeMs: 0 });
      await this.#append(framesOf(batchToArrow(empty, this.#given ?? []).ipc, true).slice(0, 1));
    }
    await this.#append([ARROW_END]);
    await this.#target.flush();
  }

  async #append(frames: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#target.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
    } catch (thrown) {
      this.#isWhole = false;
      throw thrown;
    }
  }

  #misfit(batchId: string, misfits: readonly Misfit[]): Failure {
    const { row, field, type, value } = misfits[0]!;
    const where = `cannot write batch ${batchId} to ${this.#target.path}: row ${row}: field ${JSON.stringify(field)} is ${value}`;
    const why = type === undefined ? "the schema has no such field" : `the schema says ${type}`;
    const more = misfits.length > 1 ? ` (and ${misfits.length - 1} more)` : "";
    return new Failure(
      "sink.value",
      `${where}, ${why}${more}; name all fields with types that hold them in schema=, or change the field in a stage`,
      { data: { misfits: misfits.slice(0, MISFITS_SHOWN) } },
    );
  }
}

/** Of one batch: enough to see what is wrong. */
const MISFITS_SHOWN = 10;

/** A field that was null in the whole first batch may become anything. */
function widened(field: ArrowField): ArrowField {
  return field.type === "null" ? { name: field.name, type: "json" } : field;
}

/** The messages of a whole stream: without its end mark, and without its schema unless that is wanted. */
function framesOf(ipc: Uint8Array, withSchema: boolean): Uint8Array[] {
  const messages = listArrowMessages(ipc).filter(({ kind }) => withSchema || kind !== "schema");
  return messages.map(({ from, to }) => ipc.subarray(from, to));
}
