/**
 * What goes out. Everything said within one turn of the loop is collected and leaves as one frame: when no microtask has added
 * anything since the last look. Large payloads are transfers: they leave in chunks between frames of small messages, as far
 * as the socket keeps up, so that nothing waits behind a big one for long. One-way messages alone keep their order: behind a
 * large one they wait in a line until it has left.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Failure } from "../../base/errors.ts";
import { byteLengthOf, Encoder, tooLarge } from "../codec/index.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  BULK_BYTES_MIN,
  DRAIN_LOOK_MS,
  FRAME_BYTES_MAX,
  type LinkLimits,
} from "./limits.ts";
import { FORM_BYTES, FORM_VALUE, type Message, NOTIFY, PAYLOAD_AT, REQUEST } from "./message.ts";
import { type Chunk, type Transfer, Transfers, transferOf, type Withdrawn } from "./transfers.ts";
import { WaitingLine } from "./waiting-line.ts";
import type { Wire } from "./wire.ts";

/** Looks at the batch without finding it longer before it leaves: answers that come through some awaits still join. */
const SETTLED_LOOKS = 2;
/** Bytes of chunks in the socket's buffer: enough to keep it busy, little enough for small messages to overtake the rest. */
const CHUNKS_AHEAD_BYTES = 2 * FRAME_BYTES_MAX;
/** Looks at the socket become rarer while nothing moves. */
const DRAIN_LOOK_MS_MAX = 16;

export interface OutboxPorts {
  readonly wire: Wire;
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
  readonly #encoder: Encoder;
  readonly #transfers = new Transfers();
  readonly #waiting: WaitingLine;
  #batch: Message[] = [];
  /** Of bytes in the batch that are known before it is encoded: those that leave with it, and those that become transfers. */
  #batchBytes = 0;
  #bulkBytes = 0;
  #looks = 0;
  #seen = 0;
  #isScheduled = false;
  #isFlushing = false;
  #isClosed = false;
  /** One-way messages behind a large one: encoded, for their sender may change them by now. */
  #line: (Transfer | Uint8Array)[] = [];
  #lineBytes = 0;
  #lineHead: Transfer | undefined;
  /** Whoever waits for the batch to leave. */
  #flushed: PromiseWithResolvers<void> | undefined;
  /** Refusals that are about to be told. */
  #refusals = 0;
  #socketBytes = 0;
  #timer: Timer | undefined;
  #lookMs = DRAIN_LOOK_MS;
  framesSent = 0;
  bytesSent = 0;

