/**
 * What is said of services between a node and the processes that run them: plain data, the same for everybody who asks. Params
 * and results travel as the bytes of their JSON text: a node passes them on and does not parse them.
 */

/** What services themselves are told in these words: theirs are the ones. */
export type { BroadcastAnswer, ServicePlace } from "../../sdk/service/index.ts";

export type HttpVerb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpEndpoint {
  readonly verb: HttpVerb;
  /** `/users/:id`; params of that name get the words of the path. */
  readonly path: string;
}

/** Answers of the method are kept by node (and in Redis where there is one). */
export interface CachePolicy {
  readonly ttlMs: number;
  /** Top-level params that tell answers apart; all of them when left out. */
  readonly key?: readonly string[] | undefined;
  /** What invalidates them: texts in which `{name}` stands for a param. */
  readonly tags?: readonly string[] | undefined;
  /** How long a `…not_found` failure is believed; not at all when left out. */
  readonly negativeTtlMs?: number | undefined;
  /** Each caller has answers of its own. */
  readonly perCaller?: boolean | undefined;
}

/** What a caller gets when the method cannot be asked: a value, or the answer of another method given the same params. */
export type Fallback = { readonly value: unknown } | { readonly method: string };

export interface MethodDescription {
  readonly about: string;
  /** Callable from outside the cluster; others are for services and nodes alone. */
  readonly isPublic: boolean;
  /** What a caller from outside needs, unless a scope names the method. */
  readonly access: "read" | "operate";
  readonly isIdempotent: boolean;
  /** It gives items one after the other. */
  readonly isStream: boolean;
  /** Of one call, unless the caller says less. */
  readonly timeoutMs?: number | undefined;
  /** Bulkhead: calls at once in one process, and how many may wait for a place. */
  readonly concurrency?: number | undefined;
  readonly queue?: number | undefined;
  /** How often a caller asks again where it may (idempotent, or not begun). */
  readonly retries?: number | undefined;
  readonly cache?: CachePolicy | undefined;
  /** Tags dropped from caches everywhere when it succeeds: `user:{id}`. */
  readonly invalidates?: readonly string[] | undefined;
  readonly fallback?: Fallback | undefined;
  readonly endpoints: readonly HttpEndpoint[];
  /** JSON schema, where the definition has one. */
  readonly input?: unknown;
  readonly output?: unknown;
}

export interface ServiceDescription {
  readonly name: string;
  /** Semantic. Versions live side by side. */
  readonly version: string;
  readonly about: string;
  readonly tags: readonly string[];
  /** Processes on each node that offers it. */
  readonly instances: number;
  /** One process at a time may be initialised. */
  readonly isExclusive: boolean;
  readonly hasHealth: boolean;
  /** `BALANCER_NAMES` of protocol/balance; the framework's default when left out. */
  readonly balancer?: string | undefined;
  readonly methods: Readonly<Record<string, MethodDescription>>;
}

/** Who asks, as the first node that heard of it has found out. */
export interface ServiceCaller {
  readonly kind: "outside" | "service" | "node";
  /** `users@1.2.0`, a node's id, or the subject of a token. */
  readonly name: string;
  readonly access: "none" | "read" | "operate" | "admin" | "node";
  readonly scopes: readonly string[];
}

export interface ServiceCall {
  readonly method: string;
  /** JSON text, UTF-8. */
  readonly params: Uint8Array;
  readonly caller: ServiceCaller;
  /** What is left of the caller's patience. */
  readonly timeoutMs: number;
  readonly traceparent?: string | undefined;
}

/** A call that a service makes of another one. */
export interface OutgoingServiceCall {
  /** `users`, `users@1`, `users@1.2.0`. */
  readonly service: string;
  readonly method: string;
  readonly params: Uint8Array;
  readonly timeoutMs: number;
  readonly traceparent?: string | undefined;
  /** Only instances that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** For CONSISTENT_HASH. */
  readonly key?: string | undefined;
  readonly isIdempotent?: boolean | undefined;
}
