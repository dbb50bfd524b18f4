/** The streams of one link: the dialer's have odd ids, the acceptor's even ones, so that both may open some at once. */
import { Failure, toFailure } from "../../base/errors.ts";
import { malformed } from "../codec/index.ts";
import { errorFromWire, errorOnWire, overloaded } from "./failures.ts";
import { ABORT, type Message, openMessage } from "./message.ts";
import { unknownTopic } from "./served.ts";
import { LinkStream, type StreamPorts } from "./stream.ts";
import type { MessageContext, StreamOptions, TopicHandler } from "./types.ts";

export interface StreamsPorts extends Omit<StreamPorts, "over"> {
  readonly isDialer: boolean;
  readonly streamsMax: number;
  readonly report: ((what: string, thrown: unknown) => void) | undefined;
  readonly quiet: () => void;
}

export class Streams {
  readonly #ports: StreamsPorts;
  readonly #open = new Map<number, LinkStream>();
  /** Take the listeners off the signals of those who opened them. */
  readonly #releases = new Map<number, () => void>();
  #nextId: number;
  #lastTakenId: number;

  constructor(ports: StreamsPorts) {
    this.#ports = ports;
    this.#nextId = ports.isDialer ? 1 : 2;
    this.#lastTakenId = ports.isDialer ? 0 : -1;
  }

  get size(): number {
    return this.#open.size;
  }

  open(topic: string, payload: unknown, { signal, traceparent }: StreamOptions): LinkStream {
    const { streamsMax, push } = this.#ports;
    if (this.#open.size >= streamsMax) throw overloaded(`${topic}: ${streamsMax} streams are open, no more are opened`);
    const stream = this.#make(this.#nextId);
    this.#nextId += 2;
    push(openMessage(stream.id, topic, payload, traceparent), 0);
    const giveUp = (): void =>
      stream.abort(new Failure("link.cancelled", `${topic}: given up`, { cause: signal!.reason }));
    if (signal?.aborted) giveUp();
    else if (signal) {
      signal.addEventListener("abort", giveUp, { once: true });
      this.#releases.set(stream.id, () => signal.removeEventListener("abort", giveUp));
    }
    return stream;
  }

  /** The other side has opened one. */
  take(id: number, topic: string, payload: unknown, handler: TopicHandler | undefined, context: MessageContext): void {
    const { streamsMax, report } = this.#ports;
    this.#note(id);
    if (!handler?.stream) return this.#refuse(id, unknownTopic(topic));
    if (this.#open.size >= streamsMax) return this.#refuse(id, overloaded(`${topic}: ${streamsMax} streams are open`));
    const stream = this.#make(id);
    const failed = (thrown: unknown): void => {
      if (!(thrown instanceof Failure)) report?.(topic, thrown);
      stream.abort(toFailure(thrown, "link.defect"));
    };
    Promise.try(() => handler.stream!(stream, payload, context)).catch(failed);
  }

  /** What the other side has opened it with is not taken. */
  refuse(id: number, why: Failure): void {
    this.#note(id);
    this.#refuse(id, why);
  }

  #note(id: number): void {
    if (id <= this.#lastTakenId || (id - this.#lastTakenId) % 2 !== 0)
      throw malformed(`stream ${id} is opened out of turn`);
    this.#lastTakenId = id;
  }

  /** Undefined when it is over: what the other side said before it knew is passed by. */
  find(id: number): LinkStream | undefined {
    return this.#open.get(id);
  }

  failed(id: number, error: unknown): void {
    const failure = error instanceof Failure ? error : errorFromWire(error);
    if (!failure) throw malformed(`stream ${id} is aborted without a failure`);
    this.#open.get(id)?.fail(failure);
  }

  close(reason: Failure): void {
    for (const stream of [...this.#open.values()]) stream.fail(reason);
  }

  #make(id: number): LinkStream {
    const stream = new LinkStream(id, { ...this.#ports, over: (each) => this.#over(each) });
    this.#open.set(id, stream);
    return stream;
  }

  #over(id: number): void {
    this.#open.delete(id);
    this.#releases.get(id)?.();
    this.#releases.delete(id);
    if (this.#open.size === 0) this.#ports.quiet();
  }

  #refuse(id: number, why: Failure): void {
    const message: Message = [ABORT, id, errorOnWire(why)];
    this.#ports.push(message, 0);
  }
}
