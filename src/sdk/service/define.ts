/** The definition of a service: a module's default export, made by `defineService`. */
import type { z } from "zod";
import type { AnyMethod } from "./method.ts";
import type { Middleware } from "./middleware.ts";
import type { CallContext, ServiceContext, UnaryCallOptions } from "./types.ts";

/** Version of this contract. The host refuses a definition made for another. */
export const SERVICE_API_VERSION = 1;

/** A function alone is a method for services and nodes, with whatever params they pass. */
export type BareMethod = (params: never, context: CallContext) => unknown;

export interface ServiceDefinition {
  /** `users`: 1 to 64 letters, digits, `_` and `-`, with a lower-case letter first. */
  readonly name: string;
  /** Semantic. Versions live side by side. */
  readonly version: string;
  readonly about?: string;
  /** Callers can ask for instances that have them. */
  readonly tags?: readonly string[];
  readonly methods: Readonly<Record<string, AnyMethod | BareMethod>>;
  /** Once, before the first call. May throw to refuse to start. */
  init?(context: ServiceContext): void | Promise<void>;
  /** Once, after the last call; not after a crash. */
  cleanup?(context: ServiceContext): void | Promise<void>;
  /** Asked every few seconds: a throw, or no answer, several times in a row replaces the process. Without it, only no answer does. */
  health?(context: ServiceContext): void | Promise<void>;
  /** Around every method, in this order. */
  readonly middleware?: readonly Middleware[];
  /** Processes on each node; 1 when left out. */
  readonly instances?: number;
  /** Only one process at a time may be initialised: it holds a port, a lock, a file with one writer. */
  readonly exclusive?: boolean;
  /** How callers choose among instances: `ROUND_ROBIN`, `LEAST_CONNECTIONS`, … */
  readonly balancer?: string;
}

/** What the host sees: the definition with the contract's version. */
export type ServicePackage<D extends ServiceDefinition = ServiceDefinition> = D & { readonly serviceApi: number };

/** Checks types at compile time and stamps the contract's version; the host validates again when it loads the file. */
export function defineService<const D extends ServiceDefinition>(definition: D): ServicePackage<D> {
  return { ...definition, serviceApi: SERVICE_API_VERSION };
}

/** What a caller passes: fields with a default may be left out. */
type ParamsOf<M> = M extends { readonly input?: infer I; readonly handler: unknown }
  ? Exclude<I, undefined> extends infer S extends z.ZodType
    ? z.input<S>
    : unknown
  : M extends (params: infer P, context: CallContext) => unknown
    ? P
    : unknown;
type ResultOf<M> = M extends { readonly output?: infer O; readonly handler: unknown }
  ? Exclude<O, undefined> extends infer S extends z.ZodType
    ? z.output<S>
    : unknown
  : M extends (params: never, context: CallContext) => infer R
    ? Awaited<R>
    : unknown;

/** Types for calls of a service whose definition is at hand: `ctx.services.users as ServiceClient<typeof users>`. */
export type ServiceClient<S extends ServiceDefinition> = {
  readonly [M in keyof S["methods"]]: (
    params?: ParamsOf<S["methods"][M]>,
    options?: UnaryCallOptions,
  ) => Promise<ResultOf<S["methods"][M]>>;
};
