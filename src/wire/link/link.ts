/**
 * One link between two nodes that have proved themselves to each other. It hands what comes in to whoever it is for, watches
 * that the other side still speaks, and ends: gracefully when either side says so, at once when a frame is malformed. It
 * knows no tokens and no handshake.
 */
import type { Timer } from "../../base/clock.ts";
import { Failure, type FailureJson, toFailure } from "../../base/errors.ts";
import { malformed } from "../codec/index.ts";
import { Beats } from "./beats.ts";
import { Calls, cancelled } from "./calls.ts";
import { closedFailure, errorOnWire, overloaded } from "./failures.ts";
import { Inbox } from "./inbox.ts";
import { FRAME_BYTES_TAKEN_MAX, GRACE_MS, LINGER_MS, type LinkLimits } from "./limits.ts";
import { ABORT, BEAT, ERROR, GOAWAY, type Message, notifyMessage, OPEN, REQUEST, RESPONSE } from "./message.ts";
import { requireSendable, spanOf } from "./message-parts.ts";
import { Outbox } from "./outbox.ts";
import { ServedRequests } from "./served.ts";
import { Streams } from "./streams.ts";
import type { Withdrawn } from "./transfers.ts";
import type {
  ByteStream,
  LinkCounts,
  LinkEnd,
  LinkPeer,
  LinkRuntime,
  NotifyOptions,
  PeerLink,
  RequestOptions,
  StreamOptions,
} from "./types.ts";
import type { Wire } from "./wire.ts";

export const CLOSE_NORMAL = 1000;
/** Whatever went wrong; the reason is the failure's code. */
export const CLOSE_FAILED = 4000;

export interface LinkParts {
  readonly peer: LinkPeer;
  readonly isDialer: boolean;
  readonly wire: Wire;
  readonly limits: LinkLimits;
  readonly runtime: LinkRuntime;
}

export class Link implements PeerLink {
  readonly peer: LinkPeer;
  readonly isDialer: boolean;
  readonly closed: Promise<LinkEnd>;
  readonly #runtime: LinkRuntime;
  readonly #wire: Wire;
  readonly #outbox: Outbox;
  readonly #calls: Calls;
  readonly #served: ServedRequests;
  readonly #streams: Streams;
  readonly #inbox: Inbox;
  readonly #beats: Beats;
  readonly #settleClosed: (end: LinkEnd) => void;
  /** One-way messages whose sender waits until they have left. */
  readonly #watched = new WeakMap<Message, Watch>();
  #state: "open" | "leaving" | "closed" = "open";
  #why = "";
  #hasSaidGoaway = false;
  #hasHeardGoaway = false;
  #linger: Timer | undefined;
  #framesTaken = 0;
  #bytesTaken = 0;
  /** When a request, stream or one-way message last began or ended. */
  #usedMs: number;

