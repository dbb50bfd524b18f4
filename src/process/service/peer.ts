/**
 * One end of the conversation between a node and a service host; both ends are alike. It asks, waits for answers and gives up on
 * them at their deadline, and hands what the other side asks to whoever serves it. What can not be right, an answer that nobody
 * asked for, items without credit, more calls than allowed, ends the conversation with a reason.
 */
import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { Failure } from "../../base/errors.ts";
import { cancelled, deadlineExceeded, overloaded, readFailure, tooLarge } from "./failures.ts";
import {
  CANCEL,
  CREDIT,
  copyOf,
  END,
  ERROR,
  ITEM,
  NOTE,
  REQUEST,
  RESULT,
  readRequest,
  readU32,
  STREAM,
} from "./frames.ts";
import { Inbox } from "./inbox.ts";
import { Incoming, type IncomingPorts } from "./incoming.ts";
import { ANSWER_GRACE_MS, ASKED_BYTES_MAX, CALLS_MAX, MESSAGE_BYTES_MAX, STREAMS_MAX } from "./limits.ts";
import { Outbox, type OutgoingRequest } from "./outbox.ts";
import { StreamReader } from "./stream-reader.ts";

export interface PeerPorts {
  readonly clock: Clock;
  write(bytes: Uint8Array): number;
  /** Something is asked of this side. Nothing that it throws is expected. */
  serve(request: Incoming): void;
  note(operation: number, text: string): void;
  /** Nothing that this side has asked is under way any more. */
  idle?(): void;
  /** Once: the other side does not keep to the protocol. */
  broken(reason: string): void;
}

export interface Asked extends Omit<OutgoingRequest, "trace"> {
  /** For messages: `users.get`. */
  readonly what: string;
  readonly trace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  readonly what: string;
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (failure: Failure) => void;
  readonly reader: StreamReader | undefined;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
  dueMs: number;
  /** Nobody waits any more; the other side has still to end it. */
  isSettled: boolean;
}

const ID_MAX = 2 ** 32 - 1;

export class Peer {
  readonly outbox: Outbox;
  readonly #ports: PeerPorts;
  readonly #inbox: Inbox;
  readonly #pending = new Map<number, Pending>();
  readonly #serving = new Map<number, Incoming>();
  readonly #askedDue: Deadlines;
  readonly #servedDue: Deadlines;
  readonly #incomingPorts: IncomingPorts;
  #id = 0;
  #askedBytes = 0;
  #servedBytes = 0;
  #streams = 0;
  #servedStreams = 0;
  #end: ((what: string) => Failure) | undefined;

