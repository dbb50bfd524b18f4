/** Cuts what comes in into messages, however the kernel has cut it. A message that is too long is refused before it has come. */
import { HEADER_BYTES, LENGTH_BYTES, readU32 } from "./frames.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";

export interface InboxHandlers {
  /** `bytes` from `from` to `to` are what follows the id: views of memory that nobody else writes to. */
  message(kind: number, id: number, bytes: Buffer, from: number, to: number): void;
  /** The stream can not be read any further. */
  broken(reason: string): void;
}

export class Inbox {
  readonly #handlers: InboxHandlers;
  #parts: Buffer[] = [];
  #held = 0;
  /** Bytes without which there is no next message. */
  #needed = LENGTH_BYTES;
  #isClosed = false;

  constructor(handlers: InboxHandlers) {
    this.#handlers = handlers;
  }

  push(chunk: Buffer): void {
    if (this.#held === 0) return this.#cut(chunk);
    this.#parts.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    const all = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    this.#cut(all);
  }

  close(): void {
    this.#isClosed = true;
    this.#parts = [];
    this.#held = 0;
  }

  #cut(bytes: Buffer): void {
    let at = 0;
    this.#needed = LENGTH_BYTES;
    while (!this.#isClosed && bytes.length - at >= LENGTH_BYTES) {
      const length = readU32(bytes, at);
      if (length < HEADER_BYTES || length > MESSAGE_BYTES_MAX) return this.#break(length);
      const from = at + LENGTH_BYTES;
      if (bytes.length - from < length) {
        this.#needed = LENGTH_BYTES + length;
        break;
      }
      at = from + length;
      this.#handlers.message(bytes[from]!, readU32(bytes, from + 1), bytes, from + HEADER_BYTES, at);
    }
    if (this.#isClosed || at === bytes.length) return;
    this.#parts = [at === 0 ? bytes : Buffer.from(bytes.subarray(at))];
    this.#held = bytes.length - at;
  }

  #break(length: number): void {
    this.close();
    this.#handlers.broken(`a message of ${length} bytes; ${HEADER_BYTES} to ${MESSAGE_BYTES_MAX} are allowed`);
  }
}
