/**
 * What a spool's directory holds when it is opened. A write that a crash cut off is taken away: nobody was told that it is
 * safe. Anything else that cannot be read was acknowledged, and refuses: leaving it out would lose records without a word.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "../../../../base/errors.ts";
import { endOf, type Frame, nextMagic, wholeFrame } from "./spool-frame.ts";
import { type KeyFile, type RememberedKey, readKeyFile } from "./spool-keys.ts";

export interface RecoveredSegment {
  readonly base: number;
  readonly path: string;
  readonly end: number;
  readonly keys: readonly RememberedKey[];
}

export interface Recovered {
  /** One behind the other, without a gap; at least one. */
  readonly segments: readonly RecoveredSegment[];
  readonly keyFiles: readonly KeyFile[];
  readonly committed: number;
}

const NAME_DIGITS = 16;

/** Fails with `source.spool_damaged`. */
export function recoverSpool(directory: string): Recovered {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const names = readdirSync(directory).sort();
  for (const name of names) if (name.endsWith(".tmp")) rmSync(join(directory, name));
  const bases = names.flatMap((name) => baseOf(name, ".log"));
  const segments: RecoveredSegment[] = [];
  let committed = bases[0] ?? 0;
  for (const [index, base] of bases.entries()) {
    const before = segments.at(-1);
    if (before && before.end !== base) throw damaged(before.path, before.end, `the next file begins at ${base}`);
    const path = segmentPath(directory, base);
    const frames = readSegment(path, base, index === bases.length - 1);
    for (const frame of frames) if (frame.kind === "committed") committed = Math.max(committed, frame.value);
    const last = frames.at(-1);
    segments.push({ base, path, end: last ? endOf(last) : base, keys: frames.flatMap(keyOf) });
  }
  return { segments, keyFiles: readKeyFiles(directory, names), committed };
}

export function segmentPath(directory: string, base: number): string {
  return join(directory, `${String(base).padStart(NAME_DIGITS, "0")}.log`);
}

export function keyFilePath(directory: string, base: number): string {
  return join(directory, `${String(base).padStart(NAME_DIGITS, "0")}.keys`);
}

/** What is remembered of a frame that came with a key. */
export function keyOf(frame: Frame): RememberedKey[] {
  return frame.keyed ? [{ ...frame.keyed, records: frame.records, position: endOf(frame) }] : [];
}

/** A crash between writing the keys of a file and removing it leaves both: the file itself knows as much. */
function readKeyFiles(directory: string, names: readonly string[]): KeyFile[] {
  return names
    .flatMap((name) => baseOf(name, ".keys"))
    .flatMap((base) => {
      const path = keyFilePath(directory, base);
      if (!existsSync(segmentPath(directory, base))) return [{ path, keys: readKeyFile(path) }];
      rmSync(path);
      return [];
    });
}

function readSegment(path: string, base: number, isLast: boolean): Frame[] {
  const bytes = readFileSync(path);
  const frames: Frame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const frame = wholeFrame(bytes, at, base + at);
    if (frame === undefined) break;
    frames.push(frame);
    at = endOf(frame) - base;
  }
  if (at < bytes.length) refuseLoss(path, bytes, at, base, isLast);
  if (isLast) settle(path, at);
  return frames;
}

function refuseLoss(path: string, bytes: Uint8Array, at: number, base: number, isLast: boolean): void {
  if (!isLast) throw damaged(path, base + at, "another file follows");
  const later = firstKnownLater(bytes, at, base);
  if (later) throw damaged(path, base + at, `the entry at ${later.offset} was written when it was safe on the disk`);
}

/** A whole entry behind the place that was written when everything up to the place was durable already. */
function firstKnownLater(bytes: Uint8Array, at: number, base: number): Frame | undefined {
  for (let next = nextMagic(bytes, at + 1); next >= 0; next = nextMagic(bytes, next + 1)) {
    const frame = wholeFrame(bytes, next, base + next);
    if (frame && frame.durable > base + at) return frame;
  }
  return undefined;
}

/** What a killed process had written and not synced counts from now on, so it has to be on the disk. */
function settle(path: string, bytes: number): void {
  const file = openSync(path, "r+");
  try {
    ftruncateSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function baseOf(name: string, ending: string): number[] {
  const digits = name.endsWith(ending) ? name.slice(0, -ending.length) : "";
  return /^\d{16}$/.test(digits) ? [Number(digits)] : [];
}

function damaged(path: string, offset: number, why: string): Failure {
  return new Failure(
    "source.spool_damaged",
    `cannot read ${path} at offset ${offset}, where acknowledged records lie: ${why}; restore the file, or move the spool away ` +
      "and start over with --fresh to go on without them",
  );
}