  constructor(ports: PeerPorts) {
    const { clock } = ports;
    this.#ports = ports;
    this.outbox = new Outbox((bytes) => ports.write(bytes));
    this.#inbox = new Inbox({
      message: (kind, id, bytes, from, to) => this.#message(kind, id, bytes, from, to),
      broken: (reason) => this.#break(`sent ${reason}`),
    });
    this.#askedDue = new Deadlines(clock, (nowMs) => this.#sweepAsked(nowMs));
    this.#servedDue = new Deadlines(clock, (nowMs) => this.#sweepServed(nowMs));
    this.#incomingPorts = {
      outbox: this.outbox,
      nowMs: () => clock.monotonic(),
      over: (id) => this.#served(id),
    };
  }

  /** Requests of this side that the other one has not ended, also those that nobody waits for. */
  get inFlight(): number {
    return this.#pending.size;
  }

  get serving(): number {
    return this.#serving.size;
  }

  received(bytes: Buffer): void {
    this.#inbox.push(bytes);
  }

  ask(asked: Asked): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(asked);
      if (refusal !== undefined) return reject(refusal);
      this.#send(asked, this.#pend(asked, resolve, reject, undefined));
    });
  }

  /** Asked for when the iteration begins. */
  async *askStream(asked: Asked): AsyncGenerator<Uint8Array> {
    const refusal = this.#refusal(asked) ?? this.#streamRefusal(asked);
    if (refusal !== undefined) throw refusal;
    let id = 0;
    const reader: StreamReader = new StreamReader({
      credit: (bytes) => this.outbox.credit(id, bytes),
      leave: () => this.#leave(id),
    });
    const nothing = (): void => {};
    id = this.#pend(asked, nothing, (failure) => reader.finish(failure), reader);
    this.#send(asked, id);
    yield* reader;
  }

  note(operation: number, text: string): void {
    this.outbox.note(operation, text);
  }

  /** Nothing is sent or taken any more. `failureOf` says to each that waits what has become of it. */
  close(failureOf: (what: string) => Failure): void {
    if (this.#end !== undefined) return;
    this.#end = failureOf;
    this.#inbox.close();
    this.outbox.close();
    this.#askedDue.stop();
    this.#servedDue.stop();
    for (const pending of this.#pending.values()) this.#settle(pending, failureOf(pending.what));
    this.#pending.clear();
    for (const request of this.#serving.values()) request.abandon();
    this.#serving.clear();
  }

  #refusal({ body, signal, timeoutMs, what }: Asked): Failure | undefined {
    if (this.#end !== undefined) return this.#end(what);
    if (signal?.aborted) return reasonOf(signal, what);
    if (timeoutMs <= 0) return deadlineExceeded(what, 0);
    if (this.#pending.size >= CALLS_MAX) return overloaded(what, `${CALLS_MAX} calls are under way`);
    if (this.outbox.isFull) return overloaded(what, "too many bytes wait for the process to read them");
    const fits = this.#askedBytes + body.length <= ASKED_BYTES_MAX;
    return fits ? undefined : overloaded(what, `params of ${ASKED_BYTES_MAX} bytes are under way`);
  }

  #streamRefusal({ what }: Asked): Failure | undefined {
    return this.#streams < STREAMS_MAX ? undefined : overloaded(what, `${STREAMS_MAX} streams are under way`);
  }

  #pend(
    { body, signal, timeoutMs, what }: Asked,
    resolve: Pending["resolve"],
    reject: Pending["reject"],
    reader: StreamReader | undefined,
  ): number {
    const id = this.#nextId();
    const dueMs = this.#ports.clock.monotonic() + timeoutMs + ANSWER_GRACE_MS;
    const bytes = body.length;
    const isSettled = false;
    const pending: Pending = {
      what,
      timeoutMs,
      bytes,
      resolve,
      reject,
      reader,
      signal,
      dueMs,
      isSettled,
      onAbort: undefined,
    };
    this.#pending.set(id, pending);
    this.#askedBytes += bytes;
    if (reader !== undefined) this.#streams++;
    this.#askedDue.note(dueMs);
    if (signal !== undefined) {
      pending.onAbort = () => this.#giveUp(id, pending, reasonOf(signal, what));
      signal.addEventListener("abort", pending.onAbort, { once: true });
    }
    return id;
  }

  #send(asked: Asked, id: number): void {
    const timeoutMs = Math.min(Math.max(1, Math.ceil(asked.timeoutMs)), ID_MAX);
    if (this.outbox.request(id, { ...asked, trace: asked.trace ?? "", timeoutMs })) return;
    const pending = this.#pending.get(id)!; // just put there
    this.#forget(id, pending);
    this.#settle(pending, tooLarge(`the input of ${asked.what}`, MESSAGE_BYTES_MAX));
  }

  #nextId(): number {
    do this.#id = this.#id === ID_MAX ? 1 : this.#id + 1;
    while (this.#pending.has(this.#id));
    return this.#id;
  }

  #message(kind: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (kind === REQUEST) this.#request(id, bytes, from, to);
    else if (kind === NOTE) this.#note(bytes, from, to);
    else if (kind === CREDIT || kind === CANCEL) this.#fromReader(kind, id, bytes, from, to);
    else this.#answer(kind, id, bytes, from, to);
  }

  #answer(kind: number, id: number, bytes: Buffer, from: number, to: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return this.#break(`sent message ${kind} for request ${id}, which is not under way`);
    const { reader } = pending;
    if (kind === ITEM && reader !== undefined) return this.#item(pending, reader, copyOf(bytes, from, to));
    if (kind === RESULT && reader === undefined) {
      this.#forget(id, pending);
      if (pending.isSettled) return;
      pending.isSettled = true;
      pending.resolve(copyOf(bytes, from, to));
    } else if (kind === ERROR) {
      const failure = readFailure(bytes.toString("utf8", from, to));
      if (failure === undefined) return this.#break("sent a failure that is none");
      this.#forget(id, pending);
      this.#settle(pending, failure);
    } else if (kind === END && reader !== undefined) {
      this.#forget(id, pending);
      pending.isSettled = true;
      reader.finish();
    } else this.#break(`sent message ${kind} to request ${id}`);
  }

  #item(pending: Pending, reader: StreamReader, item: Uint8Array): void {
    pending.dueMs = Number.POSITIVE_INFINITY;
    if (!reader.push(item)) this.#break("sent more of a stream than it was allowed to");
  }

  #request(id: number, bytes: Buffer, from: number, to: number): void {
    const parts = readRequest(bytes, from, to);
    if (parts === undefined) return this.#break("sent a request whose lengths do not fit");
    if (this.#serving.has(id)) return this.#break(`asked twice as request ${id}`);
    if (this.#serving.size >= CALLS_MAX) return this.#break(`asked more than ${CALLS_MAX} things at once`);
    if (this.#servedBytes + parts.body.length > ASKED_BYTES_MAX)
      return this.#break(`asked with more than ${ASKED_BYTES_MAX} bytes at once`);
    if (parts.operation === STREAM && ++this.#servedStreams > STREAMS_MAX)
      return this.#break(`asked for more than ${STREAMS_MAX} streams at once`);
    const dueMs = this.#ports.clock.monotonic() + parts.timeoutMs;
    const request = new Incoming(id, parts, dueMs, this.#incomingPorts);
    this.#serving.set(id, request);
    this.#servedBytes += parts.body.length;
    this.#servedDue.note(dueMs);
    this.#ports.serve(request);
  }

  #note(bytes: Buffer, from: number, to: number): void {
    if (from === to) return this.#break("sent an empty note");
    this.#ports.note(bytes[from]!, bytes.toString("utf8", from + 1, to));
  }

  /** It may be over here when the other side has not heard of it. */
  #fromReader(kind: number, id: number, bytes: Buffer, from: number, to: number): void {
    const request = this.#serving.get(id);
    if (kind === CANCEL) return request?.cancel();
    if (to - from !== 4) return this.#break("sent credit of no size");
    request?.credit(readU32(bytes, from));
  }

  #served(id: number): void {
    const request = this.#serving.get(id);
    if (request === undefined) return;
    this.#serving.delete(id);
    this.#servedBytes -= request.parts.body.length;
    if (request.parts.operation === STREAM) this.#servedStreams--;
  }

  #leave(id: number): void {
    const pending = this.#pending.get(id);
    if (pending !== undefined) this.#giveUp(id, pending, cancelled(pending.what));
  }

  #giveUp(id: number, pending: Pending, failure: Failure): void {
    if (pending.isSettled) return;
    this.outbox.send(CANCEL, id, "");
    this.#settle(pending, failure);
  }

  #settle(pending: Pending, failure: Failure): void {
    if (pending.isSettled) return;
    pending.isSettled = true;
    pending.dueMs = Number.POSITIVE_INFINITY;
    if (pending.onAbort !== undefined) pending.signal?.removeEventListener("abort", pending.onAbort);
    pending.reject(failure);
  }

  #forget(id: number, pending: Pending): void {
    this.#pending.delete(id);
    this.#askedBytes -= pending.bytes;
    if (pending.reader !== undefined) this.#streams--;
    if (pending.onAbort !== undefined) pending.signal?.removeEventListener("abort", pending.onAbort);
    if (this.#pending.size === 0) this.#ports.idle?.();
  }

  #sweepAsked(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, pending] of this.#pending) {
      if (pending.dueMs > nowMs) nextMs = Math.min(nextMs, pending.dueMs);
      else this.#giveUp(id, pending, deadlineExceeded(pending.what, pending.timeoutMs));
    }
    return nextMs;
  }

  #sweepServed(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const request of this.#serving.values()) {
      if (request.dueMs > nowMs) nextMs = Math.min(nextMs, request.dueMs);
      else request.expire();
    }
    return nextMs;
  }

  #break(reason: string): void {
    this.#inbox.close();
    this.#ports.broken(reason);
  }
}

function reasonOf(signal: AbortSignal, what: string): Failure {
  return signal.reason instanceof Failure ? signal.reason : cancelled(what);
}
