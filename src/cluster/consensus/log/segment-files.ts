/**
 * The segments of an open log: the one that is written, those before it, and the next one, which is filled with zeros and synced
 * ahead of time, aside, so that rolling over costs a rename that has been done already. A full disk is met there, not in the middle of a write.
 */
import { join } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { alignUp } from "./bytes.ts";
import type { LogFile, LogFiles } from "./files.ts";
import { PAGE_BYTES, PREPARE_RETRY_MS, SLICE_BYTES } from "./limits.ts";
import { encodeSegmentHeader, SEGMENT_START, type SegmentHeader, segmentName } from "./segment.ts";

export interface SegmentOptions {
  readonly directory: string;
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly group: string;
  readonly segmentBytes: number;
  /** A number below 2^32, never the same twice but by chance. */
  readonly salt: () => number;
}

interface OpenSegment {
  readonly header: SegmentHeader;
  readonly file: LogFile;
}

const ZEROS = new Uint8Array(SLICE_BYTES);
const NEXT_NAME = "next-segment.tmp";

export class SegmentFiles {
  readonly #options: SegmentOptions;
  /** Sizes of all files by sequence, the oldest first, without the next one. */
  readonly #sizes: Map<number, number>;
  #active: OpenSegment;
  #offset: number;
  #next: OpenSegment | undefined;
  #preparing: Promise<void> | undefined;
  #prepareAfterMs = 0;
  #isClosed = false;

  /** `sizes`: all of the log's, with the active one; `next`: the one behind it, if there is one already. */
  constructor(
    options: SegmentOptions,
    active: OpenSegment,
    offset: number,
    sizes: ReadonlyMap<number, number>,
    next: OpenSegment | undefined,
  ) {
    this.#options = options;
    this.#active = active;
    this.#offset = offset;
    this.#sizes = new Map(sizes);
    this.#next = next;
  }

  get sequence(): number {
    return this.#active.header.sequence;
  }

  get salt(): number {
    return this.#active.header.salt;
  }

  get offset(): number {
    return this.#offset;
  }

  get file(): LogFile {
    return this.#active.file;
  }

  get count(): number {
    return this.#sizes.size;
  }

  get bytes(): number {
    let sum = this.#next?.header.sizeBytes ?? 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  /** Oldest first; the active one is the last. */
  get sequences(): readonly number[] {
    return [...this.#sizes.keys()];
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#offset + sizeBytes <= this.#active.header.sizeBytes;
  }

  /** What was written there counts. Starts to make the next segment when half of this one is used. */
  advance(sizeBytes: number): void {
    this.#offset += sizeBytes;
    if (this.#offset > (SEGMENT_START + this.#active.header.sizeBytes) / 2) this.#prepareAhead();
  }

  /** Goes on in the next segment, which has room for a record of this size. Fails as the disk does; then nothing has changed. */
  async roll(sizeBytes: number): Promise<void> {
    await this.#preparing;
    const needed = SEGMENT_START + sizeBytes;
    if (this.#next !== undefined && this.#next.header.sizeBytes < needed) this.#discardNext();
    this.#next ??= await createSegment(this.#options, this.sequence + 1, needed);
    this.#active.file.close();
    this.#active = this.#next;
    this.#next = undefined;
    this.#offset = SEGMENT_START;
    this.#sizes.set(this.sequence, this.#active.header.sizeBytes);
  }

  /** Removes the oldest ones, in order, as long as `isDroppable` says so: what is left has no gaps, whenever the power goes. */
  drop(isDroppable: (sequence: number) => boolean): readonly number[] {
    const { directory, files } = this.#options;
    const dropped: number[] = [];
    for (const sequence of this.sequences) {
      if (sequence === this.sequence || !isDroppable(sequence)) break;
      files.remove(join(directory, segmentName(sequence)));
      this.#sizes.delete(sequence);
      dropped.push(sequence);
    }
    if (dropped.length > 0) files.syncDirectory(directory);
    return dropped;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#preparing;
    this.#active.file.close();
    this.#next?.file.close();
  }

  #prepareAhead(): void {
    const { clock } = this.#options;
    if (this.#next || this.#preparing || this.#isClosed || clock.monotonic() < this.#prepareAfterMs) return;
    this.#preparing = createSegment(this.#options, this.sequence + 1, 0)
      .then(
        (next) => {
          this.#next = next;
        },
        () => {
          this.#prepareAfterMs = clock.monotonic() + PREPARE_RETRY_MS; // whoever needs it tries again, and says why it fails
        },
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  #discardNext(): void {
    const { directory, files } = this.#options;
    const next = this.#next!;
    this.#next = undefined;
    next.file.close();
    files.remove(join(directory, segmentName(next.header.sequence)));
  }
}

/** Makes a segment and gives it its name when it is durable: it is there whole, or not at all. */
export async function createSegment(
  options: SegmentOptions,
  sequence: number,
  sizeBytesMin: number,
): Promise<OpenSegment> {
  const { directory, files, group, salt, segmentBytes } = options;
  const sizeBytes = alignUp(Math.max(segmentBytes, sizeBytesMin), PAGE_BYTES);
  const header: SegmentHeader = { group, sequence, sizeBytes, salt: salt() };
  const temporary = join(directory, NEXT_NAME);
  const file = files.open(temporary, "create");
  try {
    for (let at = 0; at < sizeBytes; at += SLICE_BYTES) {
      await file.writeAside(ZEROS.subarray(0, Math.min(SLICE_BYTES, sizeBytes - at)), at);
    }
    await file.writeAside(encodeSegmentHeader(header), 0);
    await file.syncAside();
    files.rename(temporary, join(directory, segmentName(sequence)));
    files.syncDirectory(directory);
  } catch (thrown) {
    file.close();
    files.remove(temporary);
    throw thrown;
  }
  return { header, file };
}
