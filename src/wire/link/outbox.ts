/**
 * What goes out. Everything said within one turn of the loop is collected and leaves as one frame: when no microtask has added
 * anything since the last look. Large payloads are transfers: they leave in chunks between frames of small messages, as far
 * as the socket keeps up, one chunk of each in turn, so that nothing waits behind a big one for long.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Failure } from "../../base/errors.ts";
import type { Encoder } from "./encoder.ts";
import { overloaded, tooLarge } from "./failures.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  BULK_BYTES_MIN,
  DRAIN_LOOK_MS,
  FRAME_BYTES_MAX,
  type LinkLimits,
  TRANSFERS_MAX,
} from "./limits.ts";
import { BULK, CHUNK, FORM_BYTES, FORM_VALUE, type Message, PAYLOAD_AT } from "./message.ts";
import type { Wire } from "./wire.ts";

/** Looks at the batch without finding it longer before it leaves: answers that come through some awaits still join. */
const SETTLED_LOOKS = 2;
/** Bytes of chunks in the socket's buffer: enough to keep it busy, little enough for small messages to overtake the rest. */
const CHUNKS_AHEAD_BYTES = 2 * FRAME_BYTES_MAX;
/** Looks at the socket become rarer while nothing moves. */
const DRAIN_LOOK_MS_MAX = 16;

interface Transfer {
  readonly id: number;
  readonly bytes: Uint8Array;
  sentBytes: number;
}

interface Waiter {
  readonly go: () => void;
  readonly reject: (reason: Failure) => void;
}

export interface OutboxPorts {
  readonly wire: Wire;
  readonly encoder: Encoder;
  readonly clock: Clock;
  readonly limits: LinkLimits;
  /** The message will not leave. */
  readonly refused: (message: Message, why: Failure) => void;
  /** The peer does not read. */
  readonly stuck: (bufferedBytes: number) => void;
  /** There is no backlog any more. */
  readonly caughtUp: () => void;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  #batch: Message[] = [];
  #batchBytes = 0;
  #looks = 0;
  #seen = 0;
  #isScheduled = false;
  #isClosed = false;
  #active: Transfer[] = [];
  #queued: { readonly transfer: Transfer; readonly opening: Message }[] = [];
  #transferBytes = 0;
  #nextTransfer = 1;
  #socketBytes = 0;
  #waiters: Waiter[] = [];
  #timer: Timer | undefined;
  #lookMs = DRAIN_LOOK_MS;
  framesSent = 0;
  bytesSent = 0;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  get bufferedBytes(): number {
    return this.#socketBytes + this.#transferBytes + this.#batchBytes;
  }

  get isFull(): boolean {
    return this.bufferedBytes >= this.#ports.limits.sendBufferBytes;
  }

  /** Something was said that waits to leave: large payloads, and whoever waits for room. */
  get hasBacklog(): boolean {
    return this.#transferBytes > 0 || this.#waiters.length > 0;
  }

  /** The message leaves at the end of the turn. */
  push(message: Message): void {
    if (this.#isClosed) return;
    const at = PAYLOAD_AT[message[0] as number];
    if (at !== undefined) {
      const payload = message[at];
      if (payload instanceof Uint8Array) {
        if (payload.byteLength >= BULK_BYTES_MIN) return this.#transfer(message, at, payload, FORM_BYTES);
        this.#batchBytes += payload.byteLength;
      }
    }
    this.#add(message);
  }

  /** As `push`, for a message that holds so many bytes. */
  pushBytes(message: Message, sizeBytes: number): void {
    this.#batchBytes += sizeBytes;
    this.#add(message);
  }

  #add(message: Message): void {
    this.#batch.push(message);
    if (this.#batch.length >= BATCH_MESSAGES_MAX || this.#batchBytes >= BATCH_BYTES_MAX) this.flush();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#looks = 0;
    this.#seen = this.#batch.length;
    queueMicrotask(this.#look);
  }

  readonly #look = (): void => {
    if (this.#batch.length !== this.#seen) {
      this.#seen = this.#batch.length;
      this.#looks = 0;
    }
    if (++this.#looks < SETTLED_LOOKS) return queueMicrotask(this.#look);
    this.#isScheduled = false;
    this.flush();
  };

  /** Now, not at the end of the turn. */
  flush(): void {
    if (this.#isClosed) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#seen = 0;
    this.#batchBytes = 0;
    const chunk = this.#nextChunk();
    if (chunk) batch.push(chunk.announcement);
    if (batch.length > 0) this.#sendBatch(batch);
    if (chunk) {
      this.#sendChunk(chunk);
      this.#sendChunks();
    }
    this.#measure();
  }

  #sendBatch(batch: readonly Message[]): void {
    let bytes: Uint8Array;
    try {
      bytes = this.#ports.encoder.encode(batch);
    } catch {
      return this.#sendApart(batch);
    }
    if (bytes.byteLength > FRAME_BYTES_MAX) this.#sendApart(batch);
    else this.#send(bytes);
  }

  /** Something in the batch is too large or cannot be encoded: each message for itself, to find out which. */
  #sendApart(batch: readonly Message[]): void {
    let group: Message[] = [];
    let groupBytes = 0;
    const sendGroup = (): void => {
      if (group.length > 0) this.#send(this.#ports.encoder.encode(group));
      [group, groupBytes] = [[], 0];
    };
    for (const message of batch) {
      const sizeBytes = this.#sizeOf(message);
      if (sizeBytes === undefined) continue;
      if (groupBytes + sizeBytes > FRAME_BYTES_MAX) sendGroup();
      group.push(message);
      groupBytes += sizeBytes;
    }
    sendGroup();
  }

  /** Undefined when the message is not to be sent among others: refused, or become a transfer. */
  #sizeOf(message: Message): number | undefined {
    const { encoder, refused } = this.#ports;
    const at = PAYLOAD_AT[message[0] as number];
    try {
      const sizeBytes = encoder.encode(message).byteLength;
      if (sizeBytes <= BULK_BYTES_MIN) return sizeBytes;
      if (at !== undefined) {
        this.#transfer(message, at, encoder.encode(message[at]).slice(), FORM_VALUE);
        return undefined;
      }
      if (sizeBytes <= FRAME_BYTES_MAX) return sizeBytes;
      refused(message, tooLarge("the message", sizeBytes, FRAME_BYTES_MAX));
    } catch (thrown) {
      refused(message, thrown as Failure); // the encoder throws nothing else
    }
    return undefined;
  }

