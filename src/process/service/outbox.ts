/**
 * What goes out, laid one message behind the other and written twice a turn of the loop at most: the first of a turn when no microtask
 * has added anything since the last look, and all that comes later in it together, at its end: a write costs more than a call.
 * What the kernel does not take at once waits; whoever asks for more looks at `isFull` first.
 */

import { CREDIT, HEADER_BYTES, LENGTH_BYTES, NOTE, REQUEST, REQUEST_BYTES, writeU32 } from "./frames.ts";
import { FLUSH_BYTES, FLUSH_MESSAGES, MESSAGE_BYTES_MAX, OUTBOX_BYTES_MAX } from "./limits.ts";

/** Looks without finding more before it leaves: answers that come through some awaits still join. */
const SETTLED_LOOKS = 2;
const INITIAL_BYTES = 64 * 2 ** 10;
/** A buffer that was large once is given back. */
const KEPT_BYTES = 1 * 2 ** 20;
/** Of a character in UTF-8, by length of a JavaScript text. */
const BYTES_PER_CHAR_MAX = 3;
/** From here on counting costs less than room that is not needed. */
const COUNTED_CHARS = 4_096;

export interface OutgoingRequest {
  readonly operation: number;
  readonly timeoutMs: number;
  /** ASCII. */
  readonly trace: string;
  readonly head: string | Uint8Array;
  readonly body: string | Uint8Array;
}

export class Outbox {
  /** Gives the bytes that were taken. */
  readonly #write: (bytes: Uint8Array) => number;
  readonly #afterTurn: (callback: () => void) => void;
  #buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #from = 0;
  #to = 0;
  #isScheduled = false;
  #isBlocked = false;
  #isClosed = false;
  /** Something was written in this turn. */
  #hasLeft = false;
  #looks = 0;
  #seen = 0;
  /** Messages since the last write. */
  #messages = 0;
  #emptied: (() => void) | undefined;

  /** `afterTurn` calls back when this turn of the loop has heard all that has come. */
  constructor(write: (bytes: Uint8Array) => number, afterTurn: (callback: () => void) => void = inNextTurn) {
    this.#write = write;
    this.#afterTurn = afterTurn;
  }

  get waitingBytes(): number {
    return this.#to - this.#from;
  }

  get isFull(): boolean {
    return this.waitingBytes > OUTBOX_BYTES_MAX;
  }

  /** False when it is larger than a message may be: it was not sent. */
  request(id: number, { body, head, operation, timeoutMs, trace }: OutgoingRequest): boolean {
    const room = LENGTH_BYTES + HEADER_BYTES + REQUEST_BYTES + trace.length + roomFor(head) + roomFor(body);
    const start = this.#begin(REQUEST, id, room);
    const at = this.#to;
    this.#buffer[at] = operation;
    writeU32(this.#buffer, at + 1, timeoutMs);
    this.#buffer[at + 5] = trace.length;
    this.#to += REQUEST_BYTES;
    if (trace !== "") this.#to += this.#buffer.write(trace, this.#to, "latin1");
    const headAt = this.#to;
    this.#put(head);
    writeU32(this.#buffer, at + 6, this.#to - headAt);
    this.#put(body);
    return this.#finish(start);
  }

  /** The same for every other kind: what follows the id is given. */
  send(kind: number, id: number, body: string | Uint8Array): boolean {
    const start = this.#begin(kind, id, LENGTH_BYTES + HEADER_BYTES + roomFor(body));
    this.#put(body);
    return this.#finish(start);
  }

  note(operation: number, text: string): boolean {
    const start = this.#begin(NOTE, 0, LENGTH_BYTES + HEADER_BYTES + 1 + roomFor(text));
    this.#buffer[this.#to++] = operation;
    this.#put(text);
    return this.#finish(start);
  }

  credit(id: number, bytes: number): void {
    const start = this.#begin(CREDIT, id, LENGTH_BYTES + HEADER_BYTES + 4);
    writeU32(this.#buffer, this.#to, bytes);
    this.#to += 4;
    this.#finish(start);
  }

  /** The kernel takes more. */
  drained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  flush(): void {
    if (this.#isClosed || this.#isBlocked) return;
    while (this.#from < this.#to) {
      const taken = this.#write(this.#buffer.subarray(this.#from, this.#to));
      if (taken <= 0) return this.#block();
      this.#from += taken;
      if (this.#from < this.#to) return this.#block();
    }
    this.#from = 0;
    this.#to = 0;
    this.#messages = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#emptied?.();
  }

  /** Resolves when all of it has left, or can not any more. */
  empty(): Promise<void> {
    if (this.#isClosed || this.#from === this.#to) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied = resolve;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#emptied?.();
  }

  #block(): void {
    this.#isBlocked = true;
  }

  #begin(kind: number, id: number, room: number): number {
    this.#reserve(room);
    const start = this.#to;
    this.#buffer[start + LENGTH_BYTES] = kind;
    writeU32(this.#buffer, start + LENGTH_BYTES + 1, id);
    this.#to = start + LENGTH_BYTES + HEADER_BYTES;
    return start;
  }

  #finish(start: number): boolean {
    const length = this.#to - start - LENGTH_BYTES;
    if (length > MESSAGE_BYTES_MAX || this.#isClosed) {
      this.#to = start;
      return this.#isClosed; // what is said after the end is lost, not wrong
    }
    writeU32(this.#buffer, start, length);
    this.#messages++;
    if (this.#messages >= FLUSH_MESSAGES || this.#to - this.#from >= FLUSH_BYTES) this.flush();
    if (!this.#isScheduled && this.#to > this.#from) {
      this.#isScheduled = true;
      this.#looks = 0;
      this.#seen = this.#to;
      queueMicrotask(this.#look);
    }
    return true;
  }

  readonly #look = (): void => {
    if (this.#seen !== this.#to) {
      this.#seen = this.#to;
      this.#looks = 0;
      return queueMicrotask(this.#look);
    }
    if (++this.#looks < SETTLED_LOOKS) return queueMicrotask(this.#look);
    this.#isScheduled = false;
    if (this.#hasLeft) return;
    this.flush();
    this.#hasLeft = true;
    this.#afterTurn(this.#nextTurn);
  };

  /** The second and later messages of a turn of the loop leave together, when it is over. */
  readonly #nextTurn = (): void => {
    this.#hasLeft = false;
    if (this.#to > this.#from) this.flush();
  };

  #put(what: string | Uint8Array): void {
    if (typeof what === "string") this.#to += this.#buffer.write(what, this.#to);
    else {
      this.#buffer.set(what, this.#to);
      this.#to += what.byteLength;
    }
  }

  #reserve(bytes: number): void {
    if (this.#to + bytes <= this.#buffer.length) return;
    const held = this.#to - this.#from;
    const size = Math.max(2 * this.#buffer.length, held + bytes);
    if (held + bytes <= this.#buffer.length / 2) this.#buffer.copyWithin(0, this.#from, this.#to);
    else {
      const larger = Buffer.allocUnsafeSlow(size);
      this.#buffer.copy(larger, 0, this.#from, this.#to);
      this.#buffer = larger;
    }
    this.#seen -= this.#from;
    this.#from = 0;
    this.#to = held;
  }
}

function inNextTurn(callback: () => void): void {
  setImmediate(callback);
}

function roomFor(what: string | Uint8Array): number {
  if (typeof what !== "string") return what.byteLength;
  return what.length < COUNTED_CHARS ? what.length * BYTES_PER_CHAR_MAX : Buffer.byteLength(what);
}
