/**
 * An input that can only be read forwards, made to look like one that can be asked again from the last offset: chunks are
 * kept until the offset passes them. Memory is bounded by the largest target plus one chunk. Going on at a later offset
 * means reading up to it and letting that go.
 */
import type { Timer } from "../../../base/clock.ts";
import type { Failure } from "../../../base/errors.ts";
import { type Filled, type Input, type StreamWait, shortened } from "./input.ts";
import type { FileHead } from "./source.ts";

export interface StreamInputOptions {
  readonly path: string;
  readonly timeMs: number | undefined;
  readonly head: FileHead;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Names what went wrong, by the offset reached. */
  readonly fail: (thrown: unknown, offset: number) => Failure;
  readonly usedBytes: (offset: number) => number;
  readonly close: () => void;
  /** Of a live stream: not to wait for a full target. */
  readonly wait?: StreamWait | undefined;
}

type Next = IteratorResult<Uint8Array>;

export class StreamInput implements Input {
  readonly path: string;
  readonly timeMs: number | undefined;
  readonly head: FileHead;
  readonly sizeBytes = undefined;
  readonly #options: StreamInputOptions;
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #chunks: Uint8Array[] = [];
  /** Offset of the first byte of the first chunk kept. */
  #start = 0;
  #kept = 0;
  #ended = false;
  /** A chunk that was asked for and has not arrived. */
  #pending: Promise<Next> | undefined;

  constructor(options: StreamInputOptions) {
    this.path = options.path;
    this.timeMs = options.timeMs;
    this.head = options.head;
    this.#options = options;
    this.#iterator = options.chunks[Symbol.asyncIterator]();
  }

  async read(target: Uint8Array, offset: number, known = 0): Promise<Filled> {
    await this.#goTo(offset);
    const more = (): boolean => !this.#ended && this.#kept < target.length;
    while (more() && (this.#options.wait === undefined || this.#kept <= known)) await this.#pull();
    if (more()) await this.#linger(more);
    // Whether this was the end is worth one more chunk, unless that may be a long time coming.
    while (this.#options.wait === undefined && !this.#ended && this.#kept === target.length) await this.#pull();
    const bytes = this.#copy(target);
    return { bytes, atEnd: this.#ended && bytes === this.#kept };
  }

  progressBytes(offset: number): number {
    return this.#options.usedBytes(offset);
  }

  async close(): Promise<void> {
    this.#pending?.catch(() => undefined); // nobody will ask for it any more
    this.#options.close();
  }

  async #goTo(offset: number): Promise<void> {
    for (;;) {
      const first = this.#chunks[0];
      if (first !== undefined && this.#start + first.length <= offset) this.#dropFirst(first);
      else if (first === undefined && this.#start < offset && !this.#ended) await this.#pull();
      else break;
    }
    if (this.#start + this.#kept < offset) throw shortened(this.path, offset, this.#start + this.#kept);
    const first = this.#chunks[0];
    const skip = offset - this.#start;
    if (first === undefined || skip === 0) return;
    this.#chunks[0] = first.subarray(skip);
    this.#start += skip;
    this.#kept -= skip;
  }

  #dropFirst(first: Uint8Array): void {
    this.#chunks.shift();
    this.#start += first.length;
    this.#kept -= first.length;
  }

  async #pull(): Promise<void> {
    this.#pending ??= this.#iterator.next();
    let next: Next;
    try {
      next = await this.#pending;
    } catch (thrown) {
      this.#ended = true;
      throw this.#options.fail(thrown, this.#start + this.#kept);
    } finally {
      this.#pending = undefined;
    }
    if (next.done === true) this.#ended = true;
    else if (next.value.length > 0) {
      this.#chunks.push(next.value);
      this.#kept += next.value.length;
    }
  }

  /** Pulls while there is more to want and the time has not run out; the chunk being waited for stays for later. */
  async #linger(more: () => boolean): Promise<void> {
    const wait = this.#options.wait;
    if (wait === undefined) return;
    let timer: Timer | undefined;
    const timeUp = new Promise<"late">((resolve) => {
      timer = wait.clock.after(wait.lingerMs, () => resolve("late"));
    });
    while (more()) {
      this.#pending ??= this.#iterator.next();
      const arrived = this.#pending.then(
        () => "chunk" as const,
        () => "chunk" as const, // #pull reports it
      );
      if ((await Promise.race([arrived, timeUp])) === "late") break;
      await this.#pull();
    }
    timer?.cancel();
  }

  #copy(target: Uint8Array): number {
    let bytes = 0;
    for (const chunk of this.#chunks) {
      if (bytes === target.length) break;
      const part = chunk.subarray(0, target.length - bytes);
      target.set(part, bytes);
      bytes += part.length;
    }
    return bytes;
  }
}
