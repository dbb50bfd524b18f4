/**
 * The calling side of a contract: a function per method, with the contract's types. Every call has a deadline. What comes
 * back is put to the schema, for the other side may be of another version; a failure comes back as the Failure it was.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Contract, InputOf, Methods, OutputOf } from "./contract.ts";
import type { Reply } from "./dispatcher.ts";
import { faultsFailure } from "./failures.ts";

/** People and programs wait that long for an answer unless they say otherwise. */
export const CLIENT_TIMEOUT_MS = 30_000;

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type Client<M extends Methods> = {
  readonly [Name in keyof M]: (input: InputOf<M[Name]>, options?: CallOptions) => Promise<OutputOf<M[Name]>>;
};

/** A call on its way. */
export interface OutgoingCall {
  readonly contract: string;
  readonly method: string;
  readonly version: number;
  readonly input: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Carries a call there and the reply back; throws a Failure when there is no reply. */
export type Transport = (call: OutgoingCall) => Promise<Reply>;

export interface ClientOptions {
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

export function createClient<M extends Methods>(
  contract: Contract<M>,
  transport: Transport,
  options: ClientOptions,
): Client<M> {
  const names = Object.keys(contract.methods);
  const call =
    (method: string) =>
    (input: unknown, each: CallOptions = {}) =>
      callMethod(contract, method, input, transport, { ...options, ...each });
  return Object.fromEntries(names.map((name) => [name, call(name)])) as Client<M>; // one per method, by its name
}

async function callMethod(
  { name: contract, version, methods }: Contract,
  method: string,
  input: unknown,
  transport: Transport,
  { clock, signal, timeoutMs = CLIENT_TIMEOUT_MS }: ClientOptions & CallOptions,
): Promise<unknown> {
  const title = `${contract}.${method}`;
  const late = new Failure("rpc.deadline_exceeded", `${title}: no answer within ${timeoutMs} ms`);
  const end = new AbortController();
  const timer = clock.after(timeoutMs, () => end.abort(late));
  const signals = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
  try {
    const reply = await transport({ contract, method, version, input, timeoutMs, signal: signals });
    if (!reply.ok) throw reply.failure;
    const result = methods[method]!.output.safeParse(reply.output);
    if (result.success) return result.data;
    throw faultsFailure("rpc.bad_response", `answer of ${title}`, result.error);
  } catch (thrown) {
    if (end.signal.aborted) throw late;
    if (signal?.aborted) throw new Failure("rpc.cancelled", `${title}: given up`, { cause: signal.reason });
    throw thrown;
  } finally {
    timer.cancel();
  }
}
