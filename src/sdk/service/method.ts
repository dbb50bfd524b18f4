/** One method of a service. The types of its params and its result are those of its schemas. */
import type { z } from "zod";
import type { CacheOptions } from "./cache.ts";
import type { Middleware } from "./middleware.ts";
import type { CallContext, Duration } from "./types.ts";

export interface MethodSettings {
  /** One line, for listings and API pages. */
  readonly about?: string;
  /** Callable from outside the cluster; other methods are for services and nodes alone. */
  readonly public?: boolean;
  /**
   * What a token needs: `read` for what only looks, `operate` for what changes something. Left out, it is `read` where all
   * endpoints are GET or answers are cached, else `operate`.
   */
  readonly access?: "read" | "operate";
  /** Asking twice does no more than asking once: it is asked again when no answer came. Left out, as with `access`. */
  readonly idempotent?: boolean;
  /** Of one call, unless the caller says less. */
  readonly timeout?: Duration;
  /** Calls at once in one process, and how many may wait for a place. */
  readonly concurrency?: number;
  readonly queue?: number;
  /** How often a caller asks again where it may. */
  readonly retries?: number;
  /** Nodes keep answers. */
  readonly cache?: CacheOptions;
  /** Tags that are dropped from caches everywhere when it succeeds: `user:{id}`. */
  readonly invalidates?: string | readonly string[];
  /** What a caller gets when it cannot be asked, or has not answered in time: a value, or what another method says to the same params. Never for a throw. */
  readonly fallback?: { readonly value: unknown } | { readonly method: string };
  /** `GET /users/:id`; params of that name get the words of the path. */
  readonly http?: string | readonly string[];
  readonly middleware?: readonly Middleware[];
}

type Schema = z.ZodType | undefined;
/** Where nothing says more, params are the object that JSON has made of them. */
type Given<Input extends Schema> = Input extends z.ZodType
  ? unknown extends z.output<Input>
    ? Record<string, unknown>
    : z.output<Input>
  : Record<string, unknown>;
type Answer<Output extends Schema> = Output extends z.ZodType ? z.input<Output> : unknown;
type Answers<Item> = AsyncIterable<Item> | Iterable<Item> | Promise<AsyncIterable<Item> | Iterable<Item>>;

export interface MethodDefinition<Input extends Schema, Output extends Schema, Stream extends boolean>
  extends MethodSettings {
  /** It gives items, which reach the caller as they come, as fast as the caller takes them. */
  readonly stream?: Stream;
  readonly input?: Input;
  /** Of the result, or of one item. */
  readonly output?: Output;
  readonly handler: (
    params: Given<Input>,
    context: CallContext,
  ) => Stream extends true ? Answers<Answer<Output>> : Answer<Output> | Promise<Answer<Output>>;
}

/** What the host sees of a method. */
export interface AnyMethod extends MethodSettings {
  readonly stream?: boolean;
  readonly input?: z.ZodType | undefined;
  readonly output?: z.ZodType | undefined;
  readonly handler: (params: never, context: CallContext) => unknown;
}

/** Infers the types; the definition stays what it was. */
export function method<
  Input extends Schema = undefined,
  Output extends Schema = undefined,
  const Stream extends boolean = false,
>(definition: MethodDefinition<Input, Output, Stream>): MethodDefinition<Input, Output, Stream> {
  return definition;
}
