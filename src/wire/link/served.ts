/**
 * Requests of the other side that are being carried out here. A handler that goes on after its caller has given up still
 * counts, so that nobody can start more work than is bounded by asking and leaving.
 */
import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { Failure } from "../../base/errors.ts";
import { malformed } from "../codec/index.ts";
import { errorOnWire, overloaded } from "./failures.ts";
import { REQUEST_TIMEOUT_MS_MAX } from "./limits.ts";
import { ERROR, type Message, RESPONSE } from "./message.ts";
import type { LinkPeer, PeerLink, RequestContext, TopicHandler } from "./types.ts";

export interface ServedPorts {
  readonly clock: Clock;
  readonly underWayMax: number;
  readonly underWayBytesMax: number;
  readonly push: (message: Message) => void;
  /** The send buffer is full: a peer that does not read its answers gets no new ones. */
  readonly isFull: () => boolean;
  readonly report: ((what: string, thrown: unknown) => void) | undefined;
  readonly quiet: () => void;
}

export interface Incoming {
  readonly id: number;
  readonly topic: string;
  readonly timeoutMs: number;
  readonly payload: unknown;
  readonly traceparent: string | undefined;
  readonly sizeBytes: number;
}

class Served implements RequestContext {
  readonly link: PeerLink;
  readonly timeoutMs: number;
  readonly traceparent: string | undefined;
  readonly sizeBytes: number;
  readonly dueMs: number;
  /** Nobody waits for the answer any longer. */
  isGone = false;
  #end: AbortController | undefined;
  #reason: Failure | undefined;

  constructor(link: PeerLink, { timeoutMs, traceparent, sizeBytes }: Incoming, nowMs: number) {
    this.link = link;
    this.timeoutMs = timeoutMs;
    this.traceparent = traceparent;
    this.sizeBytes = sizeBytes;
    this.dueMs = nowMs + Math.min(timeoutMs, REQUEST_TIMEOUT_MS_MAX);
  }

  get peer(): LinkPeer {
    return this.link.peer;
  }

  /** Made when somebody asks: most handlers are done before they could be interrupted. */
  get signal(): AbortSignal {
    if (!this.#end) {
      this.#end = new AbortController();
      if (this.#reason) this.#end.abort(this.#reason);
    }
    return this.#end.signal;
  }

  leave(reason: Failure): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#reason = reason;
    this.#end?.abort(reason);
  }
}

export class ServedRequests {
  readonly #ports: ServedPorts;
  readonly #underWay = new Map<number, Served>();
  readonly #deadlines: Deadlines;
  #underWayBytes = 0;
  taken = 0;

  constructor(ports: ServedPorts) {
    this.#ports = ports;
    this.#deadlines = new Deadlines(ports.clock, (nowMs) => this.#sweep(nowMs));
  }

  get size(): number {
    return this.#underWay.size;
  }

  /** `fault`: what is wrong with the payload. */
  take(link: PeerLink, handler: TopicHandler | undefined, incoming: Incoming, fault?: Failure): void {
    const { id, topic, timeoutMs } = incoming;
    const { clock } = this.#ports;
    if (this.#underWay.has(id)) throw malformed(`request ${id} is under way already`);
    if (fault) return this.#fail(id, fault);
    if (!handler?.request) return this.#fail(id, unknownTopic(topic));
    const tooMuch = this.#tooMuch(incoming.sizeBytes);
    if (tooMuch !== undefined) return this.#fail(id, overloaded(`${topic}: ${tooMuch}, no more are taken`));
    const served = new Served(link, incoming, clock.monotonic());
    if (timeoutMs <= 0) served.leave(left(topic, "its deadline has passed"));
    this.taken++;
    try {
      const result = handler.request(incoming.payload, served);
      if (isThenable(result)) this.#await(id, topic, served, result);
      else this.#ports.push([RESPONSE, id, result]);
    } catch (thrown) {
      this.#failed(id, topic, thrown);
    }
  }

  #tooMuch(sizeBytes: number): string | undefined {
    const { underWayMax, underWayBytesMax, isFull } = this.#ports;
    if (this.#underWay.size >= underWayMax) return `${underWayMax} requests are under way`;
    if (this.#underWay.size > 0 && this.#underWayBytes + sizeBytes > underWayBytesMax) {
      return `requests of ${this.#underWayBytes} bytes are under way, of at most ${underWayBytesMax}`;
    }
    return isFull() ? "answers wait to be read" : undefined;
  }

  cancel(id: number): void {
    this.#underWay.get(id)?.leave(left(`request ${id}`, "its caller has given up"));
  }

  close(reason: Failure): void {
    this.#deadlines.stop();
    for (const served of this.#underWay.values()) served.leave(reason);
  }

  #await(id: number, topic: string, served: Served, result: PromiseLike<unknown>): void {
    this.#underWay.set(id, served);
    this.#underWayBytes += served.sizeBytes;
    this.#deadlines.note(served.dueMs);
    const done = (answer: () => void): void => {
      this.#underWay.delete(id);
      this.#underWayBytes -= served.sizeBytes;
      if (!served.isGone) answer();
      if (this.#underWay.size === 0) this.#ports.quiet();
    };
    result.then(
      (value) => done(() => this.#ports.push([RESPONSE, id, value])),
      (thrown) => done(() => this.#failed(id, topic, thrown)),
    );
  }

  #failed(id: number, topic: string, thrown: unknown): void {
    if (!(thrown instanceof Failure)) this.#ports.report?.(topic, thrown);
    this.#fail(id, thrown);
  }

  #fail(id: number, thrown: unknown): void {
    this.#ports.push([ERROR, id, errorOnWire(thrown)]);
  }

  #sweep(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, served] of this.#underWay) {
      if (served.isGone) continue;
      if (served.dueMs > nowMs) nextMs = Math.min(nextMs, served.dueMs);
      else served.leave(left(`request ${id}`, `not done within ${served.timeoutMs} ms`));
    }
    return nextMs;
  }
}

export function unknownTopic(topic: string): Failure {
  return new Failure("link.unknown_topic", `nobody here takes ${JSON.stringify(topic)} in this way`);
}

function left(what: string, why: string): Failure {
  return new Failure("link.cancelled", `${what}: ${why}`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
