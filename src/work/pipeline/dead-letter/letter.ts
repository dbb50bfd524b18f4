/**
 * One dead letter and its line: `{"time","pipeline","stage","reason","attempts","batch","row"?,"line"?}` and then either
 * `"record"` (the record as JSON, byte for byte as it came in) or `"text"` (an input line that could not be read).
 *
 * The record is never re-serialised: its bytes are cut out of the line, so that integers beyond 2^53, escapes and blanks
 * come back as they were.
 */
import { messageOf } from "../../../base/errors.ts";
import { memberBytes } from "./json-member.ts";

export interface DeadLetterFields {
  /** ISO 8601. */
  readonly time: string;
  readonly pipeline: string;
  readonly stage: string;
  readonly reason: string;
  readonly attempts: number;
  readonly batch: string;
  /** Number of the record in its batch, from 0. */
  readonly row?: number;
  /** Line of the source, from 1, where it is known. */
  readonly line?: number;
}

export type DeadLetterPayload =
  | { readonly kind: "record"; readonly json: Uint8Array }
  | { readonly kind: "text"; readonly text: string };

export interface DeadLetter extends DeadLetterFields {
  /** Line of the dead-letter file, from 1. */
  readonly number: number;
  readonly payload: DeadLetterPayload;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const CLOSE = encoder.encode("}\n");

/** The line of a letter, newline included. `json` must be one JSON object without line breaks. */
export function encodeDeadLetter(fields: DeadLetterFields, payload: DeadLetterPayload): Uint8Array {
  const { time, pipeline, stage, reason, attempts, batch, row, line } = fields;
  const head = JSON.stringify({ time, pipeline, stage, reason, attempts, batch, row, line }).slice(0, -1);
  if (payload.kind === "text") return encoder.encode(`${head},"text":${JSON.stringify(payload.text)}}\n`);
  return joined(encoder.encode(`${head},"record":`), payload.json, CLOSE);
}

/** Reads a line without its newline; what is wrong with it comes back as text. The letter keeps no view of `bytes`. */
export function decodeDeadLetter(bytes: Uint8Array, number: number): DeadLetter | string {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    return `not JSON: ${messageOf(error)}`;
  }
  if (!isObject(value)) return "not a JSON object";
  const problem = fieldProblem(value);
  if (problem !== undefined) return problem;
  const fields = value as unknown as DeadLetterFields; // fieldProblem has looked at each of them
  const { time, pipeline, stage, reason, attempts, batch, row, line } = fields;
  const places = { ...(row !== undefined && { row }), ...(line !== undefined && { line }) };
  const payload = payloadOf(value, bytes);
  return { number, time, pipeline, stage, reason, attempts, batch, ...places, payload };
}

/** Bytes one behind the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function payloadOf(value: Readonly<Record<string, unknown>>, bytes: Uint8Array): DeadLetterPayload {
  if (!Object.hasOwn(value, "record")) return { kind: "text", text: String(value.text) };
  return { kind: "record", json: memberBytes(bytes, "record").slice() };
}

const TEXTS = ["time", "pipeline", "stage", "reason", "batch"];
const COUNTS = ["attempts", "row", "line"];

function fieldProblem(value: Readonly<Record<string, unknown>>): string | undefined {
  const bad = TEXTS.find((key) => typeof value[key] !== "string");
  if (bad) return `"${bad}" is not a text`;
  const wrong = COUNTS.find((key) => !isCount(value[key]) && !(value[key] === undefined && key !== "attempts"));
  if (wrong) return `"${wrong}" is not a count`;
  if (Object.hasOwn(value, "record") === Object.hasOwn(value, "text")) return 'not exactly one of "record" and "text"';
  if (Object.hasOwn(value, "record")) return isObject(value.record) ? undefined : '"record" is not an object';
  return typeof value.text === "string" ? undefined : '"text" is not a text';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