  #transfer(message: Message, at: number, bytes: Uint8Array, form: number): void {
    const { limits, refused } = this.#ports;
    if (bytes.byteLength > limits.payloadBytesMax) {
      const why = tooLarge("the payload", bytes.byteLength, limits.payloadBytesMax);
      queueMicrotask(() => refused(message, why)); // whoever says it is not told before its call returns
      return;
    }
    const id = this.#nextTransfer;
    this.#nextTransfer = id === 0xffffffff ? 1 : id + 1;
    const opening = [BULK, id, bytes.byteLength, form, message.with(at, null)];
    const transfer = { id, bytes, sentBytes: 0 };
    this.#transferBytes += bytes.byteLength;
    this.#queued.push({ transfer, opening });
    this.#openTransfers();
    this.#schedule();
  }

  #openTransfers(): void {
    while (this.#active.length < TRANSFERS_MAX && this.#queued.length > 0) {
      const { transfer, opening } = this.#queued.shift()!;
      this.#active.push(transfer);
      this.#batch.push(opening);
    }
  }

  /** Of each transfer in turn, while the socket keeps up. */
  #nextChunk(): Chunk | undefined {
    if (this.#active.length === 0 || this.#ports.wire.bufferedBytes >= CHUNKS_AHEAD_BYTES) return undefined;
    const transfer = this.#active.shift()!;
    const { id, bytes, sentBytes } = transfer;
    const piece = bytes.subarray(sentBytes, sentBytes + FRAME_BYTES_MAX);
    return { transfer, piece, announcement: [CHUNK, id, piece.byteLength] };
  }

  #sendChunk({ transfer, piece }: Chunk): void {
    this.#send(piece);
    transfer.sentBytes += piece.byteLength;
    this.#transferBytes -= piece.byteLength;
    if (transfer.sentBytes < transfer.bytes.byteLength) this.#active.push(transfer);
    else this.#openTransfers();
    if (!this.hasBacklog) this.#ports.caughtUp();
  }

  #sendChunks(): void {
    for (let chunk = this.#nextChunk(); chunk; chunk = this.#nextChunk()) {
      const opened = this.#batch;
      this.#batch = [];
      this.#sendBatch([...opened, chunk.announcement]);
      this.#sendChunk(chunk);
    }
  }

  #send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.framesSent++;
    this.bytesSent += bytes.byteLength;
    this.#ports.wire.send(bytes);
  }

  /** Looks at the socket: who waits for room may go on, a peer that does not read is found. */
  #measure(): void {
    if (this.#isClosed) return;
    const { wire, limits, stuck } = this.#ports;
    this.#socketBytes = wire.bufferedBytes;
    if (this.bufferedBytes > limits.sendBufferBytesMax) return stuck(this.bufferedBytes);
    this.#letGo();
    if (this.#socketBytes > 0 || this.#active.length > 0 || this.#waiters.length > 0) this.#watch();
  }

  #letGo(): void {
    while (!this.isFull) {
      const waiter = this.#waiters.shift();
      if (!waiter) return;
      waiter.go();
      if (!this.hasBacklog) this.#ports.caughtUp();
    }
  }

  #watch(): void {
    const { wire, clock } = this.#ports;
    if (wire.tellsDrain || this.#timer) return;
    this.#timer = clock.after(this.#lookMs, () => {
      this.#timer = undefined;
      const isMoving = wire.bufferedBytes < this.#socketBytes;
      this.#lookMs = isMoving ? DRAIN_LOOK_MS : Math.min(this.#lookMs * 2, DRAIN_LOOK_MS_MAX);
      this.drain();
    });
  }

  /** The socket has taken some bytes. */
  drain(): void {
    if (this.#active.length > 0) this.flush();
    else this.#measure();
  }

  /** Resolves when there is room. */
  async drained(signal?: AbortSignal): Promise<void> {
    if (this.isFull) await this.whenRoom(() => {}, signal);
  }

  /** Does it as soon as there is room, in turn: what it sends counts before the next one may. */
  async whenRoom<T>(act: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const { waitingMax, sendBufferBytes } = this.#ports.limits;
    if (this.#waiters.length >= waitingMax) {
      throw overloaded(
        `${this.bufferedBytes} bytes and ${waitingMax} senders wait; up to ${sendBufferBytes} bytes are buffered`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiter = { go: () => resolve(act()), reject };
    const giveUp = (): void => {
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
      reject(signal!.reason);
    };
    this.#waiters.push(waiter);
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#watch();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  close(reason: Failure): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#batch = [];
    this.#active = [];
    this.#queued = [];
    this.#transferBytes = 0;
    this.#socketBytes = 0;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(reason);
  }
}

interface Chunk {
  readonly transfer: Transfer;
  readonly piece: Uint8Array;
  readonly announcement: Message;
}
