/** The ports between the parts of the service framework, and what nodes tell each other of their services. */
import type {
  BroadcastAnswer,
  HttpEndpoint,
  OutgoingServiceCall,
  ServiceCall,
  ServiceCaller,
  ServiceDescription,
  ServicePlace,
} from "../../../process/service/index.ts";

/** A version of a service on one node. */
export interface ServiceOffer {
  readonly description: ServiceDescription;
  /** Processes that take calls now; a service with none is known and not called. */
  readonly healthy: number;
}

/** All that one node offers; a higher revision of the same instance replaces a lower one. */
export interface NodeOffers {
  readonly node: string;
  /** Another one in each life of the node's process. */
  readonly instance: string;
  readonly revision: number;
  readonly services: readonly ServiceOffer[];
}

/** A call of exactly this version, on this node. */
export interface Invocation extends ServiceCall {
  readonly service: string;
  readonly version: string;
}

/**
 * The services of this node. Failures: `service.unavailable` (retryable, nothing has begun: another instance may take it at once),
 * `service.exited` (retryable, it may have begun: only an idempotent method is asked again), `service.overloaded` (retryable, not
 * begun), `service.not_found` (no such service, version or method here), `rpc.forbidden`, `rpc.invalid_input`, `rpc.deadline_exceeded`,
 * `rpc.cancelled`, and whatever the method itself threw.
 */
export interface LocalPort {
  offers(): readonly ServiceOffer[];
  /** Told after each change of what `offers` gives; the function given back ends that. */
  onChange(hear: () => void): () => void;
  /** The JSON text of its result. */
  call(invocation: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array>;
  /** The JSON text of each item. Ending the iteration ends the method. */
  stream(invocation: Invocation, signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
}

export interface DoorCall extends OutgoingServiceCall {
  readonly caller: ServiceCaller;
  readonly signal?: AbortSignal | undefined;
}

export interface FoundEndpoint {
  readonly service: string;
  readonly version: string;
  readonly method: string;
  readonly endpoint: HttpEndpoint;
}

/** The services of the whole cluster, as one can call them from this node. */
export interface ServiceDoor {
  call(call: DoorCall): Promise<Uint8Array>;
  stream(call: DoorCall): AsyncIterable<Uint8Array>;
  /** To every node that offers it; each answers for itself. */
  broadcast(call: DoorCall): Promise<readonly BroadcastAnswer[]>;
  discover(query: {
    readonly service?: string | undefined;
    readonly tags?: readonly string[] | undefined;
  }): readonly ServicePlace[];
  /** The version that a call of `users`, `users@1` or `users@1.2.0` would reach: the highest that fits and is healthy, else the highest. */
  find(service: string): ServiceDescription | undefined;
  /** Every version of every service that is known, once. */
  list(): readonly ServiceDescription[];
  /** HTTP endpoints of the highest healthy versions. */
  endpoints(): readonly FoundEndpoint[];
  /** Changes whenever `list` or `endpoints` would give something else. */
  readonly revision: number;
}
