/**
 * A log in a file that never grows beyond a bound: appended to, readable by its owner only, put aside when it is full; `FILE.1` is
 * the one before. Where somebody else moves or deletes it (logrotate), the next line begins a new one. A log that cannot be written is told on standard error once, and the node works on without it.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";

/** Some hundred thousand lines: a person's tools read it whole. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** The one that is written to, and those put aside. */
const FILES_MAX = 5;

export interface LogFileOptions {
  readonly warn: (text: string) => void;
  readonly fileBytesMax?: number;
  /** By which people name it, for messages. */
  readonly option?: string;
}

/** Gives what appends a line. Fails with `usage.log_file` when it cannot be opened. */
export function openLogFile(
  path: string,
  { fileBytesMax = FILE_BYTES_MAX, option = "--log-file", warn }: LogFileOptions,
): (line: string) => void {
  let file: OpenFile;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    file = open(path);
  } catch (thrown) {
    throw new Failure(
      "usage.log_file",
      `${option} is ${JSON.stringify(path)}: ${messageOf(thrown)}; a file that can be written is required`,
    );
  }
  let isBroken = false;
  return (line) => {
    try {
      if (isElsewhere(path, file)) file = again(path, file);
      if (file.sizeBytes > 0 && file.sizeBytes + Buffer.byteLength(line) > fileBytesMax) file = rotate(path, file);
      file.sizeBytes += writeSync(file.fd, line);
      isBroken = false;
    } catch (thrown) {
      if (!isBroken) warn(`the log ${path} cannot be written: ${messageOf(thrown)}`);
      isBroken = true;
    }
  };
}

interface OpenFile {
  readonly fd: number;
  /** On its disk. */
  readonly inode: number;
  sizeBytes: number;
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
