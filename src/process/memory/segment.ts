/**
 * One piece of memory that several processes see. It is a file, sized once and unlinked before anything is written, so
 * that nothing is left behind whatever dies: the kernel frees it with the last process that has it. Only the open
 * descriptor leads to it. The descriptor is close-on-exec (the runtime's default); a child gets it only where the
 * parent names it in the `stdio` list of its spawn, and maps it by `attachSegment`.
 *
 * A mapped file that shrinks, or a full memory file system, kills whoever touches the missing page (SIGBUS). So a
 * segment never changes its size, and one is refused at creation where the file system has not the room for it and for
 * what the segments made before may still grow to.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, statfsSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";

export interface Segment {
  /** For the `stdio` list of a child's spawn, at the index under which the child attaches it. */
  readonly fd: number;
  readonly sizeBytes: number;
  readonly view: Uint8Array;
  /** Where it lies: memory, or a disk file where the memory file system was too small. */
  readonly directory: string;
  /** Gives up this process's descriptor; the mapping goes with the last view. No child can be given it any more. */
  close(): void;
}

export interface AttachedSegment {
  readonly sizeBytes: number;
  readonly view: Uint8Array;
  /** The bytes of one slot; a slot outside of the segment is refused. */
  slot(offset: number, sizeBytes: number): Uint8Array;
}

/** Memory first; a disk-backed directory works too, only slower when the kernel writes pages back. */
const DIRECTORIES: readonly string[] = ["/dev/shm", tmpdir()];

/** What stays free on the file system for everybody else. */
const HEADROOM_BYTES = 1024 * 1024;

/** Names tried: one is taken only where a process died between making and unlinking, in a life with the same pid. */
const NAMES_MAX = 1000;

export interface SharedMemoryOptions {
  /** Tried in this order. */
  readonly directories?: readonly string[];
  readonly freeBytesOf?: (directory: string) => number;
}

interface LiveSegment {
  readonly fd: number;
  readonly directory: string;
  readonly sizeBytes: number;
}

/** Makes segments and knows those it made: a sparse file takes its pages on first touch only, so they still count. */
export class SharedMemory {
  readonly #directories: readonly string[];
  readonly #freeBytesOf: (directory: string) => number;
  readonly #live = new Set<LiveSegment>();
  #made = 0;

  constructor(options: SharedMemoryOptions = {}) {
    this.#directories = options.directories ?? DIRECTORIES;
    this.#freeBytesOf = options.freeBytesOf ?? freeBytesOnDisk;
  }

  /** Fails with `memory.no_space` where no directory has the room. */
  createSegment(sizeBytes: number): Segment {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
      throw new Failure(
        "memory.bad_size",
        `make a shared segment: size is ${sizeBytes}, it must be a positive whole number`,
      );
    }
    const reasons: string[] = [];
    for (const directory of this.#directories) {
      try {
        return this.#createIn(directory, sizeBytes);
      } catch (thrown) {
        reasons.push(`${directory}: ${messageOf(thrown)}`);
      }
    }
    const asked = `make a shared segment of ${formatBytes(sizeBytes)}`;
    throw new Failure(
      "memory.no_space",
      `${asked}: ${reasons.join("; ")}. Free some space there, or ask for less memory`,
      {
        data: { sizeBytes, directories: this.#directories },
      },
    );
  }

  #createIn(directory: string, sizeBytes: number): Segment {
    const free = this.#freeBytes(directory);
    if (free < sizeBytes + HEADROOM_BYTES) throw new Error(`${formatBytes(Math.max(0, free))} free`);
    const fd = this.#openUnlinked(directory);
    try {
      ftruncateSync(fd, sizeBytes);
      const segment = { fd, sizeBytes, directory, view: map(fd) };
      this.#live.add(segment);
      return {
        ...segment,
        close: () => {
          if (this.#live.delete(segment)) closeSync(fd);
        },
      };
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
  }

  #openUnlinked(directory: string): number {
    for (let tries = 1; ; tries++) {
      const path = join(directory, `distributed_system-${process.pid}-${this.#made++}`);
      try {
        const fd = openSync(path, "wx+", 0o600);
        unlinkSync(path);
        return fd;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "EEXIST" || tries >= NAMES_MAX) throw thrown;
      }
    }
  }

  /** Free bytes, less what the segments already there have been promised and not touched yet. */
  #freeBytes(directory: string): number {
    let promised = 0;
    for (const segment of this.#live) {
      if (segment.directory === directory) promised += segment.sizeBytes - fstatSync(segment.fd).blocks * 512;
    }
    return this.#freeBytesOf(directory) - promised;
  }
}

/**
 * Maps a segment that the parent handed down as descriptor `fd`. The descriptor is closed once mapped, so that
 * grandchildren cannot inherit it. Fails with `memory.not_attached` when the descriptor is not that segment.
 */
export function attachSegment(fd: number, sizeBytes: number): AttachedSegment {
  try {
    const actual = fstatSync(fd).size;
    if (actual !== sizeBytes) throw new Error(`it has ${actual} bytes`);
    const attached = mapSegment(fd, sizeBytes);
    closeSync(fd);
    return attached;
  } catch (thrown) {
    throw new Failure(
      "memory.not_attached",
      `attach shared memory: descriptor ${fd}: ${messageOf(thrown)}; a segment of ${sizeBytes} bytes from the parent is required`,
      { cause: thrown },
    );
  }
}

/** The descriptor may be closed afterwards. */
export function mapSegment(fd: number, sizeBytes: number): AttachedSegment {
  const view = map(fd);
  return { sizeBytes, view, slot: (offset, length) => slotOf(view, offset, length) };
}

function freeBytesOnDisk(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function slotOf(view: Uint8Array, offset: number, sizeBytes: number): Uint8Array {
  const inside =
    Number.isInteger(offset) &&
    Number.isInteger(sizeBytes) &&
    offset >= 0 &&
    sizeBytes >= 0 &&
    offset + sizeBytes <= view.length;
  if (inside) return view.subarray(offset, offset + sizeBytes);
  throw new Failure(
    "memory.slot_out_of_range",
    `read a shared slot: offset ${offset}, ${sizeBytes} bytes; it must lie within the segment's ${view.length} bytes`,
  );
}

function map(fd: number): Uint8Array {
  return Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
}
