/** The body of a reply of HTTP/1 as a sink: by length, in chunks, until the end of the connection, or dropped where a reply has none. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, CHUNKED, type HeaderList, type HeadWriter, NO_LENGTH } from "../../../wire/http/index.ts";

interface ReplyOwner {
  readonly writer: HeadWriter;
  write(bytes: Uint8Array): boolean;
}

interface ReplyEnd {
  replyEnded(): void;
  /** It is not whole, and the client has to see that. */
  replyBroke(): void;
}

export class Http1Reply implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #owner: ReplyOwner;
  readonly #end: ReplyEnd;
  readonly #length: number;
  #left: number;
  #isFirst = true;
  #isOpen = true;
  #isFull = false;

  constructor(length: number, owner: ReplyOwner, end: ReplyEnd) {
    this.#length = length;
    this.#left = length >= 0 ? length : Number.POSITIVE_INFINITY;
    this.#owner = owner;
    this.#end = end;
  }

  write(chunk: Uint8Array): boolean {
    const size = chunk.byteLength;
    if (!this.#isOpen) return false;
    if (size === 0 || this.#length === NO_LENGTH) return true;
    this.#left -= size;
    if (this.#left < 0) return this.#refuse(`the reply has more than the ${this.#length} bytes that its head tells`);
    if (this.#length === CHUNKED) {
      this.#owner.write(this.#owner.writer.chunkStart(size, this.#isFirst));
      this.#isFirst = false;
    }
    this.#isFull = !this.#owner.write(chunk);
    return !this.#isFull;
  }

  end(trailers?: HeaderList): void {
    if (!this.#isOpen) return;
    if (this.#length > 0 && this.#left > 0) {
      this.#refuse(`the reply has ${this.#left} bytes less than its head tells`);
      return;
    }
    if (this.#length === CHUNKED && !this.#lastChunk(trailers)) return;
    this.#isOpen = false;
    this.#end.replyEnded();
  }

  abort(_cause: Failure): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end.replyBroke();
  }

  /** There is no client: what is written is dropped. */
  close(): void {
    this.#isOpen = false;
  }

  cancel(cause: Failure): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.onCancel?.(cause);
  }

  ready(): void {
    if (!this.#isOpen || !this.#isFull) return;
    this.#isFull = false;
    this.onReady?.();
  }

  /** Trailers that cannot be sent break the reply: they may be what tells whether it is good. */
  #lastChunk(trailers: HeaderList | undefined): boolean {
    try {
      this.#owner.write(this.#owner.writer.lastChunk(trailers, this.#isFirst).slice());
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return this.#refuse(thrown.message);
    }
  }

  #refuse(message: string): false {
    this.#isOpen = false;
    this.#end.replyBroke();
    this.onCancel?.(new Failure("gateway.wrong_length", message));
    return false;
  }
}
