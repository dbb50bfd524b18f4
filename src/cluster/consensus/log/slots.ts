/**
 * Two slots in one small file, written in turn: while one is being written, the other one holds what was before. Each is
 * one sector with a checksum, a page from the other; the higher counter is the newer.
 */
import { checksumOf, getWhole, putWhole, viewOf } from "./bytes.ts";
import type { LogFile } from "./files.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./limits.ts";

/** "DSs1" */
const MAGIC = 0x31735344;
const HEADER_BYTES = 24;
export const SLOT_PAYLOAD_BYTES_MAX = SECTOR_BYTES - HEADER_BYTES;
export const SLOTS_BYTES = 2 * PAGE_BYTES;

export interface Slot {
  readonly counter: number;
  readonly payload: Uint8Array;
}

/** What each slot holds; undefined where it is damaged. */
export function readSlots(bytes: Uint8Array): readonly (Slot | undefined)[] {
  return [0, PAGE_BYTES].map((at) => readSlot(bytes.subarray(at, at + SECTOR_BYTES)));
}

export function newestSlot(slots: readonly (Slot | undefined)[]): Slot | undefined {
  const valid = slots.filter((slot) => slot !== undefined);
  return valid.sort((a, b) => b.counter - a.counter)[0];
}

/** A file's whole content, the same in both slots. */
export function encodeSlots(payload: Uint8Array, counter: number): Uint8Array {
  const bytes = new Uint8Array(SLOTS_BYTES);
  for (const each of [counter, counter + 1]) bytes.set(encodeSlot(payload, each), (each % 2) * PAGE_BYTES);
  return bytes;
}

/** The writer: one at a time, to a file that `encodeSlots` has begun. */
export class SlotsFile {
  #file: LogFile;
  #counter: number;

  constructor(file: LogFile, counter: number) {
    this.#file = file;
    this.#counter = counter;
  }

  get file(): LogFile {
    return this.#file;
  }

  /** In the page cache when it returns: syncing is the caller's. */
  write(payload: Uint8Array): void {
    this.#counter += 1;
    this.#file.write(encodeSlot(payload, this.#counter), (this.#counter % 2) * PAGE_BYTES);
  }

  /** Both copies, in another file that takes this one's place in one step: whatever is damaged, or gone, one sound file is there. */
  replace(payload: Uint8Array, put: (content: Uint8Array) => LogFile): void {
    const file = put(encodeSlots(payload, this.#counter + 1));
    this.#counter += 2;
    this.#file.close();
    this.#file = file;
  }
}

function encodeSlot(payload: Uint8Array, counter: number): Uint8Array {
  const slot = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(slot);
  view.setUint32(0, MAGIC, true);
  putWhole(view, 8, counter);
  view.setUint32(16, payload.length, true);
  slot.set(payload, HEADER_BYTES);
  view.setUint32(4, checksumOf(slot.subarray(8)), true);
  return slot;
}

function readSlot(slot: Uint8Array): Slot | undefined {
  if (slot.length < SECTOR_BYTES) return undefined;
  const view = viewOf(slot);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== checksumOf(slot.subarray(8))) return undefined;
  const size = view.getUint32(16, true);
  if (size > SLOT_PAYLOAD_BYTES_MAX) return undefined;
  return { counter: getWhole(view, 8), payload: slot.slice(HEADER_BYTES, HEADER_BYTES + size) };
}
