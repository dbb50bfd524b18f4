/**
 * Spoils the log of a master that does not run: one bit somewhere in what was durable, or a file cut off there. What was never used, and
 * what lies behind the marked end (a write that nobody was told of), is left alone: nothing can be lost there. Layout: see the README and
 * `segment.ts`, `slots.ts`, `snapshot-format.ts` of the log.
 */
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../../src/base/random.ts";

export interface Damage {
  readonly kind: "flip" | "cut";
  /** In the log's directory. */
  readonly file: string;
  /** Of the byte that has changed, or the length that is left. */
  readonly offset: number;
  readonly bit?: number;
  /** The file's length before. */
  readonly sizeBytes: number;
}

/** A stretch of a file in which every bit counts. */
interface Stretch {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly sizeBytes: number;
}

const PAGE = 4096;
const SECTOR = 512;
const HEADER_COPIES = [0, PAGE / 2] as const;
const SLOT_COUNTER_AT = 8;
const SLOT_PAYLOAD_AT = 24;

/** Damages something in a directory, and says what. Undefined: nothing is in it yet. */
export function damageLog(directory: string, random: Random): Damage | undefined {
  const stretches = stretchesOf(directory);
  if (stretches.length === 0) return undefined;
  const { file, from, sizeBytes, to } = choose(stretches, random);
  const offset = from + random.below(to - from);
  const fd = openSync(join(directory, file), "r+");
  try {
    if (random.below(3) === 0) {
      ftruncateSync(fd, offset);
      return { kind: "cut", file, offset, sizeBytes };
    }
    const bit = random.below(8);
    const byte = readFileSync(join(directory, file))[offset]! ^ (1 << bit);
    writeSync(fd, new Uint8Array([byte]), 0, 1, offset);
    return { kind: "flip", file, offset, bit, sizeBytes };
  } finally {
    closeSync(fd);
  }
}

/** Records most of the time, for that is where the data are; otherwise any other part, the small ones as often as the large ones. */
function choose(stretches: readonly Stretch[], random: Random): Stretch {
  const records = stretches.filter(({ file, from }) => file.startsWith("segment-") && from >= PAGE);
  const pool = records.length > 0 && random.below(2) === 0 ? records : stretches;
  return pool[random.below(pool.length)]!;
}

export function stretchesOf(directory: string): Stretch[] {
  const end = durableEnd(directory);
  return readdirSync(directory).flatMap((file) => {
    const bytes = () => readFileSync(join(directory, file));
    if (file.endsWith(".snap")) return stretch(file, bytes(), 0, bytes().length);
    if (file === "hard-state" || file === "durable-end") {
      return [0, PAGE].flatMap((at) => stretch(file, bytes(), at, at + SECTOR));
    }
    const sequence = sequenceOf(file);
    if (sequence === undefined || end === undefined || sequence > end.sequence) return [];
    const content = bytes();
    const last = sequence < end.sequence ? lastUsed(content) : end.offset;
    return [
      ...HEADER_COPIES.flatMap((at) => stretch(file, content, at, at + SECTOR)),
      ...stretch(file, content, PAGE, last),
    ];
  });
}

function stretch(file: string, bytes: Uint8Array, from: number, to: number): Stretch[] {
  return to > from && bytes.length >= to ? [{ file, from, to, sizeBytes: bytes.length }] : [];
}

function sequenceOf(file: string): number | undefined {
  const found = /^segment-([0-9a-f]{14})\.log$/.exec(file);
  return found ? Number.parseInt(found[1]!, 16) : undefined;
}

function lastUsed(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

/** What the newer slot of the marked end says. */
function durableEnd(directory: string): { readonly sequence: number; readonly offset: number } | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(directory, "durable-end"));
  } catch {
    return undefined; // nothing was written yet
  }
  if (bytes.length < PAGE + SECTOR) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = (at: number): number => Number(view.getBigUint64(at, true));
  const newest = number(SLOT_COUNTER_AT) > number(PAGE + SLOT_COUNTER_AT) ? 0 : PAGE;
  return { sequence: number(newest + SLOT_PAYLOAD_AT), offset: number(newest + SLOT_PAYLOAD_AT + 8) };
}
