/**
 * A service contract: what can be asked of a service, with which input and output, and who may ask. Plain data, the same
 * for every way in. Types of callers and implementations are inferred from it, nothing is generated. It holds no code
 * that runs a method and knows no transport.
 */
import type { z } from "zod";
import { assert } from "../../base/errors.ts";

/**
 * `read` looks, `operate` changes something, `admin` decides who may do what, `node` is for the other nodes alone; each includes
 * those before it.
 */
export type Access = "read" | "operate" | "admin" | "node";

export interface Method<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** One line, for listings and API pages. */
  readonly about: string;
  readonly input: Input;
  readonly output: Output;
  readonly access: Access;
  /** Asking twice does no more than asking once: a caller may ask again when no answer came. */
  readonly idempotent?: boolean;
}

export type Methods = Readonly<Record<string, Method>>;

export interface Contract<M extends Methods = Methods> {
  readonly name: string;
  /** A whole number; another one means that callers of the old contract can no longer be served. */
  readonly version: number;
  readonly about: string;
  readonly methods: M;
}

/** What a caller of the method passes. */
export type InputOf<M extends Method> = z.input<M["input"]>;
/** What a caller of the method gets. */
export type OutputOf<M extends Method> = z.output<M["output"]>;

/** Names stand in URLs and in code as they are. */
const NAME = /^[a-z][a-zA-Z0-9_]{0,63}$/;

export function defineContract<const M extends Methods>(contract: Contract<M>): Contract<M> {
  const { name, version, methods } = contract;
  assert(
    Number.isSafeInteger(version) && version > 0,
    `version ${version} of contract ${name} is no whole number above 0`,
  );
  for (const each of [name, ...Object.keys(methods)])
    assert(NAME.test(each), `${each} is no name of a contract or method`);
  return contract;
}
