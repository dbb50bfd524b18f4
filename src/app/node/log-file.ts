/**
 * A log in a file that never grows beyond a bound: appended to, readable by its owner only, put aside when it is full; `FILE.1` is
 * the one before. Where somebody else moves or deletes it (logrotate), the next line begins a new one. A log that cannot be written is
 * told once, and the node works on without it; a line that was cut is made whole when there is room again, and what was lost is told.
 *
 * Regular files only: a write to a pipe, a terminal or a device may wait for its reader, and everything would wait with it.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";

/** Some hundred thousand lines: a person's tools read it whole. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** The one that is written to, and those put aside. */
const FILES_MAX = 5;
const NEWLINE = 0x0a;

export interface LogFileOptions {
  readonly warn: (text: string) => void;
  readonly fileBytesMax?: number;
  /** By which people name it, for messages. */
  readonly option?: string;
  /** Writes what it can and says how many bytes that was, as `fs.writeSync`. For tests of full disks. */
  readonly write?: (fd: number, bytes: Uint8Array) => number;
}

export interface LogWriter {
  /** A text of whole lines. */
  (lines: string): void;
  /** Gives back what it holds of the system. A line that comes all the same opens it again. */
  close(): void;
}

/** Fails with `usage.log_file` when it cannot be opened. */
export function openLogFile(path: string, options: LogFileOptions): LogWriter {
  requireLogFile(path, options.option);
  const file = new LogFile(path, options);
  return Object.assign((lines: string) => file.append(lines), { close: () => file.close() });
}

/** Fails with `usage.log_file` where something stands that is no regular file. */
export function requireLogFile(path: string, option = "--log-file"): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  const what = found.isDirectory() ? "a directory" : found.isFIFO() ? "a named pipe" : "no regular file";
  throw unusable(path, option, `it is ${what}`);
}

function unusable(path: string, option: string, reason: string): Failure {
  const message = `${option} is ${JSON.stringify(path)}: ${reason}; a file that can be written is required`;
  return new Failure("usage.log_file", message);
}

interface OpenFile {
  readonly fd: number;
  /** On its disk. */
  readonly inode: number;
  sizeBytes: number;
}

class LogFile {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  readonly #fileBytesMax: number;
  readonly #write: (fd: number, bytes: Uint8Array) => number;
  #file: OpenFile;
  /** Of a line whose beginning is in the file. */
  #owed: Uint8Array = Buffer.alloc(0);
  /** Since the file could not be written. */
  #lostLines = 0;
  #isBroken = false;
  #isClosed = false;

  constructor(path: string, { fileBytesMax = FILE_BYTES_MAX, option = "--log-file", warn, write }: LogFileOptions) {
    this.#path = path;
    this.#warn = warn;
    this.#fileBytesMax = fileBytesMax;
    this.#write = write ?? writeSync;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      this.#file = open(path);
    } catch (thrown) {
      throw unusable(path, option, messageOf(thrown));
    }
  }

  append(lines: string): void {
    const bytes = Buffer.from(lines);
    let written = 0;
    try {
      if (this.#isClosed) this.#reopen();
      this.#payUp();
      this.#makeRoom(bytes.length);
      written = this.#put(bytes);
      if (written < bytes.length) throw new Error("there is no room for all of it");
      this.#recovered();
    } catch (thrown) {
      this.#broke(bytes, written, messageOf(thrown));
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#file.fd);
  }

  #reopen(): void {
    requireLogFile(this.#path);
    const file = open(this.#path);
    if (file.inode !== this.#file.inode) this.#owed = Buffer.alloc(0);
    this.#file = file;
    this.#isClosed = false;
  }

  /** The rest of a line that was cut, in the file that has its beginning. */
  #payUp(): void {
    if (this.#owed.length === 0) return;
    if (isElsewhere(this.#path, this.#file)) this.#owed = Buffer.alloc(0);
    this.#owed = this.#owed.subarray(this.#put(this.#owed));
    if (this.#owed.length > 0) throw new Error("there is no room for all of it");
  }

  #makeRoom(bytes: number): void {
    if (isElsewhere(this.#path, this.#file)) this.#file = again(this.#path, this.#file);
    if (this.#file.sizeBytes > 0 && this.#file.sizeBytes + bytes > this.#fileBytesMax) {
      this.#file = rotate(this.#path, this.#file);
    }
  }

  #put(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    const written = this.#write(this.#file.fd, bytes);
    this.#file.sizeBytes += written;
    return written;
  }

  #recovered(): void {
    if (!this.#isBroken) return;
    this.#isBroken = false;
    this.#warn(`the log ${this.#path} is written again; ${this.#lostLines} lines were lost`);
    this.#lostLines = 0;
  }

  #broke(bytes: Uint8Array, written: number, reason: string): void {
    const isCut = written > 0 && written < bytes.length && bytes[written - 1] !== NEWLINE;
    const lostFrom = isCut ? bytes.indexOf(NEWLINE, written) + 1 : written;
    if (isCut) this.#owed = Buffer.from(bytes.subarray(written, lostFrom));
    for (let at = bytes.indexOf(NEWLINE, lostFrom); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) this.#lostLines++;
    if (!this.#isBroken) this.#warn(`the log ${this.#path} cannot be written: ${reason}`);
    this.#isBroken = true;
  }
}

function open(path: string): OpenFile {
  const fd = openSync(path, "a", 0o600);
  const { ino: inode, size: sizeBytes } = fstatSync(fd);
  return { fd, inode, sizeBytes };
}

function isElsewhere(path: string, { inode }: OpenFile): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino !== inode;
}

function again(path: string, { fd }: OpenFile): OpenFile {
  requireLogFile(path);
  const next = open(path);
  closeSync(fd);
  return next;
}

/** The oldest is overwritten. */
function rotate(path: string, file: OpenFile): OpenFile {
  for (let number = FILES_MAX - 1; number >= 1; number--) {
    const from = number === 1 ? path : `${path}.${number - 1}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${number}`);
  }
  return again(path, file);
}
