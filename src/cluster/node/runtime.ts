/**
 * A node for programs: it has an alias, a mailbox and peers; it sends messages without waiting for anybody, asks questions
 * that are answered or fail in time, and tells who comes and goes. How peers are found and how bytes travel is given.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { nearMiss } from "../../base/near-miss.ts";
import { Directory, type Peer, type Registry } from "./directory.ts";
import { Mailbox, type MailboxCounts, type MailboxOptions } from "./mailbox.ts";

export const MESSAGE_TOPIC = "node.message";
export const CALL_TOPIC = "node.call";

/** A question that is not answered within this time has failed, unless the caller says otherwise. */
export const CALL_TIMEOUT_MS = 10_000;

export interface MessageMeta {
  /** The sender's alias, as it says; empty when it has none. */
  readonly from: string;
  /** The sender's id, which its link has proved. */
  readonly fromId: string;
  /** Milliseconds since the epoch, by the receiver's clock. */
  readonly receivedAtMs: number;
  readonly sizeBytes: number;
}

export interface CallMeta extends MessageMeta {
  /** Aborted when the caller no longer waits. */
  readonly signal: AbortSignal;
}

export interface AskOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What `send` and `call` need of the links. */
export interface Post {
  /** Resolves when the message has been handed to the link; waits while that is full. */
  notify(to: Peer, topic: string, payload: unknown): Promise<void>;
  request(
    to: Peer,
    topic: string,
    payload: unknown,
    options: Required<Pick<AskOptions, "timeoutMs">> & AskOptions,
  ): Promise<unknown>;
}

export interface NodeRuntimePorts {
  readonly registries: readonly Registry[];
  readonly post: Post;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeRuntimeOptions {
  readonly id: string;
  readonly alias: string;
  readonly mailbox: MailboxOptions;
}

export interface NodeEvents {
  "peer:join": Peer;
  "peer:leave": Peer;
  /** A message that did not fit into the mailbox. */
  "message:dropped": { readonly meta: MessageMeta; readonly total: number };
}

/** A letter as it travels; what `decode` gives back has been checked. */
interface Envelope {
  readonly from: string;
  readonly body: unknown;
}

type CallHandler = (request: unknown, meta: CallMeta) => unknown;

/** A program that says what it answers does so right after the start; one that has said nothing by then has nothing to say. */
const HANDLER_PATIENCE_MS = 2_000;

type Handlers = { [Name in keyof NodeEvents]: Set<(event: NodeEvents[Name]) => void> };

export class NodeRuntime {
  readonly id: string;
  readonly alias: string;
  readonly #ports: NodeRuntimePorts;
  readonly #mailbox: Mailbox<MessageMeta>;
  readonly #directory: Directory;
  readonly #handlers: Handlers = { "peer:join": new Set(), "peer:leave": new Set(), "message:dropped": new Set() };
  #answer: CallHandler | undefined;
  /** Questions that came before there was anybody to answer them. */
  readonly #awaited = new Set<AbortController>();
  readonly #startedMs: number;
  #isClosed = false;

