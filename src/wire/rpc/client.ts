/**
 * The calling side of a contract: a function per method, with the contract's types. Every call has a deadline. What comes
 * back is put to the schema, for the other side may be of another version; a failure comes back as the Failure it was.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Contract, InputOf, Methods, OutputOf } from "./contract.ts";
import type { Reply } from "./dispatcher.ts";
import { faultsFailure } from "./failures.ts";
import { TIMEOUT_MS_MAX } from "./limits.ts";
import { traceparentOf } from "./trace.ts";

/** People and programs wait that long for an answer unless they say otherwise. */
export const CLIENT_TIMEOUT_MS = 30_000;

export interface CallOptions {
  /** At most an hour; no number at all is `rpc.bad_request`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Of W3C trace context; what does not have its form is left out. */
  readonly traceparent?: string;
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
  /** The call is to end when it aborts. Left out by callers that never give up, towards transports that keep deadlines. */
  readonly signal: AbortSignal | undefined;
  readonly traceparent?: string | undefined;
}

/** Carries a call there and the reply back; throws a Failure when there is no reply. */
export interface Transport {
  (call: OutgoingCall): Promise<Reply>;
  /** It ends each call at its deadline by itself, with `rpc.deadline_exceeded`: a timer and a signal for each would cost more. */
  readonly keepsDeadlines?: boolean;
}

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
  contract: Contract,
  method: string,
  input: unknown,
  transport: Transport,
  { clock, signal, timeoutMs: span = CLIENT_TIMEOUT_MS, traceparent: trace }: ClientOptions & CallOptions,
): Promise<unknown> {
  const { name, version, methods } = contract;
  const timeoutMs = spanOf(`${name}.${method}`, span);
  const traceparent = traceparentOf(trace);
  const call = { contract: name, method, version, input, timeoutMs, signal, traceparent };
  const carried = transport.keepsDeadlines ? carriedByItself(call, transport) : carriedInTime(call, transport, clock);
  const reply = await carried;
  if (!reply.ok) throw reply.failure;
  const result = methods[method]!.output.safeParse(reply.output);
  if (result.success) return result.data;
  throw faultsFailure("rpc.bad_response", `answer of ${name}.${method}`, result.error);
}

/** A timer for longer than its clock can count would ring at once. */
function spanOf(title: string, timeoutMs: number): number {
  if (typeof timeoutMs === "number" && !Number.isNaN(timeoutMs)) {
    return Math.min(Math.max(0, timeoutMs), TIMEOUT_MS_MAX);
  }
  throw new Failure("rpc.bad_request", `${title}: timeoutMs is ${String(timeoutMs)}; a number is required`);
}

async function carriedByItself(call: OutgoingCall, transport: Transport): Promise<Reply> {
  try {
    return await transport(call);
  } catch (thrown) {
    throw call.signal?.aborted ? givenUp(call) : thrown;
  }
}

async function carriedInTime(call: OutgoingCall, transport: Transport, clock: Clock): Promise<Reply> {
  const { timeoutMs, signal } = call;
  const end = new AbortController();
  const timer = clock.after(timeoutMs, () => end.abort(late(call)));
  try {
    return await transport({ ...call, signal: signal ? AbortSignal.any([signal, end.signal]) : end.signal });
  } catch (thrown) {
    if (end.signal.aborted) throw end.signal.reason;
    throw signal?.aborted ? givenUp(call) : thrown;
  } finally {
    timer.cancel();
  }
}

function late({ contract, method, timeoutMs }: OutgoingCall): Failure {
  return new Failure("rpc.deadline_exceeded", `${contract}.${method}: no answer within ${timeoutMs} ms`);
}

function givenUp({ contract, method, signal }: OutgoingCall): Failure {
  return new Failure("rpc.cancelled", `${contract}.${method}: given up`, { cause: signal?.reason });
}