  constructor({ peer, isDialer, wire, limits, runtime }: LinkParts) {
    const { clock, report } = runtime;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    const quiet = (): void => this.#finishIfQuiet();
    const push = (message: Message): void => this.#outbox.push(message);
    this.peer = peer;
    this.isDialer = isDialer;
    this.closed = promise;
    this.#settleClosed = resolve;
    this.#runtime = runtime;
    this.#wire = wire;
    this.#usedMs = clock.monotonic();
    this.#outbox = new Outbox({
      wire,
      clock,
      limits,
      refused: (message, why) => this.#refused(message, why),
      stuck: (bytes) => this.destroy(overloaded(`${peer.id} does not read: ${bytes} bytes wait for it`)),
      caughtUp: quiet,
    });
    const { pendingMax, streamsMax, underWayBytesMax, underWayMax } = limits;
    const withdraw = (id: number): Withdrawn => this.#outbox.withdraw(id);
    this.#calls = new Calls({ clock, pendingMax, peerId: peer.id, push, withdraw, quiet });
    const isFull = (): boolean => this.#outbox.isFull;
    this.#served = new ServedRequests({ clock, underWayMax, underWayBytesMax, push, isFull, report, quiet });
    this.#streams = new Streams({
      isDialer,
      streamsMax,
      push: (message, sizeBytes) => this.#outbox.pushBytes(message, sizeBytes),
      drained: (signal) => this.#outbox.drained(signal),
      report,
      quiet,
    });
    this.#inbox = new Inbox({
      link: this,
      payloadBytesMax: limits.payloadBytesMax,
      handlers: runtime.handlers,
      calls: this.#calls,
      served: this.#served,
      streams: this.#streams,
      report,
      used: () => {
        this.#usedMs = this.#beats.heardMs;
      },
      beat: () => runtime.onBeat?.(this, this.#beats.heardMs),
      goaway: () => this.#takeGoaway(),
    });
    this.#beats = new Beats(clock, runtime.beatIntervalMs, {
      beat: () => this.#outbox.push([BEAT]),
      silent: (ms) => this.destroy(new Failure("link.silent", `${peer.id} has said nothing for ${Math.round(ms)} ms`)),
    });
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  get lastHeardMs(): number {
    return this.#beats.heardMs;
  }

  /** Monotonic time since which nothing is under way; undefined while something is. */
  get idleSinceMs(): number | undefined {
    return this.#isQuiet() ? this.#usedMs : undefined;
  }

  get counts(): LinkCounts {
    return {
      requestsSent: this.#calls.sent,
      requestsTaken: this.#served.taken,
      framesSent: this.#outbox.framesSent,
      framesTaken: this.#framesTaken,
      bytesSent: this.#outbox.bytesSent,
      bytesTaken: this.#bytesTaken,
    };
  }

  request(topic: string, payload: unknown, options: RequestOptions = {}): Promise<unknown> {
    if (this.#state !== "open") return Promise.reject(this.#closedFailure());
    let spanMs: number;
    try {
      requireSendable(topic, options.traceparent);
      spanMs = spanOf(topic, options.timeoutMs);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    if (this.#outbox.isFull) return this.#requestWhenDrained(topic, payload, spanMs, options);
    return this.#calls.send(topic, payload, spanMs, options);
  }

  notify(topic: string, payload: unknown, { traceparent }: NotifyOptions = {}): void {
    if (this.#state !== "open") throw this.#closedFailure();
    requireSendable(topic, traceparent);
    if (this.#outbox.isFull) throw overloaded(`${topic} at ${this.peer.id}: ${this.bufferedBytes} bytes wait already`);
    this.#usedMs = this.#beats.heardMs;
    this.#outbox.push(notifyMessage(topic, payload, traceparent));
  }

  async notifyWhenRoom(topic: string, payload: unknown, options: NotifyOptions = {}): Promise<void> {
    const { signal, traceparent } = options;
    if (this.#state !== "open") throw this.#closedFailure();
    requireSendable(topic, traceparent);
    signal?.throwIfAborted();
    const message = notifyMessage(topic, payload, traceparent);
    if (!this.#outbox.mustWait) await this.#sayWatched(message);
    else await this.#outbox.whenRoom(() => this.#sayWatched(message), signal);
  }

  openStream(topic: string, payload: unknown, options: StreamOptions = {}): ByteStream {
    if (this.#state !== "open") throw this.#closedFailure();
    requireSendable(topic, options.traceparent);
    return this.#streams.open(topic, payload, options);
  }

  async drained(signal?: AbortSignal): Promise<void> {
    if (this.#state === "closed") throw this.#closedFailure();
    await this.#outbox.drained(signal);
  }

  close({ graceMs = GRACE_MS, why = "closed by its user" } = {}): Promise<LinkEnd> {
    if (this.#state === "closed") return this.closed;
    if (this.#state === "open") this.#leave(why);
    this.#finishIfQuiet();
    if (this.#isClosed()) return this.closed;
    const timer = this.#runtime.clock.after(graceMs, () => this.destroy(closedFailure(this.peer.id, why)));
    void this.closed.then(() => timer.cancel());
    return this.closed;
  }

  destroy(reason: Failure): void {
    if (this.#state === "closed") return;
    this.#end({ isGraceful: false, reason });
    this.#hangUp(CLOSE_FAILED, reason.code);
  }

  /** From the socket: a frame has come. */
  receive(frame: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#framesTaken++;
    this.#bytesTaken += frame.byteLength;
    const nowMs = this.#beats.heard();
    this.#runtime.onActivity?.(this, nowMs);
    try {
      if (frame.byteLength > FRAME_BYTES_TAKEN_MAX) throw malformed(`a frame has ${frame.byteLength} bytes`);
      this.#inbox.take(frame);
    } catch (thrown) {
      this.destroy(toFailure(thrown, "link.defect"));
    }
  }

  /** From the socket: it has taken some bytes. */
  drain(): void {
    if (this.#state !== "closed") this.#outbox.drain();
  }

  /** From the socket: it is gone. */
  gone(code: number, reason: string): void {
    this.#linger?.cancel();
    const isGraceful = code === CLOSE_NORMAL && this.#hasHeardGoaway;
    const told = reason === "" ? `the connection ended (${code})` : `the other side ended it: ${reason.slice(0, 123)}`;
    this.#end({ isGraceful, reason: closedFailure(this.peer.id, isGraceful ? "both sides were done" : told) });
  }

  /** Told to whoever says it, where it is refused. */
  async #sayWatched(message: Message): Promise<void> {
    const watch: Watch = { why: undefined };
    this.#watched.set(message, watch);
    this.#usedMs = this.#beats.heardMs;
    const left = this.#outbox.flushed();
    this.#outbox.push(message);
    await left;
    if (watch.why) throw watch.why;
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #takeGoaway(): void {
    this.#hasHeardGoaway = true;
    if (this.#state === "open") this.#leave("the other side leaves");
    this.#finishIfQuiet();
  }

  #leave(why: string): void {
    this.#state = "leaving";
    this.#why = why;
    this.#sayGoaway();
  }

  /** It is the last thing said but for answers, so it waits for what was said and has not left. */
  #sayGoaway(): void {
    if (this.#state !== "leaving" || this.#hasSaidGoaway) return;
    this.#outbox.flush(); // a text may turn out to be a large one
    if (this.#hasSaidGoaway || this.#outbox.hasBacklog) return;
    this.#hasSaidGoaway = true;
    this.#outbox.push([GOAWAY, this.#why]);
  }

  #isQuiet(): boolean {
    return this.#calls.size + this.#served.size + this.#streams.size === 0 && !this.#outbox.hasBacklog;
  }

  /** Whoever is done first closes; the other side's answers have been read by then. */
  #finishIfQuiet(): void {
    this.#usedMs = this.#beats.heardMs;
    this.#sayGoaway();
    if (!this.#hasSaidGoaway || !this.#hasHeardGoaway || this.#state === "closed" || !this.#isQuiet()) return;
    this.#outbox.flush();
    if (this.#isClosed() || !this.#isQuiet()) return; // an answer was too large for one frame, or was refused
    this.#end({ isGraceful: true, reason: closedFailure(this.peer.id, "both sides were done") });
    this.#hangUp(CLOSE_NORMAL, "");
  }

  async #requestWhenDrained(
    topic: string,
    payload: unknown,
    timeoutMs: number,
    options: RequestOptions,
  ): Promise<unknown> {
    const { clock } = this.#runtime;
    const { signal } = options;
    const fromMs = clock.monotonic();
    const deadline = new AbortController();
    const late = new Failure("link.deadline_exceeded", `${topic} at ${this.peer.id}: no room within ${timeoutMs} ms`);
    const timer = clock.after(timeoutMs, () => deadline.abort(late));
    try {
      const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
      const send = (): Promise<unknown> => {
        timer.cancel();
        return this.#calls.send(topic, payload, Math.max(0, timeoutMs - (clock.monotonic() - fromMs)), options);
      };
      return await this.#outbox.whenRoom(send, either);
    } catch (thrown) {
      throw signal?.aborted ? cancelled(topic, this.peer.id, signal) : thrown;
    } finally {
      timer.cancel();
    }
  }

  /** What cannot be sent is told to whoever waits for it. */
  #refused(message: Message, why: Failure): void {
    const [kind, id] = message as readonly [number, number];
    if (kind === REQUEST) this.#calls.reject(id, why);
    else if (kind === RESPONSE) this.#outbox.push([ERROR, id, errorOnWire(why)]);
    else if (kind === OPEN) this.#streams.find(id)?.fail(why);
    else if ((kind === ERROR || kind === ABORT) && hasData(message[2])) {
      this.#outbox.push([kind, id, withoutData(message[2])]);
    } else if (this.#watched.has(message)) this.#watched.get(message)!.why = why;
    else this.#runtime.report?.(`a message of kind ${kind} to ${this.peer.id}`, why);
  }

  /** The end was told before: some sockets say at once that they are closed. */
  #hangUp(code: number, reason: string): void {
    this.#linger = this.#runtime.clock.after(LINGER_MS, () => this.#wire.terminate());
    this.#wire.close(code, reason);
  }

  #closedFailure(): Failure {
    return closedFailure(this.peer.id, this.#state === "leaving" ? "it is about to end" : "it has ended");
  }

  #end(end: LinkEnd): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#beats.stop();
    this.#outbox.close(end.reason);
    this.#calls.close(end.reason);
    this.#served.close(end.reason);
    this.#streams.close(end.reason);
    this.#settleClosed(end);
  }
}

interface Watch {
  why: Failure | undefined;
}

function hasData(error: unknown): boolean {
  return (error as FailureJson).data !== undefined; // made by errorOnWire
}

function withoutData(error: unknown): unknown {
  const { code, message, retryable } = error as FailureJson; // as above
  return { code, message, retryable };
}
