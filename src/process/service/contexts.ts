/** What `init` and the handlers get as `ctx`. Most calls use little of it, so that each thing is made when it is asked for. */
import type { CallContext, Caller, Logger, RemoteServices, ServiceContext } from "../../sdk/service/index.ts";
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

  /** Functions and no methods, these three: handlers take them out of the context, `(params, { stream }) => …`. */
  get stream(): ServiceContext["stream"] {
    return (target, params, options) => this.#facts.asking.stream(this, target, params, options);
  }

  get broadcast(): ServiceContext["broadcast"] {
    return (target, params, options) => this.#facts.asking.broadcast(this, target, params, options);
  }

  get discover(): ServiceContext["discover"] {
    return (query) => this.#facts.asking.discover(this, query);
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
