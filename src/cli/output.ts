/**
 * Where commands put their data: standard output or a file. A write that fails is the user's business and becomes a
 * Failure: `output.closed` when the reader has gone away (as `head` does, the command then ends without a word),
 * `output.write_failed` otherwise. Each write waits until it is taken, so that a slow reader slows the command.
 */
import { fstatSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Failure, messageOf } from "../base/errors.ts";

/** Few enough writes not to count, little enough to be seen soon. */
const BLOCK_BYTES = 64 * 1024;
const STDOUT = 1;

/** The streams report a failed write by an event too, and without a listener that would end the program as a bug. */
export function guardStandardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") === 0) stream.on("error", () => {}); // `emit` reports; without stderr nobody can be told
  }
}

/** Text or bytes for standard output, as they are. */
export function emit(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(writeFailure("standard output", error)) : resolve()));
  });
}

export function emitJson(value: unknown): Promise<void> {
  return emit(`${JSON.stringify(value)}\n`);
}

export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** Writes what is held back. */
  close(): Promise<void>;
}

/** `-` is standard output. Refuses to write over `source`, by whatever name or link it goes. */
export async function openOutput(path: string, source: string): Promise<Output> {
  if (isSameFile(statOf(source), path === "-" ? statOfStdout() : statOf(path))) {
    const message = `the output ${path === "-" ? "on standard output" : path} is ${source} itself; another file is required`;
    throw new Failure("usage.same_file", message);
  }
  if (path === "-") return new BlockOutput(emit);
  const file = await openFile(path);
  return new BlockOutput(
    (bytes) => file.writeFile(bytes).catch((thrown) => Promise.reject(writeFailure(path, thrown))),
    () => file.close(),
  );
}

class BlockOutput implements Output {
  readonly #put: (bytes: Uint8Array) => Promise<void>;
  readonly #end: () => Promise<void>;
  #parts: Uint8Array[] = [];
  #held = 0;

  constructor(put: (bytes: Uint8Array) => Promise<void>, end: () => Promise<void> = async () => {}) {
    this.#put = put;
    this.#end = end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= BLOCK_BYTES) await this.#flush();
  }

  async close(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#end();
    }
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    if (bytes.length > 0) await this.#put(bytes);
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "w");
  } catch (thrown) {
    throw writeFailure(path, thrown);
  }
}

function isSameFile(left: Stats | undefined, right: Stats | undefined): boolean {
  return left !== undefined && right !== undefined && left.dev === right.dev && left.ino === right.ino;
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function statOfStdout(): Stats | undefined {
  try {
    return fstatSync(STDOUT);
  } catch {
    return undefined; // closed by whoever started us
  }
}

function writeFailure(what: string, thrown: unknown): Failure {
  const closed = (thrown as { code?: unknown }).code === "EPIPE"; // node's errors carry a code beside the message
  const message = `writing ${what}: ${messageOf(thrown)}; ${closed ? "a reader" : "a place that can be written"} is required`;
  return new Failure(closed ? "output.closed" : "output.write_failed", message, { cause: thrown });
}
