/**
 * Replies that come record by record (server-sent events, NDJSON), masked one record at a time: each is held until it is whole, and no
 * longer. A record that is too large or cannot be read breaks the reply off: its beginning is with the client already, the rest is not.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import { MaskBudget, type MaskedText, type MaskRules, plainInTurns, requireAscii, textInTurns } from "../mask/index.ts";
import type { Flow } from "./flow-sink.ts";

export type RecordForm = "ndjson" | "sse";

/** Of one record: messages and events are small, and each reply may hold one. */
const RECORD_BYTES_MAX = 1024 * 1024;
const NDJSON = /^(application|text)\/(x-)?(ndjson|ldjson|jsonl|jsonlines|json-lines|stream\+json|json-stream)$/;
/** What a stream may begin with: it is no part of its first line. */
const BYTE_ORDER_MARK = /^\ufeff/;
const LF = 0x0a;
const CR = 0x0d;

export function recordFormOf(contentType: string): RecordForm | undefined {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "text/event-stream") return "sse";
  return NDJSON.test(type) ? "ndjson" : undefined;
}

interface RecordCutter {
  /** Where the next record begins. */
  begin(chunk: Uint8Array, from: number): number;
  /** Where it ends: behind its line end. -1: not in this chunk. */
  end(chunk: Uint8Array, from: number): number;
}

export class RecordFlow implements Flow {
  count = 0;
  readonly #cutter: RecordCutter;
  readonly #maskOne: (record: Uint8Array) => InTurns<MaskedRecord>;
  /** The beginning of a record. */
  readonly #kept = new KeptBytes();
  #ready: Uint8Array[] = [];

  constructor(form: RecordForm, rules: MaskRules) {
    this.#cutter = form === "sse" ? new EventCutter() : LINES;
    const maskOne = form === "sse" ? maskEvent : maskLine;
    const budget = new MaskBudget();
    this.#maskOne = (record) => maskOne(record, rules, budget);
  }

  get held(): number {
    return this.#kept.size;
  }

  take(): readonly Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  *feed(chunk: Uint8Array, isLast: boolean): InTurns<void> {
    for (let from = 0; from < chunk.byteLength; ) {
      if (this.#kept.size === 0) from = this.#cutter.begin(chunk, from);
      const end = this.#cutter.end(chunk, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.byteLength : end);
      if (this.#kept.size + piece.byteLength > RECORD_BYTES_MAX) throw tooLarge();
      const isWhole = end >= 0 && this.#kept.size === 0;
      if (!isWhole) this.#kept.push(piece);
      if (end < 0) break;
      yield* this.#record(isWhole ? piece : this.#kept.takeAll());
      yield;
      from = end;
    }
    if (isLast && this.#kept.size > 0) yield* this.#record(this.#kept.takeAll());
  }

  *#record(record: Uint8Array): InTurns<void> {
    const { bytes, count } = yield* this.#maskOne(record);
    this.count += count;
    this.#ready.push(bytes);
  }
}

const LINES: RecordCutter = {
  begin: (_chunk, from) => from,
  end(chunk: Uint8Array, from: number): number {
    return chunk.indexOf(LF, from) + 1 || -1;
  },
};

/** An event ends with an empty line; a line with CR, LF or both. */
class EventCutter implements RecordCutter {
  #isEmpty = true;
  #wasReturn = false;

  /** The second half of an end that was cut in two belongs to nobody. */
  begin(chunk: Uint8Array, from: number): number {
    if (!this.#wasReturn || chunk[from] !== LF) return from;
    this.#wasReturn = false;
    return from + 1;
  }

  end(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.byteLength; at++) {
      const byte = chunk[at]!;
      const isSecond = byte === LF && this.#wasReturn;
      this.#wasReturn = byte === CR;
      if (isSecond) continue;
      if (byte !== LF && byte !== CR) this.#isEmpty = false;
      else if (!this.#isEmpty) this.#isEmpty = true;
      else return this.#endsWithBoth(chunk, at) ? at + 2 : at + 1;
    }
    return -1;
  }

  #endsWithBoth(chunk: Uint8Array, at: number): boolean {
    if (chunk[at] !== CR || chunk[at + 1] !== LF) return false;
    this.#wasReturn = false;
    return true;
  }
}

interface MaskedRecord {
  readonly bytes: Uint8Array;
  readonly count: number;
}

function maskLine(record: Uint8Array, rules: MaskRules, budget: MaskBudget): InTurns<MaskedRecord> {
  return plainInTurns(record, "application/json", rules, budget);
}

/** Lines of data are one text, perhaps of JSON; other lines are looked at by themselves. */
function* maskEvent(record: Uint8Array, rules: MaskRules, budget: MaskBudget): InTurns<MaskedRecord> {
  requireAscii(record, "text/event-stream");
  const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString("utf8");
  const lines = text.replace(BYTE_ORDER_MARK, "").split(/\r\n|\r|\n/);
  const data = lines.filter(isData).map((line) => line.replace(/^data:? ?/, ""));
  const hidden = yield* maskData(data.join("\n"), rules, budget);
  let count = hidden.count;
  let isDataOut = false;
  const masked: string[] = [];
  for (const line of lines) {
    if (!isData(line)) {
      const other = yield* textInTurns(line, rules, budget);
      count += other.count;
      masked.push(other.text);
    } else if (!isDataOut) {
      isDataOut = true;
      for (const each of hidden.text.split("\n")) masked.push(`data: ${each}`);
    }
  }
  return count === 0 ? { bytes: record, count } : { bytes: Buffer.from(masked.join("\n"), "utf8"), count };
}

function isData(line: string): boolean {
  return line === "data" || line.startsWith("data:");
}

/** An object, or a list that begins as lists of JSON do. `[DONE]` and the like are words. */
const LOOKS_LIKE_JSON = /^\s*(\{|\[\s*([[{"\d\]-]|(null|true|false)\b))/;

/** Data that has the look of JSON and is none may hold fields that nobody can find. */
function* maskData(text: string, rules: MaskRules, budget: MaskBudget): InTurns<MaskedText> {
  if (!LOOKS_LIKE_JSON.test(text)) return yield* textInTurns(text, rules, budget);
  try {
    const { bytes, count } = yield* maskLine(Buffer.from(text, "utf8"), rules, budget);
    return { text: Buffer.from(bytes).toString("utf8"), count };
  } catch (thrown) {
    if (rules.paths.length > 0) throw thrown;
    return yield* textInTurns(text, rules, budget);
  }
}

function tooLarge(): Failure {
  return new Failure(
    "gateway.body_too_large",
    `masking a reply that comes record by record: one has more than ${RECORD_BYTES_MAX} bytes, at most that are allowed`,
  );
}
