/**
 * "Damaged, and not repaired yet", as a file: that a node has lost something it once promised must outlive a restart, until a leader
 * has given all of it back. That the file exists says it; what it says beyond that may be damaged itself, and then the worst is taken.
 */
import { join } from "node:path";
import { decodeText, encodeText } from "./bytes.ts";
import { type LogFiles, readWhole, replaceFile } from "./files.ts";

export const DAMAGE_NAME = "damaged";

export interface DamageNote {
  /** Something is lost that only a leader can give back. */
  readonly isDamaged: boolean;
  /** For ever: no leader knows whom this node has voted for. */
  readonly hardStateLost: boolean;
  /** The last entry that was seen when it was found. */
  readonly lastIndexKnown: number;
}

export function readDamageNote(files: LogFiles, directory: string): DamageNote | undefined {
  const bytes = readWhole(files, join(directory, DAMAGE_NAME));
  return bytes && (parseNote(bytes) ?? { isDamaged: true, hardStateLost: true, lastIndexKnown: 0 });
}

export function writeDamageNote(files: LogFiles, directory: string, note: DamageNote): void {
  const text = JSON.stringify({ ...note, checksum: checksumOfNote(note) });
  replaceFile(files, directory, DAMAGE_NAME, encodeText(`${text}\n`));
}

export function removeDamageNote(files: LogFiles, directory: string): void {
  files.remove(join(directory, DAMAGE_NAME));
  files.syncDirectory(directory);
}

function parseNote(bytes: Uint8Array): DamageNote | undefined {
  try {
    const value = JSON.parse(decodeText(bytes)) as Partial<Record<keyof DamageNote | "checksum", unknown>>; // checked below
    const { isDamaged, hardStateLost, lastIndexKnown, checksum } = value;
    if (typeof isDamaged !== "boolean" || typeof hardStateLost !== "boolean") return undefined;
    if (typeof lastIndexKnown !== "number" || !Number.isSafeInteger(lastIndexKnown)) return undefined;
    const note = { isDamaged, hardStateLost, lastIndexKnown };
    return checksum === checksumOfNote(note) ? note : undefined;
  } catch {
    return undefined; // not what was written: the caller takes the worst
  }
}

function checksumOfNote({ isDamaged, hardStateLost, lastIndexKnown }: DamageNote): number {
  return Bun.hash.crc32(`${isDamaged} ${hardStateLost} ${lastIndexKnown}`);
}
