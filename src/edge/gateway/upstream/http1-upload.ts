/**
 * The body of one request on its way into an HTTP/1 connection: as long as its length says, or in chunks. What comes in one turn of the loop
 * goes out in one write, the first of it with the head: a client that sends a byte at a time costs no call of the system for
 * each. A body that is shorter or longer than it said breaks the connection: the upstream must never take the next
 * request for a part of this one.
 */
import { Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList, HeadWriter } from "../../../wire/http/index.ts";
import type { BunSocket } from "./socket.ts";

/** The connection, as the body sees it. */
export interface UploadPorts {
  readonly socket: BunSocket;
  readonly writer: HeadWriter;
  /** A piece was written, or the last one. */
  moved(): void;
  /** It cannot be finished. */
  broke(upload: Http1Upload, cause: Failure): void;
}

/** Pieces up to this size are copied behind what stands before them: cheaper than another write. */
const JOINED_BYTES_MAX = 16 * 1_024;
/** What is gathered at most before it is written. */
const CORK_BYTES_MAX = 32 * 1_024;
/** Room for a head, or for the pieces of a slow client, of whom there may be thousands. */
const CORK_BYTES_MIN = 1_024;

const EMPTY = new Uint8Array(0);

export class Http1Upload implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  /** The socket has not taken what was written last. */
  isBlocked = false;
  /** All of it is written. */
  isWhole = false;
  readonly #ports: UploadPorts;
  /** Still to come; undefined: in chunks. */
  #left: number | undefined;
  #isOver = false;
  #isFirst = true;
  /** What is written at the end of `begin`, or of the turn. */
  #cork: Uint8Array = EMPTY;
  #corkedBytes = 0;
  #isBeginning = false;
  #isFlushAsked = false;

  constructor(ports: UploadPorts, length: number | undefined) {
    this.#ports = ports;
    this.#left = length;
  }

  /** The head is borrowed. */
  begin(head: Uint8Array, body: BodySource): void {
    this.#isBeginning = true;
    this.#gather(head);
    body.start(this);
    this.#isBeginning = false;
    if (this.#isOver && !this.isWhole) return; // it broke at once
    this.#flush();
    this.#ports.moved();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    const size = chunk.byteLength;
    if (size === 0) return !this.isBlocked;
    if (this.#left === undefined) {
      this.#put(this.#ports.writer.chunkStart(size, this.#isFirst), chunk);
      this.#isFirst = false;
    } else {
      if (size > this.#left) return this.#wrongLength(`${size - this.#left} bytes more`);
      this.#left -= size;
      this.#put(EMPTY, chunk);
    }
    return !this.isBlocked;
  }

  end(trailers?: HeaderList): void {
    if (this.#isOver) return;
    if (this.#left !== undefined && this.#left > 0) {
      this.#wrongLength(`${this.#left} bytes fewer`);
      return;
    }
    if (this.#left === undefined && !this.#putLast(trailers)) return;
    this.#isOver = true;
    this.isWhole = true;
    if (this.#isBeginning) return;
    this.#flush();
    this.#ports.moved();
  }

  abort(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ports.broke(this, cause);
  }

  drained(): void {
    this.isBlocked = false;
    this.#ports.moved();
    if (!this.#isOver) this.onReady?.();
  }

  /** The upstream takes no more of it. */
  stop(cause: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onCancel?.(cause);
  }

  /** What stands before is borrowed. */
  #put(before: Uint8Array, chunk: Uint8Array): void {
    this.#gather(before);
    if (chunk.byteLength <= JOINED_BYTES_MAX) {
      this.#gather(chunk);
      if (!this.#isBeginning) this.#flushLater();
      return;
    }
    this.#flush();
    this.isBlocked = !this.#ports.socket.write(chunk);
    this.#ports.moved();
  }

  #gather(bytes: Uint8Array): void {
    const size = bytes.byteLength;
    if (this.#corkedBytes + size > CORK_BYTES_MAX) this.#flush();
    this.#makeRoom(this.#corkedBytes + size);
    this.#cork.set(bytes, this.#corkedBytes);
    this.#corkedBytes += size;
  }

  #makeRoom(size: number): void {
    if (size <= this.#cork.byteLength) return;
    let room = Math.max(CORK_BYTES_MIN, this.#cork.byteLength);
    while (room < size) room *= 2;
    const cork = Buffer.allocUnsafe(room);
    cork.set(this.#cork.subarray(0, this.#corkedBytes));
    this.#cork = cork;
  }

  #flushLater(): void {
    if (this.#isFlushAsked) return;
    this.#isFlushAsked = true;
    queueMicrotask(() => {
      this.#isFlushAsked = false;
      if (this.#corkedBytes === 0 || (this.#isOver && !this.isWhole)) return;
      this.#flush();
      this.#ports.moved();
    });
  }

  #flush(): void {
    const size = this.#corkedBytes;
    if (size === 0) return;
    this.#corkedBytes = 0;
    this.isBlocked = !this.#ports.socket.writeBorrowed(this.#cork.subarray(0, size));
  }

  #putLast(trailers: HeaderList | undefined): boolean {
    try {
      this.#gather(this.#ports.writer.lastChunk(trailers, this.#isFirst));
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.abort(thrown);
      return false;
    }
  }

  #wrongLength(how: string): boolean {
    const failure = new Failure("gateway.bad_length", `sending a request's body: it has ${how} than its length said`);
    this.#isOver = true;
    this.onCancel?.(failure);
    this.#ports.broke(this, failure);
    return false;
  }
}
