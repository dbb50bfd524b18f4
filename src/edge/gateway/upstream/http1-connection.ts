/**
 * One connection that speaks HTTP/1.1 to an upstream: one request at a time, the next one only when the reply before came whole, the request
 * was sent whole, both sides want to keep it, and nothing else has come: bytes beyond a reply would be taken for the next
 * one, so they end the connection.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import {
  CHUNKED,
  faultInChunks,
  type HeaderList,
  type HeadWriter,
  type HttpFault,
  type ReplyEvents,
  type ReplyHead,
  ReplyReader,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { Asked } from "./asked.ts";
import type { ConnectionOwner, SocketUser, UpstreamConnection } from "./connection.ts";
import { Http1Reply, type ReplyFlow } from "./http1-reply.ts";
import { framingOf, isIdempotent, lineOf } from "./http1-request.ts";
import { Http1Upload, type UploadPorts } from "./http1-upload.ts";
import type { UpstreamLimits } from "./limits.ts";
import type { BunSocket } from "./socket.ts";
import { Tunnel } from "./tunnel.ts";
import { accepted, withKey } from "./websocket-handshake.ts";

export interface Http1Parts {
  readonly clock: Clock;
  readonly limits: UpstreamLimits;
  /** Of all connections: what it gives is written at once. */
  readonly writer: HeadWriter;
  /** For the keys of WebSockets. */
  readonly random: Random;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Http1Connection implements UpstreamConnection, SocketUser, ReplyEvents, ReplyFlow, UploadPorts {
  readonly socket: BunSocket;
  readonly writer: HeadWriter;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #limits: UpstreamLimits;
  readonly #reader: ReplyReader;
  readonly #random: Random;
  #asked: Asked | undefined;
  /** What it was asked with. */
  #sent: RequestHead | undefined;
  #reply: Http1Reply | undefined;
  #upload: Http1Upload | undefined;
  #upgraded: ReplyHead | undefined;
  /** Read, while what came with it was not looked at. */
  #untold: ReplyHead | undefined;
  #tunnel: Tunnel | undefined;
  #trailers: HeaderList | undefined;
  #uses = 0;
  /** What the socket had been given before the request under way. */
  #startsAt = 0;
  /** When something last went or came. */
  #movedMs: number;
  /** Came while nobody took it. */
  #held: Uint8Array[] = [];
  #isHalted = false;
  #ended: { readonly cause: Failure | undefined } | undefined;
  #isDraining = false;
  #isClosed = false;

  constructor(socket: BunSocket, owner: ConnectionOwner, { clock, limits, random, writer }: Http1Parts) {
    this.socket = socket;
    this.writer = writer;
    this.#owner = owner;
    this.#clock = clock;
    this.#limits = limits;
    this.#random = random;
    this.#movedMs = clock.monotonic();
    const { headBytesMax, headersMax } = limits;
    this.#reader = new ReplyReader({ headerBytesMax: headBytesMax, headersMax, targetBytesMax: 0 }, this);
    socket.user = this;
  }

  readonly roomMax = 1;

  get room(): number {
    return this.#asked === undefined && !this.#isClosed && !this.#isDraining ? 1 : 0;
  }

  get active(): number {
    return this.#asked === undefined ? 0 : 1;
  }

  ask(asked: Asked): void {
    const { body, head, timeouts } = asked.request;
    const bytes = this.#headOf(asked);
    if (bytes instanceof Failure) return asked.fail(bytes, true);
    this.#asked = asked;
    this.#uses++;
    this.#startsAt = this.socket.takenBytes + this.socket.waitingBytes;
    this.#reader.expect(head.method, head.protocol !== undefined);
    this.moved();
    if (timeouts.totalMs !== undefined) this.#owner.note(asked.startedMs + timeouts.totalMs);
    if (body === undefined || body.length === 0) {
      this.socket.writeBorrowed(bytes);
    } else {
      this.#upload = new Http1Upload(this, body.length);
      this.#upload.begin(bytes, body);
    }
  }

  cancel(asked: Asked, cause: Failure): void {
    if (asked === this.#asked) this.#break(cause);
  }

  sweep(nowMs: number): number {
    const asked = this.#asked;
    if (asked === undefined) {
      const dueMs = this.#movedMs + this.#limits.idleMs;
      if (dueMs <= nowMs) this.#gone();
      return this.#isClosed ? NEVER : dueMs;
    }
    const { totalMs } = asked.request.timeouts;
    const totalDueMs = totalMs === undefined || this.#tunnel !== undefined ? NEVER : asked.startedMs + totalMs;
    const silentDueMs = this.#silentDueMs(asked);
    const dueMs = Math.min(totalDueMs, silentDueMs);
    if (dueMs > nowMs) return dueMs;
    const what = totalDueMs <= silentDueMs ? `its end within ${totalMs} ms` : this.#awaited(asked);
    this.#break(
      new Failure("gateway.upstream_timeout", `waiting for the upstream: ${what} was required`, { retryable: true }),
    );
    return NEVER;
  }

  drain(): void {
    this.#isDraining = true;
    if (this.#asked === undefined) this.#gone();
  }

  close(cause: Failure): void {
    this.#break(cause);
  }

  onBytes(chunk: Uint8Array): void {
    if (this.#asked === undefined)
      this.#gone(); // nobody asked for it
    else if (this.#isHalted) this.#held.push(chunk);
    else this.#feed(chunk);
  }

  onDrain(): void {
    this.moved();
    this.#upload?.drained();
  }

  onClosed(cause: Failure | undefined): void {
    this.#ended = { cause };
    if (!this.#isHalted) this.#finish();
  }

  onInterim(head: ReplyHead): void {
    this.#asked!.inform(head);
  }

  onHead(head: ReplyHead): void {
    if (head.status === 101) {
      this.#upgraded = head;
      return;
    }
    if (!this.#reader.isChunked) return this.#tell(head);
    this.#untold = head;
    this.#reader.halt();
  }

  #tell(head: ReplyHead): void {
    const reply = new Http1Reply(this.#reader.length, this);
    this.#reply = reply;
    this.#asked!.reply(head, reply);
    this.#note();
    if (this.#reply === reply && !reply.isStarted && reply.length !== 0) this.#halt();
  }

  onData(bytes: Uint8Array): void {
    if (this.#reply?.push(bytes) === false && !this.#isClosed) this.#halt();
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#trailers = trailers;
  }

  onFault(fault: HttpFault): void {
    const isCut = fault.code === "http.cut_short";
    const code = isCut ? "gateway.upstream_closed" : "gateway.upstream_protocol";
    this.#break(
      new Failure(code, `reading the upstream's reply: ${fault.message}`, { cause: fault, retryable: isCut }),
    );
  }

  flow(reply: Http1Reply): void {
    if (reply !== this.#reply || !this.#isHalted) return;
    this.#isHalted = false;
    while (this.#held.length > 0 && !this.#isHalted && this.#asked !== undefined) this.#feed(this.#held.shift()!);
    if (this.#isHalted || this.#isClosed) return;
    if (this.#ended !== undefined) return this.#finish();
    this.socket.resume();
    this.moved();
  }

  drop(reply: Http1Reply, cause: Failure): void {
    if (reply === this.#reply) this.#break(cause);
  }

  /** Something went out, or may come in (again). */
  moved(): void {
    this.#movedMs = this.#clock.monotonic();
    this.#note();
  }

  broke(upload: Http1Upload, cause: Failure): void {
    if (upload === this.#upload) this.#break(cause);
  }

  #headOf(asked: Asked): Uint8Array | Failure {
    const { body } = asked.request;
    const head = withKey(asked.request.head, this.#random);
    this.#sent = head;
    try {
      return this.writer.request(lineOf(head), framingOf(head, body === undefined ? 0 : (body.length ?? CHUNKED)));
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown; // a field that would be two
      throw thrown;
    }
  }

  #feed(chunk: Uint8Array): void {
    this.#movedMs = this.#clock.monotonic();
    const reader = this.#reader;
    let used = reader.feed(chunk);
    if (this.#untold !== undefined) {
      this.#tellChunked(this.#untold, chunk, used);
      if (!this.#isHalted && !this.#isClosed && used < chunk.byteLength) used = reader.feed(chunk, used);
    }
    if (this.#isClosed) return;
    if (reader.isDone) this.#replied(used < chunk.byteLength ? chunk.subarray(used) : undefined);
    else if (used < chunk.byteLength) this.#held.unshift(chunk.subarray(used));
  }

  /** Chunks that came with the head are looked through first: while nobody has heard of the reply, it can be another one. */
  #tellChunked(head: ReplyHead, chunk: Uint8Array, from: number): void {
    this.#untold = undefined;
    const { headBytesMax, headersMax } = this.#limits;
    const fault = faultInChunks(chunk, from, { headerBytesMax: headBytesMax, headersMax, targetBytesMax: 0 });
    if (fault === undefined) this.#tell(head);
    else this.onFault(fault);
  }

  #halt(): void {
    this.#isHalted = true;
    this.#reader.halt();
    this.socket.pause();
  }

  /** The reply is whole. The connection is free before anybody hears of it, so that whoever asks next finds it. */
  #replied(surplus: Uint8Array | undefined): void {
    const asked = this.#asked!;
    if (this.#upgraded !== undefined) return this.#becomeTunnel(asked, this.#upgraded, surplus);
    const reply = this.#reply!;
    const upload = this.#upload;
    const trailers = this.#trailers;
    const isSent = upload === undefined || upload.isWhole;
    const isClean = surplus === undefined && this.#held.length === 0 && this.#ended === undefined;
    this.#asked = this.#reply = this.#upload = this.#trailers = undefined;
    if (isClean && isSent && this.#reader.keepAlive && !this.#isDraining) this.#reuse();
    else this.#gone();
    if (!isSent)
      upload.stop(new Failure("gateway.upstream_closed", "the upstream replied before the end of the request"));
    reply.finish(trailers);
    asked.over(undefined);
  }

  #reuse(): void {
    this.#reader.next();
    if (this.#isHalted) this.socket.resume(); // the last piece filled its sink
    this.#isHalted = false;
    this.#owner.note(this.#movedMs + this.#limits.idleMs);
    this.#owner.onRoom(this);
  }

  #becomeTunnel(asked: Asked, reply: ReplyHead, first: Uint8Array | undefined): void {
    const head = accepted(asked.request.head, this.#sent!, reply);
    if (head === undefined) return this.#break(notAccepted());
    const tunnel = new Tunnel(
      this.socket,
      first ?? new Uint8Array(0),
      () => this.moved(),
      (cause) => {
        this.#asked = undefined;
        this.#gone();
        asked.over(cause);
      },
    );
    this.#tunnel = tunnel;
    this.socket.user = tunnel;
    asked.upgrade(head, tunnel);
  }

  /** The other side has ended the connection, and all that came before has been read. */
  #finish(): void {
    const { cause } = this.#ended!;
    if (this.#asked === undefined) return this.#gone();
    if (cause === undefined || this.#reader.isIdle) this.#reader.finish();
    if (this.#isClosed) return;
    if (this.#reader.isDone) return this.#replied(undefined);
    if (this.#reader.isIdle) return this.#endedUnanswered(this.#asked);
    this.#break(closed(`it was cut within the reply (${cause?.message ?? "closed"})`));
  }

  #endedUnanswered(asked: Asked): void {
    const isUnsent = this.socket.takenBytes <= this.#startsAt; // one byte more, and the upstream may have begun
    const upload = this.#upload;
    this.#asked = this.#upload = undefined;
    this.#gone();
    const mayRepeat = this.#uses > 1 && (isUnsent || isIdempotent(asked.request.head.method));
    if (upload === undefined && mayRepeat && this.#owner.again(asked)) return;
    const failure = closed("it was closed before any reply");
    upload?.stop(failure);
    asked.fail(failure, isUnsent);
  }

  /** What is under way fails, and the connection is gone. */
  #break(cause: Failure): void {
    const asked = this.#asked;
    const reply = this.#reply;
    const upload = this.#upload;
    this.#asked = this.#reply = this.#upload = undefined;
    this.#reader.halt();
    this.#tunnel?.close(cause);
    this.#gone();
    upload?.stop(cause);
    if (asked === undefined) return;
    if (!asked.isAnswered) return asked.fail(cause, false);
    reply?.abort(cause);
    asked.over(cause);
  }

  #gone(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#held = [];
    this.socket.destroy();
    this.#owner.onClosed(this);
  }

  /** Only while the upstream is the one who is waited for. */
  #silentDueMs(asked: Asked): number {
    const { headMs = NEVER, idleMs = NEVER } = asked.request.timeouts;
    if (this.#tunnel !== undefined) return this.#tunnel.isHeld ? NEVER : this.#movedMs + idleMs;
    if (asked.isAnswered) return this.#isHalted ? NEVER : this.#movedMs + idleMs;
    const upload = this.#upload;
    return upload === undefined || upload.isWhole || upload.isBlocked ? this.#movedMs + headMs : NEVER;
  }

  #note(): void {
    if (this.#asked !== undefined) this.#owner.note(this.#silentDueMs(this.#asked));
  }

  #awaited(asked: Asked): string {
    const { headMs, idleMs } = asked.request.timeouts;
    return asked.isAnswered ? `more of its reply within ${idleMs} ms` : `its reply within ${headMs} ms`;
  }
}

function closed(why: string): Failure {
  return new Failure("gateway.upstream_closed", `waiting for the upstream: ${why}; a whole reply is required`, {
    retryable: true,
  });
}

function notAccepted(): Failure {
  const message = "reading the upstream's reply: it is 101, but its sec-websocket-accept does not answer the key";
  return new Failure("gateway.upstream_protocol", message);
}
