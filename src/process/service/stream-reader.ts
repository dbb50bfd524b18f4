/**
 * The reading end of a stream: items wait here, no more than the window, and are handed out in order. Taking them gives the
 * writer credit. Ending the iteration ends the stream at the other end.
 */
import { ITEM_COST_BYTES, STREAM_WINDOW_BYTES } from "./limits.ts";

export interface ReaderPorts {
  /** So many bytes were taken. */
  credit(bytes: number): void;
  /** The reader wants no more. */
  leave(): void;
}

/** Credit is told when half of the window was taken, not for every item. */
const TOLD_BYTES = STREAM_WINDOW_BYTES / 2;

export class StreamReader implements AsyncIterableIterator<Uint8Array> {
  readonly #ports: ReaderPorts;
  readonly #items: Uint8Array[] = [];
  #next = 0;
  #window = STREAM_WINDOW_BYTES;
  #untold = 0;
  #end: { readonly failure: unknown } | "done" | undefined;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;

  constructor(ports: ReaderPorts) {
    this.#ports = ports;
  }

  /** False when the writer had no credit left. */
  push(item: Uint8Array): boolean {
    if (this.#window <= 0) return false;
    this.#window -= costOf(item);
    if (this.#end !== undefined) return true; // on its way when the reader left
    const waiting = this.#waiting;
    if (waiting === undefined) this.#items.push(item);
    else {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: this.#taken(item) });
    }
    return true;
  }

  /** Items that wait are still handed out. */
  finish(failure?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = failure === undefined ? "done" : { failure };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (failure === undefined) waiting.resolve({ done: true, value: undefined });
    else waiting.reject(failure);
  }

  /** Nothing more is handed out: whoever reads hears of the failure now. */
  abandon(failure: unknown): void {
    this.#items.length = 0;
    this.#next = 0;
    this.finish(failure);
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const item = this.#items[this.#next];
    if (item !== undefined) return Promise.resolve({ done: false, value: this.#taken(this.#shift(item)) });
    const end = this.#end;
    if (end === undefined) {
      this.#waiting ??= Promise.withResolvers();
      return this.#waiting.promise;
    }
    this.#end = "done"; // a failure is told once
    return end === "done" ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(end.failure);
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    if (this.#end === undefined) this.#ports.leave();
    this.#items.length = 0;
    this.#next = 0;
    this.#end = "done";
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #shift(item: Uint8Array): Uint8Array {
    this.#next++;
    if (this.#next === this.#items.length) {
      this.#items.length = 0;
      this.#next = 0;
    }
    return item;
  }

  #taken(item: Uint8Array): Uint8Array {
    this.#untold += costOf(item);
    if (this.#untold >= TOLD_BYTES && this.#end === undefined) {
      this.#window += this.#untold;
      this.#ports.credit(this.#untold);
      this.#untold = 0;
    }
    return item;
  }
}

export function costOf(item: Uint8Array | string): number {
  return (typeof item === "string" ? Buffer.byteLength(item) : item.byteLength) + ITEM_COST_BYTES;
}