  constructor({ id, alias, mailbox }: NodeRuntimeOptions, ports: NodeRuntimePorts) {
    this.id = id;
    this.alias = alias;
    this.#ports = ports;
    this.#startedMs = ports.clock.monotonic();
    this.#mailbox = new Mailbox(mailbox, {
      dropped: ({ meta }, total) => this.#emit("message:dropped", { meta, total }),
      failed: (thrown, { meta }) =>
        ports.logger.error("the message handler failed", { from: meta.from, error: thrown }),
    });
    this.#directory = new Directory(ports.registries, ({ kind, peer }) => {
      if (peer.id !== id) this.#emit(kind === "join" ? "peer:join" : "peer:leave", peer);
    });
  }

  /** Fire and forget: resolves when the message is on its way, and nobody tells whether it arrived. */
  async send(alias: string, message: unknown): Promise<void> {
    const envelope: Envelope = { from: this.alias, body: message };
    await this.#ports.post.notify(await this.#find(alias), MESSAGE_TOPIC, envelope);
  }

  /** Asks and waits for the answer; a failure there comes back as the Failure it was. */
  async call(alias: string, request: unknown, options: AskOptions = {}): Promise<unknown> {
    const envelope: Envelope = { from: this.alias, body: request };
    const timeoutMs = options.timeoutMs ?? CALL_TIMEOUT_MS;
    return await this.#ports.post.request(await this.#find(alias), CALL_TOPIC, envelope, { ...options, timeoutMs });
  }

  /** One handler; messages that came before it wait in the mailbox. The next one is handed over when its promise is done. */
  onMessage(handler: (message: unknown, meta: MessageMeta) => unknown): void {
    this.#mailbox.handle(handler);
  }

  /** One handler for questions: what it gives back, or resolves to, is the answer. Questions do not go through the mailbox. */
  onCall(handler: CallHandler): void {
    this.#answer = handler;
    for (const come of this.#awaited) come.abort();
  }

  /** Everybody who can be reached now, this node left out. */
  async discover(): Promise<readonly Peer[]> {
    return this.#directory.list().filter(({ id }) => id !== this.id);
  }

  async resolve(alias: string): Promise<Peer | undefined> {
    return this.#directory.resolve(alias);
  }

  /** Gives back what takes the handler away again. */
  on<Name extends keyof NodeEvents>(name: Name, handler: (event: NodeEvents[Name]) => void): () => void {
    const handlers = this.#handlers[name];
    if (!handlers)
      throw new Failure("node.unknown_event", `there is no event ${name}: ${Object.keys(this.#handlers).join(", ")}`);
    handlers.add(handler);
    return () => void handlers.delete(handler);
  }

  counts(): MailboxCounts {
    return this.#mailbox.counts();
  }

  /** For the link: a message has come. */
  receive(fromId: string, payload: unknown, sizeBytes: number): void {
    const { from, body } = this.#decode(payload);
    this.#mailbox.offer({ message: body, meta: this.#meta(from, fromId, sizeBytes), sizeBytes });
  }

  /** For the link: a question has come; what it resolves to goes back. */
  async answer(fromId: string, payload: unknown, sizeBytes: number, signal: AbortSignal): Promise<unknown> {
    const { from, body } = this.#decode(payload);
    const answer = this.#answer ?? (await this.#handlerToCome(signal));
    return await answer(body, { ...this.#meta(from, fromId, sizeBytes), signal });
  }

  /** It is found as soon as it has started, which is before its program can have said what it answers. */
  async #handlerToCome(signal: AbortSignal): Promise<CallHandler> {
    const { clock } = this.#ports;
    const leftMs = this.#startedMs + HANDLER_PATIENCE_MS - clock.monotonic();
    if (leftMs > 0) {
      const come = new AbortController();
      this.#awaited.add(come);
      await pause(clock, leftMs, AbortSignal.any([come.signal, signal]));
      this.#awaited.delete(come);
    }
    if (this.#answer) return this.#answer;
    throw new Failure("node.no_call_handler", `node ${this.alias} answers no calls: it has no onCall`);
  }

  close(): void {
    this.#isClosed = true;
    this.#directory.close();
    this.#mailbox.close();
    for (const handlers of Object.values(this.#handlers)) handlers.clear();
  }

  async #find(alias: string): Promise<Peer> {
    if (this.#isClosed) throw new Failure("node.stopped", `node ${this.alias} has stopped`);
    const peer = await this.#directory.resolve(alias);
    if (peer) return peer;
    const known = this.#directory.list().map((each) => each.alias);
    const near = nearMiss(alias, known);
    const hint = near === undefined ? `known are ${known.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
    throw new Failure("node.unknown_alias", `there is no node ${JSON.stringify(alias)}; ${hint}`, { retryable: true });
  }

  #meta(from: string, fromId: string, sizeBytes: number): MessageMeta {
    return {
      from: this.#directory.byId(fromId)?.alias ?? from,
      fromId,
      receivedAtMs: this.#ports.clock.now(),
      sizeBytes,
    };
  }

  #decode(payload: unknown): Envelope {
    if (typeof payload === "object" && payload !== null) {
      const { from, body } = payload as Partial<Envelope>; // looked at below
      if (typeof from === "string" && from.length <= ALIAS_CHARS_MAX) return { from, body };
    }
    throw new Failure("node.bad_message", "a message without sender and body; another program speaks here");
  }

  #emit<Name extends keyof NodeEvents>(name: Name, event: NodeEvents[Name]): void {
    for (const handler of [...this.#handlers[name]]) {
      try {
        handler(event);
      } catch (thrown) {
        this.#ports.logger.error(`a handler of ${name} failed: ${messageOf(thrown)}`, { error: thrown });
      }
    }
  }
}

/** As the registries bound it. */
export const ALIAS_CHARS_MAX = 64;
