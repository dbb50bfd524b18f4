/** A contract with what carries it out. The types of both are tied together here, once; the dispatcher works without them. */
import type { z } from "zod";
import type { Caller } from "./caller.ts";
import type { Contract, Methods } from "./contract.ts";

export interface CallContext {
  readonly caller: Caller;
  /** Aborts at the deadline, and when the caller has gone: nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** Of W3C trace context, where the caller belongs to a trace. */
  readonly traceparent: string | undefined;
}

/** One function per method. It gets an input that fits the schema; what it gives is put to the schema as well. */
export type Implementation<M extends Methods> = {
  readonly [Name in keyof M]: (
    input: z.output<M[Name]["input"]>,
    context: CallContext,
  ) => z.input<M[Name]["output"]> | Promise<z.input<M[Name]["output"]>>;
};

export type Handler = (input: unknown, context: CallContext) => unknown;

export interface Service {
  readonly contract: Contract;
  readonly handlers: Readonly<Record<string, Handler>>;
}

export function implement<M extends Methods>(contract: Contract<M>, implementation: Implementation<M>): Service {
  // Which method an input belongs to is not known to the compiler below; the dispatcher puts it to that method's schema.
  return { contract, handlers: implementation as unknown as Readonly<Record<string, Handler>> };
}
