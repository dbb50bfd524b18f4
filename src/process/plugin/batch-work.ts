/**
 * What a host does with one batch: opens it (raw source bytes or columns), runs the plugin over the chosen rows, and
 * prepares what comes out: the batch for the next stage or the sink's text, and the lines for the dead letters.
 */
import { Failure } from "../../base/errors.ts";
import type { PluginContext, PluginPackage } from "../../sdk/index.ts";
import {
  ByteWriter,
  kindOf,
  type Malformed,
  type RecordBatch,
  readBatch,
  readRaw,
  sizeOfBatch,
  writeBatch,
  writeNdjson,
} from "../../wire/batch/index.ts";
import { parseRaw, toRawFormat } from "../../wire/format/index.ts";
import { alignedBytes, type Counts, type ProcessMessage, type RowRange } from "./messages.ts";

export interface Prepared {
  readonly counts: Counts;
  /** Exact length of what `writeTo` writes. */
  readonly bytes: number;
  readonly dead: Uint8Array;
  writeTo(target: Uint8Array): void;
}

interface Opened {
  readonly batch: RecordBatch;
  readonly malformed: readonly Malformed[];
}

/** Written to the copies that a host warms up with; nobody sees them. */
const WARM_FIELD = "warm";
/** After so many records the compiler has seen what is hot. */
const WARM_ROWS = 8192;

const NO_BYTES = new Uint8Array(0);

export class BatchWork {
  readonly #plugin: PluginPackage;
  readonly #context: PluginContext;
  readonly #text = new ByteWriter();

  constructor(plugin: PluginPackage, context: PluginContext) {
    this.#plugin = plugin;
    this.#context = context;
  }

  async process(bytes: Uint8Array, message: ProcessMessage): Promise<Prepared> {
    const { batch: whole, malformed } = open(bytes, message.probe);
    if (message.strict && malformed[0]) throw malformedFailure(malformed[0]);
    const batch = message.rows ? whole.selectRows(message.rows) : whole;
    const taken = batch.length;
    if (taken > 0) await this.#plugin.processBatch(batch, this.#context);
    if (message.finish) await this.#plugin.finish?.(batch, this.#context);
    const dead = this.#deadLetters(whole, batch, malformed, message);
    const counted = { total: whole.length, malformed: malformed.length, in: taken };
    return this.#prepare(batch, message, dead, counted);
  }

  /** For its effect on the plugin's state only. */
  async replay(bytes: Uint8Array, rows: readonly RowRange[] | undefined): Promise<void> {
    const { batch: whole } = open(bytes, false);
    const batch = rows ? whole.selectRows(rows) : whole;
    if (batch.length > 0) await this.#plugin.processBatch(batch, this.#context);
  }

  /**
   * Goes over one batch again and again before it counts: cold code takes several times as long. First over one record, then over
   * twice as many each time, until it was enough or `goesOn` says no. A plugin whose batches know nothing of each other
   * runs as in a probe; of the others only our own code on their way does. Throws what the plugin throws.
   */
  async warm(bytes: Uint8Array, encoding: ProcessMessage["encoding"], goesOn: () => Promise<boolean>): Promise<void> {
    const { finish, sequential, snapshot } = this.#plugin;
    const isIndependent = snapshot === undefined && finish === undefined && sequential !== true;
    let rows = 0;
    for (let size = 1; rows < WARM_ROWS && (await goesOn()); size = Math.min(size * 2, WARM_ROWS)) {
      const { batch: whole } = open(bytes, true);
      if (whole.length === 0) return;
      const batch = whole.selectRows([[0, Math.min(size, whole.length)]]);
      if (isIndependent) await this.#plugin.processBatch(batch, this.#context);
      else touch(batch);
      const counts = { total: batch.length, malformed: 0, in: batch.length };
      const prepared = this.#prepare(batch, { encoding }, NO_BYTES, counts);
      prepared.writeTo(new Uint8Array(alignedBytes(prepared.bytes)));
      rows += batch.length;
    }
  }

  #prepare(
    batch: RecordBatch,
    message: Pick<ProcessMessage, "encoding" | "rescued">,
    dead: Uint8Array,
    counted: Pick<Counts, "total" | "malformed" | "in">,
  ): Prepared {
    const { filteredRows: filtered, appendedRows: added } = batch;
    const rejected = batch.rejected.length;
    addRescued(batch, message.rescued);
    const counts = { ...counted, filtered, rejected, added, out: batch.liveRows + batch.appendedRows };
    if (message.encoding === "batch") {
      return { counts, dead, bytes: sizeOfBatch(batch), writeTo: (target) => void writeBatch(batch, target) };
    }
    this.#text.clear();
    writeNdjson(batch, this.#text);
    const text = this.#text.view();
    return { counts, dead, bytes: text.length, writeTo: (target) => target.set(text) };
  }

  #deadLetters(
    whole: RecordBatch,
    batch: RecordBatch,
    malformed: readonly Malformed[],
    message: ProcessMessage,
  ): Uint8Array {
    if (malformed.length === 0 && batch.rejected.length === 0 && !message.dead) return NO_BYTES;
    const lines: string[] = [];
    for (const { line, reason, text } of malformed) {
      lines.push(this.#line(message, "source", reason, 1, whole.id, `"line":${line},"text":${JSON.stringify(text)}`));
    }
    const stage = this.#context.stage;
    for (const { row, reason, attempts } of message.dead ?? []) {
      lines.push(this.#line(message, stage, reason, attempts, whole.id, `"record":${whole.json(row)}`));
    }
    for (const { row, reason } of batch.rejected) {
      lines.push(this.#line(message, stage, reason, 1, whole.id, `"record":${batch.json(row)}`));
    }
    return Buffer.from(lines.join(""));
  }

  #line(message: ProcessMessage, stage: string, reason: string, attempts: number, batch: string, rest: string): string {
    const head = { time: message.time, pipeline: this.#context.pipeline, stage, reason, attempts, batch };
    return `${JSON.stringify(head).slice(0, -1)},${rest}}\n`;
  }
}

/** What a plugin would do, done without it. */
function touch(batch: RecordBatch): void {
  const names = batch.columnNames;
  for (const row of batch) {
    for (const name of names) row[WARM_FIELD] = row[name];
  }
  batch.filter((_row, index) => index % 2 === 0);
}

function open(bytes: Uint8Array, probe: boolean): Opened {
  if (kindOf(bytes) === "batch") return { batch: readBatch(bytes, { probe }), malformed: [] };
  const { meta, payload } = readRaw(bytes);
  const { id, timeMs, line } = meta;
  return parseRaw(payload, toRawFormat(meta.format), { id, timeMs, line, probe });
}

function addRescued(batch: RecordBatch, ndjson: string | undefined): void {
  if (!ndjson) return;
  for (const line of ndjson.split("\n")) if (line !== "") batch.appendJson(line);
}

function malformedFailure({ line, reason }: Malformed): Failure {
  return new Failure("source.malformed", `line ${line}: ${reason}`);
}
