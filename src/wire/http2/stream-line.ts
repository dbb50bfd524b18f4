/** Streams that have something to send, in the order of their turns. */
import type { Http2Stream } from "./stream.ts";

/** Empty places at the front, before the others move up. */
const FRONT_MAX = 64;

export class StreamLine<T> {
  #streams: Http2Stream<T>[] = [];
  #first = 0;

  get length(): number {
    return this.#streams.length - this.#first;
  }

  push(stream: Http2Stream<T>): void {
    this.#streams.push(stream);
  }

  /** Only while there is one. */
  shift(): Http2Stream<T> {
    const stream = this.#streams[this.#first++]!;
    if (this.#first === this.#streams.length) {
      this.#streams.length = 0;
      this.#first = 0;
    } else if (this.#first > FRONT_MAX) {
      this.#streams = this.#streams.slice(this.#first);
      this.#first = 0;
    }
    return stream;
  }

  remove(stream: Http2Stream<T>): void {
    this.#streams = this.#streams.slice(this.#first).filter((other) => other !== stream);
    this.#first = 0;
  }
}
