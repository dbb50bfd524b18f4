/**
 * Values of any size over a `KeptState`, which takes small ones: a large one is cut into pieces that stand under the hash of the
 * whole. They are written first, where nobody looks; the value itself, which names them, is written with whatever else has to hold
 * together, and from then on they count. Pieces that no value names (who wrote them was killed) are swept away by the next owner.
 */
import { createHash } from "node:crypto";
import { Failure } from "./errors.ts";
import {
  decodeKept,
  encodeKept,
  KEPT_VALUE_BYTES_MAX,
  KEPT_WRITE_BYTES_MAX,
  KEPT_WRITE_CHANGES_MAX,
  type KeptChange,
  type KeptEntry,
  type KeptState,
} from "./kept-state.ts";

/** What has to be written, in this order. */
export interface LargeWrite {
  readonly pieces: readonly KeptEntry[];
  /** Hold together, in one write. */
  readonly commit: readonly KeptChange[];
  /** Keys that nobody needs any more when that is written. */
  readonly garbage: readonly string[];
}

interface Pieced {
  readonly digest: string;
  readonly pieces: number;
  readonly bytes: number;
}

/** First byte of a value: it follows, or what follows says where its pieces are. */
const WHOLE = 0;
const PIECED = 1;
/** What is larger goes ahead, so that some hundreds of values fit into the one write in which they have to hold together. */
const WHOLE_BYTES_MAX = 8 * 2 ** 10;
const PIECES = "pieces/";
const DIGEST_CHARS = 32;

export function getLarge(kept: Pick<KeptState, "get">, key: string): Uint8Array | undefined {
  const value = kept.get(key);
  if (!value) return undefined;
  const pieced = piecedOf(value);
  if (!pieced) return value.subarray(1);
  const whole = new Uint8Array(pieced.bytes);
  let filled = 0;
  for (const each of pieceKeys(key, pieced)) {
    const piece = kept.get(each);
    if (!piece) throw new Failure("kept.damaged", `${key} has no piece ${each}; all ${pieced.pieces} are required`);
    whole.set(piece, filled);
    filled += piece.length;
  }
  return whole;
}

/** Without reading it; 0 where there is none. */
export function sizeOfLarge(kept: Pick<KeptState, "get">, key: string): number {
  const value = kept.get(key);
  return value ? (piecedOf(value)?.bytes ?? value.length - 1) : 0;
}

/** For `writeLarge`. What was there under this key before goes. */
export function putLarge(kept: Pick<KeptState, "get">, key: string, bytes: Uint8Array): LargeWrite {
  if (bytes.length <= WHOLE_BYTES_MAX) {
    return { pieces: [], commit: [{ key, value: tagged(WHOLE, bytes) }], garbage: piecesUnder(kept, key) };
  }
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, DIGEST_CHARS);
  const pieced = { digest, bytes: bytes.length, pieces: Math.ceil(bytes.length / KEPT_VALUE_BYTES_MAX) };
  const keys = pieceKeys(key, pieced);
  const pieces = keys.map((each, at) => {
    const from = at * KEPT_VALUE_BYTES_MAX;
    return { key: each, value: bytes.subarray(from, from + KEPT_VALUE_BYTES_MAX) };
  });
  const garbage = piecesUnder(kept, key).filter((each) => !keys.includes(each));
  const missing = pieces.filter((each) => kept.get(each.key)?.length !== each.value.length);
  return { pieces: missing, commit: [{ key, value: tagged(PIECED, encodeKept(pieced)) }], garbage };
}

export function deleteLarge(kept: Pick<KeptState, "get">, key: string): LargeWrite {
  return { pieces: [], commit: [{ key, delete: true }], garbage: piecesUnder(kept, key) };
}

/** One after the other: pieces, then all commits in one write, then garbage. Fails as `write`; commits hold together or not at all. */
export async function writeLarge(kept: KeptState, ...parts: readonly LargeWrite[]): Promise<void> {
  const pieces = parts.flatMap((part) => part.pieces);
  const commit = parts.flatMap((part) => part.commit);
  const garbage = parts.flatMap((part) => part.garbage).map((key) => ({ key, delete: true }) as const);
  if (!fits(commit)) {
    const message = `${commit.length} changes with ${bytesOf(commit)} bytes would have to hold together; at most ${KEPT_WRITE_CHANGES_MAX} with ${KEPT_WRITE_BYTES_MAX} are allowed`;
    throw new Failure("kept.too_large", message);
  }
  const ahead = grouped(pieces);
  const last = ahead.at(-1) ?? [];
  const isJoined = fits([...last, ...commit]);
  for (const group of isJoined ? ahead.slice(0, -1) : ahead) await kept.write(group);
  const together = isJoined ? [...last, ...commit] : commit;
  const isClean = fits([...together, ...garbage]);
  await kept.write(isClean ? [...together, ...garbage] : together);
  if (!isClean) for (const group of grouped(garbage)) await kept.write(group);
}

/** Any number of changes, as few writes as their bounds allow, in order; each of them holds for itself. */
export async function writeInGroups(kept: KeptState, changes: readonly KeptChange[]): Promise<void> {
  for (const group of grouped(changes)) await kept.write(group);
}

/** Pieces that no value names: who wrote them did not come to the end. Nobody else may write meanwhile. */
export function strayPieces(kept: Pick<KeptState, "get" | "list">): readonly string[] {
  return kept.list(PIECES).flatMap(({ key }) => {
    const [digest, owner] = [key.split("/").at(-2), key.slice(PIECES.length).split("/").slice(0, -2).join("/")];
    const value = kept.get(owner);
    return value && piecedOf(value)?.digest === digest ? [] : [key];
  });
}

function piecesUnder(kept: Pick<KeptState, "get">, key: string): readonly string[] {
  const value = kept.get(key);
  const pieced = value && piecedOf(value);
  return pieced ? pieceKeys(key, pieced) : [];
}

function pieceKeys(key: string, { digest, pieces }: Pieced): readonly string[] {
  return Array.from({ length: pieces }, (_, at) => `${PIECES}${key}/${digest}/${at}`);
}

function piecedOf(value: Uint8Array): Pieced | undefined {
  return value[0] === PIECED ? (decodeKept(value.subarray(1)) as Pieced) : undefined; // written by putLarge
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(bytes.length + 1);
  value[0] = tag;
  value.set(bytes, 1);
  return value;
}

function grouped(changes: readonly KeptChange[]): readonly (readonly KeptChange[])[] {
  const groups: KeptChange[][] = [];
  let bytes = 0;
  for (const change of changes) {
    const more = bytesOf([change]);
    const group = groups.at(-1);
    if (group && group.length < KEPT_WRITE_CHANGES_MAX && bytes + more <= KEPT_WRITE_BYTES_MAX) {
      group.push(change);
      bytes += more;
    } else {
      groups.push([change]);
      bytes = more;
    }
  }
  return groups;
}

function fits(changes: readonly KeptChange[]): boolean {
  return changes.length <= KEPT_WRITE_CHANGES_MAX && bytesOf(changes) <= KEPT_WRITE_BYTES_MAX;
}

function bytesOf(changes: readonly KeptChange[]): number {
  return changes.reduce((sum, change) => sum + change.key.length + ("value" in change ? change.value.length : 0), 0);
}
