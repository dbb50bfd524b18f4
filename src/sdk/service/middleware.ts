/**
 * Middleware stands around a method: those of the service first, then the method's own, in the order in which they are written.
 * It sees the params as they came; the method's schema looks at what the last one passes on.
 */
import type { CallContext } from "./types.ts";

export interface MiddlewareCall {
  readonly service: string;
  readonly method: string;
  /** Nobody has looked at them yet. */
  readonly params: unknown;
  readonly context: CallContext;
}

/** Goes on, with other params where some are given. Of a method that streams it gives the iterable. */
export type Next = (params?: unknown) => Promise<unknown>;

/** What it returns is the answer; what it throws is the failure. Not to call `next` is to answer alone. */
export type Middleware = (call: MiddlewareCall, next: Next) => unknown;

export type Innermost = (params: unknown, context: CallContext) => unknown;
export type Chain = (call: MiddlewareCall) => unknown;

/** One function out of all of them. */
export function compose(middleware: readonly Middleware[], innermost: Innermost): Chain {
  return middleware.reduceRight<Chain>(
    (inner, outer) => (call) => outer(call, async (params) => inner(params === undefined ? call : { ...call, params })),
    (call) => innermost(call.params, call.context),
  );
}
