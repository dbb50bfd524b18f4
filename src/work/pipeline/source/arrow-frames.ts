/**
 * The messages of one Arrow input, one behind the other: prefix and header are read, bodies only where they are wanted. Adds
 * to each complaint of the reader the file and the place.
 */
import { Failure } from "../../../base/errors.ts";
import {
  ARROW_FILE_HEAD_BYTES,
  ARROW_FILE_MAGIC,
  ARROW_FILE_TAIL_BYTES,
  ARROW_PREFIX_BYTES,
  type ArrowMessage,
  arrowFooterBytes,
  readArrowMessage,
  readArrowPrefix,
  schemaMessageOf,
} from "../../../wire/format/index.ts";
import type { Input } from "./input.ts";

export interface ArrowFrame {
  readonly message: ArrowMessage;
  /** Where it begins. */
  readonly at: number;
  /** Prefix and flatbuffer as they lie in the file. */
  readonly header: Uint8Array;
  readonly prefixBytes: number;
  readonly bodyAt: number;
  readonly next: number;
}

export class ArrowFrames {
  readonly #input: Input;
  readonly #name: string;
  /** Where the next message begins. */
  #at = 0;

  constructor(input: Input, name: string) {
    this.#input = input;
    this.#name = name;
  }

  /** Reads the beginning. Gives the schema of a file's footer, as a message; the file format may have it nowhere else. */
  async begin(): Promise<Uint8Array | undefined> {
    const head = Buffer.from(await this.#bytes(ARROW_FILE_HEAD_BYTES, 0)).toString("latin1");
    if (!head.startsWith(ARROW_FILE_MAGIC)) return undefined;
    this.#at = ARROW_FILE_HEAD_BYTES;
    const { sizeBytes } = this.#input;
    if (sizeBytes === undefined) return undefined;
    const tailAt = Math.max(0, sizeBytes - ARROW_FILE_TAIL_BYTES);
    const tail = await this.#bytes(ARROW_FILE_TAIL_BYTES, tailAt);
    const footerBytes = this.named(() => arrowFooterBytes(tail));
    const footer = await this.#bytes(footerBytes, Math.max(0, tailAt - footerBytes));
    return this.named(() => schemaMessageOf(footer));
  }

  /** Undefined at the end mark, or where the input ends between two messages. */
  async next(): Promise<ArrowFrame | undefined> {
    const at = this.#at;
    const start = await this.#bytes(ARROW_PREFIX_BYTES, at);
    if (start.length === 0) return undefined;
    const { prefixBytes, metadataBytes } = this.named(() => readArrowPrefix(start));
    if (metadataBytes === 0) return undefined;
    // A prefix of 4 bytes leaves 4 bytes of the flatbuffer in `start`; both parts are read without going back.
    const rest = await this.#bytes(prefixBytes + metadataBytes - start.length, at + start.length);
    const header = Buffer.concat([start, rest]);
    const bodyAt = at + prefixBytes + metadataBytes;
    const message = this.named(() => {
      if (header.length < bodyAt - at) throw endsInside("a message header");
      return readArrowMessage(header.subarray(prefixBytes));
    });
    this.#at = bodyAt + message.bodyBytes;
    return { message, at, header, prefixBytes, bodyAt, next: this.#at };
  }

  /** Fills the target with the body's bytes from the offset on. */
  async readBody(frame: ArrowFrame, target: Uint8Array, offset = 0): Promise<void> {
    if (target.length === 0) return;
    const { bytes } = await this.#input.read(target, frame.bodyAt + offset, target.length - 1);
    if (bytes < target.length) throw this.explained(endsInside("a message"), frame.at);
  }

  /** Runs a reader; what it complains of gets the file and the place. */
  named<T>(read: () => T, at = this.#at): T {
    try {
      return read();
    } catch (thrown) {
      throw this.explained(thrown, at);
    }
  }

  explained(thrown: unknown, at: number): unknown {
    if (!(thrown instanceof Failure) || !thrown.code.startsWith("format.")) return thrown;
    return new Failure("source.arrow", `${thrown.message} (${this.#name} at byte ${at})`, { cause: thrown });
  }

  /** Up to `length` bytes, fewer only at the end of the input. */
  async #bytes(length: number, offset: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    if (length === 0) return bytes;
    const filled = await this.#input.read(bytes, offset, length - 1);
    return bytes.subarray(0, filled.bytes);
  }
}

function endsInside(what: string): Failure {
  return new Failure("format.arrow", `cannot read Arrow IPC: it ends inside ${what}`);
}
