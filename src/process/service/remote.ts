/** How a handler calls other services: what `ctx.services.users.get(…)` and its like turn into. */
import { Failure } from "../../base/errors.ts";
import {
  type CallOptions,
  durationMs,
  type RemoteService,
  type RemoteServices,
  type UnaryCallOptions,
} from "../../sdk/service/index.ts";
import { jsonText } from "./results.ts";

/** Head of a request for another service, as JSON. */
export interface OutgoingHead {
  readonly service: string;
  readonly method: string;
  readonly tags?: readonly string[] | undefined;
  readonly key?: string | undefined;
  readonly idempotent?: boolean | undefined;
}

export interface RemoteCall {
  readonly what: string;
  readonly head: OutgoingHead;
  readonly params: string;
  /** Undefined: as long as the caller's own time lasts. */
  readonly timeoutMs: number | undefined;
}

export function remoteCall(service: string, method: string, params: unknown, options: CallOptions = {}): RemoteCall {
  const { idempotent, key, tags, timeout, version } = options;
  const name = version === undefined ? service : `${service}@${version}`;
  const what = `${name}.${method}`;
  const timeoutMs = timeout === undefined ? undefined : durationMs(timeout);
  if (timeout !== undefined && timeoutMs === undefined)
    throw new Failure("rpc.invalid_input", `calling ${what}: timeout ${String(timeout)} is no duration such as 500ms`);
  return {
    what,
    timeoutMs,
    params: params === undefined ? "" : jsonText(what, params, "rpc.invalid_input"),
    head: { service: name, method, tags, key, idempotent },
  };
}

/** `users.list`, `users@1.2.0.list`: the method stands behind the last point. */
export function splitTarget(target: string): readonly [service: string, method: string] {
  const at = target.lastIndexOf(".");
  if (at > 0 && at < target.length - 1) return [target.slice(0, at), target.slice(at + 1)];
  throw new Failure("rpc.invalid_input", `${JSON.stringify(target)} names no method; service.method is required`);
}

export type CallRemote = (call: RemoteCall) => Promise<unknown>;

/** Objects whose every name is a service, and whose every name is a method. */
export function remoteServices(call: CallRemote): RemoteServices {
  return namesOf((service) => remoteService(service, call)) as RemoteServices;
}

function remoteService(service: string, call: CallRemote): RemoteService {
  return namesOf((method) => async (params?: unknown, options: UnaryCallOptions = {}) => {
    try {
      return await call(remoteCall(service, method, params, options));
    } catch (thrown) {
      return fallbackFor(thrown, options);
    }
  }) as RemoteService;
}

/** What was wrong with the question stays wrong; for everything else there may be something to go on with. */
function fallbackFor(thrown: unknown, options: UnaryCallOptions): unknown {
  const isAskedWrongly = thrown instanceof Failure && thrown.code === "rpc.invalid_input";
  if (isAskedWrongly || !("fallback" in options)) throw thrown;
  return typeof options.fallback === "function" ? options.fallback(thrown) : options.fallback;
}

/** Symbols and `then` are asked for by the runtime, not by people. */
function namesOf(make: (name: string) => unknown): object {
  const made = new Map<string, unknown>();
  return new Proxy(Object.create(null) as object, {
    get(_target, name) {
      if (typeof name === "symbol" || name === "then") return undefined;
      const known = made.get(name);
      if (known !== undefined) return known;
      const value = make(name);
      if (made.size < NAMES_MAX) made.set(name, value);
      return value;
    },
  });
}

/** Names that are remembered: nobody calls more by name, and computed ones must not fill memory. */
const NAMES_MAX = 1_000;