  constructor(ports: OutboxPorts) {
    const { sendBufferBytes, waitingMax, payloadBytesMax } = ports.limits;
    this.#ports = ports;
    this.#encoder = new Encoder(payloadBytesMax);
    this.#waiting = new WaitingLine({
      waitingMax,
      isFull: () => this.isFull,
      state: () =>
        `${this.bufferedBytes} bytes and ${waitingMax} senders wait; up to ${sendBufferBytes} bytes are buffered`,
      watch: () => this.#watch(),
      empty: () => this.#tellIfCaughtUp(),
    });
  }

  get bufferedBytes(): number {
    return this.#socketBytes + this.#transfers.bytes + this.#lineBytes + this.#batchBytes + this.#bulkBytes;
  }

  get isFull(): boolean {
    return this.bufferedBytes >= this.#ports.limits.sendBufferBytes;
  }

  /** Whoever wants to keep the order has to wait. */
  get mustWait(): boolean {
    return this.#waiting.mustWait;
  }

  /** Something was said that waits to leave: large payloads, what is behind them, and whoever waits for room. */
  get hasBacklog(): boolean {
    return this.#transfers.bytes + this.#lineBytes + this.#bulkBytes + this.#refusals + this.#waiting.size > 0;
  }

  /** The message leaves at the end of the turn. */
  push(message: Message): void {
    const at = PAYLOAD_AT[message[0] as number];
    const payload = at === undefined ? undefined : message[at];
    if (payload instanceof Uint8Array) {
      if (payload.byteLength < BULK_BYTES_MIN) this.#batchBytes += payload.byteLength;
      else this.#bulkBytes += payload.byteLength;
    }
    this.#add(message);
  }

  /** As `push`, for a message that holds so many bytes. */
  pushBytes(message: Message, sizeBytes: number): void {
    this.#batchBytes += sizeBytes;
    this.#add(message);
  }

  /** Takes a request back as far as it has not left. */
  withdraw(requestId: number): Withdrawn {
    const at = this.#batch.findIndex(([kind, id]) => kind === REQUEST && id === requestId);
    if (at >= 0) this.#batch.splice(at, 1);
    if (at >= 0) return "unsaid";
    const withdrawn = this.#transfers.withdraw(requestId);
    if (withdrawn !== "said") this.#tellIfCaughtUp();
    return withdrawn;
  }

  #add(message: Message): void {
    if (this.#isClosed) return;
    this.#batch.push(message);
    const isFull = this.#batch.length >= BATCH_MESSAGES_MAX || this.#batchBytes >= BATCH_BYTES_MAX;
    if (isFull && !this.#isFlushing) this.flush();
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

  /** Now, not at the end of the turn. A getter of a payload may speak while that is encoded: it waits for the next turn. */
  flush(): void {
    if (this.#isClosed || this.#isFlushing) return;
    this.#isFlushing = true;
    const batch = this.#batch;
    this.#batch = [];
    this.#seen = 0;
    this.#batchBytes = 0;
    this.#bulkBytes = 0;
    for (const message of batch) this.#say(message);
    const hadBacklog = this.hasBacklog;
    this.#sendChunks();
    this.#sendFrame();
    if (!this.#transfers.isEmpty) this.#transfers.own();
    this.#isFlushing = false;
    this.#flushed?.resolve();
    this.#flushed = undefined;
    if (hadBacklog) this.#tellIfCaughtUp();
    this.#measure();
  }

  /** Resolves when what was said has left, or is a transfer, or was refused, and that was told. */
  flushed(): Promise<void> {
    this.#flushed ??= Promise.withResolvers();
    return this.#flushed.promise;
  }

  #say(message: Message): void {
    if (this.#lineHead && message[0] === NOTIFY) return this.#sayInLine(message);
    const encoder = this.#encoder;
    try {
      if (this.#sayAsTransfer(message)) return;
      const sizeBytes = encoder.add(message);
      if (sizeBytes > BULK_BYTES_MIN && this.#isLarge(message, sizeBytes)) return;
      if (encoder.sizeBytes <= FRAME_BYTES_MAX) return;
      encoder.takeBack(sizeBytes);
      this.#sendFrame();
      encoder.add(message);
    } catch (thrown) {
      this.#refuse(message, thrown as Failure); // the encoder throws nothing else
    }
  }

  #sayAsTransfer(message: Message): boolean {
    const at = PAYLOAD_AT[message[0] as number];
    const payload = at === undefined ? undefined : message[at];
    if (!(payload instanceof Uint8Array) || byteLengthOf(payload) < BULK_BYTES_MIN) return false;
    this.#transfer(message, transferOf(message, at!, payload, FORM_BYTES)); // a payload has a place
    return true;
  }

  /** Among others it would make a frame too large: a transfer where it may be one, else refused. */
  #isLarge(message: Message, sizeBytes: number): boolean {
    const at = PAYLOAD_AT[message[0] as number];
    if (at === undefined && sizeBytes < FRAME_BYTES_MAX) return false;
    this.#encoder.takeBack(sizeBytes);
    if (at === undefined) throw tooLarge("the message", sizeBytes, FRAME_BYTES_MAX);
    this.#transfer(message, transferOf(message, at, this.#encoder.encode(message[at]), FORM_VALUE));
    return true;
  }

  #sayInLine(message: Message): void {
    try {
      if (this.#sayAsTransfer(message)) return;
      const bytes = this.#encoder.encodeMessage(message);
      if (bytes.byteLength > BULK_BYTES_MIN) {
        const at = PAYLOAD_AT[NOTIFY]!;
        return this.#transfer(message, transferOf(message, at, this.#encoder.encode(message[at]), FORM_VALUE));
      }
      this.#line.push(bytes);
      this.#lineBytes += bytes.byteLength;
    } catch (thrown) {
      this.#refuse(message, thrown as Failure); // as above
    }
  }

  #transfer(message: Message, transfer: Transfer): void {
    const { payloadBytesMax } = this.#ports.limits;
    if (transfer.sizeBytes > payloadBytesMax) throw tooLarge("the payload", transfer.sizeBytes, payloadBytesMax);
    if (message[0] !== NOTIFY) return this.#transfers.add(transfer);
    if (!this.#lineHead) return this.#lead(transfer);
    if (!transfer.isOwned) transfer.rest = new Uint8Array(transfer.rest);
    transfer.isOwned = true;
    this.#line.push(transfer);
    this.#lineBytes += transfer.sizeBytes;
  }

  /** The next one-way messages wait for it. */
  #lead(transfer: Transfer): void {
    this.#lineHead = transfer;
    this.#transfers.add(transfer);
  }

  /** The large one has left: what waits behind it may leave, up to the next large one. */
  #moveLine(): void {
    this.#lineHead = undefined;
    while (!this.#lineHead) {
      const next = this.#line.shift();
      if (!next) return;
      if (next instanceof Uint8Array) {
        this.#lineBytes -= next.byteLength;
        if (this.#encoder.sizeBytes + next.byteLength > FRAME_BYTES_MAX) this.#sendFrame();
        this.#encoder.addEncoded(next);
      } else {
        this.#lineBytes -= next.sizeBytes;
        this.#lead(next);
      }
    }
  }

  /** Whoever says it is not told before its call returns. */
  #refuse(message: Message, why: Failure): void {
    this.#refusals++;
    queueMicrotask(() => {
      this.#refusals--;
      this.#ports.refused(message, why);
      this.#tellIfCaughtUp();
    });
  }

  /** Of each transfer in turn, while the socket keeps up. */
  #sendChunks(): void {
    if (this.#transfers.isEmpty) return;
    for (;;) {
      for (const opening of this.#transfers.open()) this.#say(opening);
      const chunk = this.#ports.wire.bufferedBytes < CHUNKS_AHEAD_BYTES ? this.#transfers.next() : undefined;
      if (!chunk) return;
      this.#sendChunk(chunk);
    }
  }

  #sendChunk(chunk: Chunk): void {
    this.#say(chunk.announcement);
    this.#sendFrame();
    this.#send(chunk.piece);
    if (this.#transfers.sent(chunk) && chunk.transfer === this.#lineHead) this.#moveLine();
  }

  #sendFrame(): void {
    if (this.#encoder.count > 0) this.#send(this.#encoder.finish());
  }

  #send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.framesSent++;
    this.bytesSent += bytes.byteLength;
    this.#ports.wire.send(bytes);
  }

  #tellIfCaughtUp(): void {
    if (!this.hasBacklog) this.#ports.caughtUp();
  }

  /** Looks at the socket: who waits for room may go on, a peer that does not read is found. */
  #measure(): void {
    if (this.#isClosed) return;
    const { wire, limits, stuck } = this.#ports;
    this.#socketBytes = wire.bufferedBytes;
    if (this.bufferedBytes > limits.sendBufferBytesMax) return stuck(this.bufferedBytes);
    this.#waiting.letGo();
    if (this.#socketBytes > 0 || !this.#transfers.isEmpty || this.#waiting.size > 0) this.#watch();
  }

  #watch(): void {
    const { wire, clock } = this.#ports;
    if (this.#isClosed || wire.tellsDrain || this.#timer) return;
    this.#timer = clock.after(this.#lookMs, () => {
      this.#timer = undefined;
      const isMoving = wire.bufferedBytes < this.#socketBytes;
      this.#lookMs = isMoving ? DRAIN_LOOK_MS : Math.min(this.#lookMs * 2, DRAIN_LOOK_MS_MAX);
      this.drain();
    });
  }

  /** The socket has taken some bytes. */
  drain(): void {
    if (this.#transfers.isEmpty) this.#measure();
    else this.flush();
  }

  /** Resolves when there is room. */
  drained(signal?: AbortSignal): Promise<void> {
    return this.#waiting.drained(signal);
  }

  /** Does it as soon as there is room, in turn: what it sends counts before the next one may. */
  whenRoom<T>(act: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#waiting.whenRoom(act, signal);
  }

  close(reason: Failure): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#batch = [];
    this.#transfers.clear();
    this.#line = [];
    this.#lineHead = undefined;
    this.#lineBytes = 0;
    this.#batchBytes = 0;
    this.#bulkBytes = 0;
    this.#socketBytes = 0;
    this.#waiting.close(reason);
    this.#flushed?.reject(reason);
    this.#flushed = undefined;
  }
}
