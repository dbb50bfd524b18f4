/**
 * The audit file while it is written: one line for each batch, in order, each batch once. A batch that comes again with the same
 * records adds nothing; with other records it is an error. The head file follows
 * each line, so that a file cut at a line's end can be told from a whole one.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { type AuditEntry, type ChainEnd, formatLine } from "./line.ts";
import { acquireLock, type Lock } from "./lock.ts";
import { recover, remember } from "./recover.ts";

/** `interval` syncs every so many lines: at 4,096 records a batch, a power cut costs the proof of a quarter million. */
const INTERVAL_LINES = 64;

export interface AuditOptions {
  readonly file: string;
  readonly sync: "batch" | "interval" | "none";
}

export class AuditLog {
  readonly #path: string;
  readonly #options: AuditOptions;
  readonly #lock: Lock;
  readonly #file: number;
  readonly #digests: Map<string, string>;
  #end: ChainEnd;
  #headIsBehind: boolean;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#path = resolve(options.file);
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#lock = acquireLock(this.#path);
    try {
      const { end, digests } = recover(this.#path);
      this.#file = openSync(this.#path, "a", 0o640);
      this.#digests = digests;
      this.#end = end;
      this.#headIsBehind = end.n >= 0; // perhaps it is not; writing it again costs nothing
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  get lines(): number {
    return this.#end.n + 1;
  }

  /** Returns whether a line was added. */
  add(entry: AuditEntry): boolean {
    if (this.#headIsBehind) this.#writeHead(false);
    const known = this.#digests.get(entry.batch);
    if (known === entry.digest) return false;
    if (known !== undefined) {
      throw new Error(
        `batch replayed with other content: ${entry.batch} is in audit file ${this.#path} with digest ${known}, now it has ` +
          `${entry.digest}; a stage before this one is not deterministic, or the pipeline was changed: start over with --fresh`,
      );
    }
    this.#append(entry);
    return true;
  }

  #append(entry: AuditEntry): void {
    const n = this.#end.n + 1;
    const { line, hash } = formatLine(entry, n, this.#end.hash);
    const bytes = Buffer.from(`${line}\n`);
    const synced =
      this.#options.sync === "batch" ||
      (this.#options.sync === "interval" && n % INTERVAL_LINES === INTERVAL_LINES - 1);
    try {
      writeAll(this.#file, bytes);
      if (synced) fdatasyncSync(this.#file);
    } catch (error) {
      ftruncateSync(this.#file, this.#end.bytes); // no half line, no line that we do not know of
      throw error;
    }
    this.#end = { n, hash, bytes: this.#end.bytes + bytes.length };
    remember(this.#digests, entry);
    this.#writeHead(synced);
  }

  #writeHead(synced: boolean): void {
    this.#headIsBehind = true; // until the rename is done
    const temporary = `${this.#path}.head.tmp`;
    const file = openSync(temporary, "w", 0o640);
    try {
      writeAll(file, Buffer.from(`${JSON.stringify(this.#end)}\n`));
      if (synced) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, `${this.#path}.head`);
    this.#headIsBehind = false;
  }

  close(): void {
    if (this.#options.sync !== "none") fdatasyncSync(this.#file);
    closeSync(this.#file);
    this.#lock.release();
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
