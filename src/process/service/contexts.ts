/** What `init` and the handlers get as `ctx`. Most calls use little of it, so that each thing is made when it is asked for. */
import type {
  BroadcastAnswer,
  CallContext,
  Caller,
  CallOptions,
  Logger,
  RemoteServices,
  ServiceContext,
  ServicePlace,
} from "../../sdk/service/index.ts";
import type { Asker, Asking } from "./asking.ts";
import type { Incoming } from "./incoming.ts";

/** What is the same for all calls. */
export interface HostFacts {
  readonly service: { readonly name: string; readonly version: string };
  readonly node: string;
  readonly asking: Asking;
}

abstract class Context implements ServiceContext, Asker {
  readonly #facts: HostFacts;
  #log: Logger | undefined;
  #services: RemoteServices | undefined;

  constructor(facts: HostFacts) {
    this.#facts = facts;
  }

  abstract readonly leftMs: number;
  abstract readonly signal: AbortSignal;
  abstract readonly trace: string | undefined;

  get service(): HostFacts["service"] {
    return this.#facts.service;
  }

  get node(): string {
    return this.#facts.node;
  }

  get log(): Logger {
    this.#log ??= this.#facts.asking.log(this.trace);
    return this.#log;
  }

  get services(): RemoteServices {
    this.#services ??= this.#facts.asking.services(this);
    return this.#services;
  }

  get cache(): ServiceContext["cache"] {
    return { invalidate: (what) => this.#facts.asking.invalidate(this, what) };
  }

  stream<Item>(target: string, params?: unknown, options?: CallOptions): AsyncIterable<Item> {
    return this.#facts.asking.stream<Item>(this, target, params, options);
  }

  broadcast(target: string, params?: unknown, options?: CallOptions): Promise<readonly BroadcastAnswer[]> {
    return this.#facts.asking.broadcast(this, target, params, options);
  }

  discover(query?: { readonly service?: string; readonly tags?: readonly string[] }): Promise<readonly ServicePlace[]> {
    return this.#facts.asking.discover(this, query);
  }
}

/** Of the process's whole life. */
export class LifeContext extends Context {
  readonly signal: AbortSignal;
  readonly leftMs = Number.POSITIVE_INFINITY;
  readonly trace = undefined;

  constructor(facts: HostFacts, signal: AbortSignal) {
    super(facts);
    this.signal = signal;
  }
}

export class RequestContext extends Context implements CallContext {
  readonly caller: Caller;
  readonly #request: Incoming;

  constructor(facts: HostFacts, request: Incoming, caller: Caller) {
    super(facts);
    this.caller = caller;
    this.#request = request;
  }

  get leftMs(): number {
    return this.#request.leftMs;
  }

  get deadlineMs(): number {
    return this.#request.leftMs;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get trace(): string | undefined {
    return this.#request.parts.trace || undefined;
  }

  get traceparent(): string | undefined {
    return this.trace;
  }
}
