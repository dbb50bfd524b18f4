/**
 * One line of an audit file:
 * `{"v":1,"n","batch","stage","count","time","digest","prev","hash"}`. `prev` is the hash of the line before (64 zeros in the
 * first), and `hash` is the SHA-256 of the line's own bytes up to `,"hash":`; so no line can be changed, taken out or
 * moved without the next one telling.
 */
import { messageOf } from "../../base/errors.ts";

export const FIRST_PREV = "0".repeat(64);
export const LINE_VERSION = 1;

export interface AuditLine {
  /** From 0. */
  readonly n: number;
  readonly batch: string;
  readonly stage: string;
  readonly count: number;
  readonly time: string;
  readonly digest: string;
  readonly prev: string;
  /** As it stands in the line. */
  readonly hash: string;
  /** False when the line's bytes do not have that hash. */
  readonly isSound: boolean;
}

const HASH = /^[0-9a-f]{64}$/;
const HASH_PREFIX = ',"hash":"';
/** `,"hash":"` + 64 digits + `"}` */
const TAIL_BYTES = HASH_PREFIX.length + 64 + 2;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a line without its newline; why it is none comes back as text. */
export function parseAuditLine(bytes: Uint8Array): AuditLine | string {
  let value: unknown;
  let text: string;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    return `not JSON (${messageOf(error)})`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not a JSON object";
  const tail = text.slice(-TAIL_BYTES);
  const hash = tail.slice(HASH_PREFIX.length, -2);
  if (!tail.startsWith(HASH_PREFIX) || !tail.endsWith('"}') || !isHash(hash)) return "it does not end with its hash";
  const fields = value as Readonly<Record<string, unknown>>; // an object that JSON.parse made has text keys
  const problem = fieldProblem(fields);
  if (problem !== undefined) return problem;
  const { n, batch, stage, count, time, digest, prev } = fields as unknown as AuditLine; // fieldProblem has looked at each
  const isSound = sha256(bytes.subarray(0, bytes.length - TAIL_BYTES)) === hash;
  return { n, batch, stage, count, time, digest, prev, hash, isSound };
}

export function isHash(value: unknown): value is string {
  return typeof value === "string" && HASH.test(value);
}

function fieldProblem(fields: Readonly<Record<string, unknown>>): string | undefined {
  if (fields.v !== LINE_VERSION) return `version ${JSON.stringify(fields.v)} is not ${LINE_VERSION}`;
  const count = ["n", "count"].find((key) => !Number.isSafeInteger(fields[key]) || Number(fields[key]) < 0);
  if (count) return `"${count}" is not a count`;
  const text = ["batch", "stage", "time"].find((key) => typeof fields[key] !== "string");
  if (text) return `"${text}" is not a text`;
  if (Number.isNaN(Date.parse(String(fields.time)))) return '"time" is not a time';
  const hash = ["digest", "prev"].find((key) => !isHash(fields[key]));
  return hash && `"${hash}" is not a SHA-256`;
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
