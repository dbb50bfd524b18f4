/** The words of a service: what its methods get beside their params, and what they may ask of others. Plain types. */

/** Milliseconds, or a text such as `500ms`, `10s`, `5m`. */
export type Duration = number | string;

/** Who asks, as the first node that heard of it has found out. */
export interface Caller {
  readonly kind: "outside" | "service" | "node";
  /** `users@1.2.0`, a node's id, or the subject of a token. */
  readonly name: string;
  readonly access: "none" | "read" | "operate" | "admin" | "node";
  readonly scopes: readonly string[];
}

export interface CallOptions {
  /** No more than what is left of the caller's own time, which is also what it is when left out. */
  readonly timeout?: Duration;
  /** Only instances that have all of these tags. */
  readonly tags?: readonly string[];
  /** Calls of one key go to one instance, where the service is balanced so. */
  readonly key?: string;
  /** Asking twice does no more than asking once, whatever the method says of itself. */
  readonly idempotent?: boolean;
  /** `1`, `1.2`, `1.2.0`: as `services["users@1"]`. */
  readonly version?: string;
}

export interface UnaryCallOptions extends CallOptions {
  /** What to go on with when it cannot be answered: a value, or what makes one of the failure. */
  readonly fallback?: unknown;
}

/** Calls the method of that name: `await ctx.services.users.get({ id: 7 })`. */
export type RemoteMethod = <Result = unknown>(params?: unknown, options?: UnaryCallOptions) => Promise<Result>;

/** Every name is a method but `then`: an object that has one would be taken for a promise. */
export type RemoteService = Readonly<Record<string, RemoteMethod>>;

/** By name, with or without a version: `users`, `users@1`, `users@1.2.0`. */
export type RemoteServices = Readonly<Record<string, RemoteService>>;

/** One answer of a broadcast. */
export interface BroadcastAnswer {
  readonly node: string;
  readonly ok: boolean;
  /** The result as it is, or what became of it. */
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** Where a service is offered, as `ctx.discover` and listings tell it. */
export interface ServicePlace {
  readonly node: string;
  readonly service: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly healthy: number;
}

export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What `init`, `cleanup` and `health` get, and what every call has too. */
export interface ServiceContext {
  /** This service. */
  readonly service: { readonly name: string; readonly version: string };
  /** The node that it runs on. */
  readonly node: string;
  readonly log: Logger;
  readonly services: RemoteServices;
  /** The items of a method that streams: `for await (const tick of ctx.stream("prices.ticks", { symbol }))`. */
  stream<Item = unknown>(target: string, params?: unknown, options?: CallOptions): AsyncIterable<Item>;
  /** Asks every node that offers it; each answers for itself. */
  broadcast(target: string, params?: unknown, options?: CallOptions): Promise<readonly BroadcastAnswer[]>;
  discover(query?: { readonly service?: string; readonly tags?: readonly string[] }): Promise<readonly ServicePlace[]>;
  readonly cache: {
    /** Makes every node forget answers. */
    invalidate(what: { readonly tags?: readonly string[]; readonly keys?: readonly string[] }): Promise<void>;
  };
  /** Aborts when nobody waits for an answer any more: at the deadline, when the caller has gone, at the end of the process. */
  readonly signal: AbortSignal;
}

export interface CallContext extends ServiceContext {
  readonly caller: Caller;
  /** Milliseconds that are left; 0 when the time is over. */
  readonly deadlineMs: number;
  /** W3C trace context; calls made from here carry it on. */
  readonly traceparent: string | undefined;
}
