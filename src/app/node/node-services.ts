/** The services of the cluster as a program with a node calls them: JSON in, JSON out, wherever they run. */
import { Failure } from "../../base/errors.ts";
import type { BroadcastAnswer, ServicePlace } from "../../process/service/index.ts";
import type { DoorCall, ServiceDoor } from "../../work/service/words/index.ts";

export interface ServiceCallOptions {
  /** Ten seconds unless told otherwise. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Only instances that have all of these tags. */
  readonly tags?: readonly string[];
  /** For services that are balanced by CONSISTENT_HASH. */
  readonly key?: string;
  /** It may be asked twice although its definition does not say so. */
  readonly idempotent?: boolean;
  /** W3C trace context. */
  readonly traceparent?: string;
}

export interface NodeServicesClient {
  /** `users.get`, `users@1.get`, `users@1.2.0.get`. Fails as the method does, and with `service.…` when it cannot be asked. */
  call(method: string, params?: unknown, options?: ServiceCallOptions): Promise<unknown>;
  stream(method: string, params?: unknown, options?: ServiceCallOptions): AsyncIterable<unknown>;
  /** To every node that offers it. */
  broadcast(method: string, params?: unknown, options?: ServiceCallOptions): Promise<readonly BroadcastAnswer[]>;
  discover(query?: { readonly service?: string; readonly tags?: readonly string[] }): readonly ServicePlace[];
}

const TIMEOUT_MS = 10_000;

/** `self` is the node's id: services are told who asks. */
export function servicesClient(door: ServiceDoor, self: string): NodeServicesClient {
  const caller = { kind: "node", name: self, access: "node", scopes: [] } as const;
  const callOf = (name: string, params: unknown, options: ServiceCallOptions = {}): DoorCall => {
    const { idempotent, timeoutMs = TIMEOUT_MS, ...more } = options;
    const text = JSON.stringify(params ?? {});
    return { ...more, ...named(name), params: Buffer.from(text), caller, timeoutMs, isIdempotent: idempotent };
  };
  return {
    call: async (name, params, options) => read(await door.call(callOf(name, params, options))),
    async *stream(name, params, options) {
      for await (const item of door.stream(callOf(name, params, options))) yield read(item);
    },
    broadcast: (name, params, options) => door.broadcast(callOf(name, params, options)),
    discover: (query = {}) => door.discover(query),
  };
}

function named(name: string): { readonly service: string; readonly method: string } {
  const at = name.lastIndexOf(".");
  if (at > 0 && at < name.length - 1) return { service: name.slice(0, at), method: name.slice(at + 1) };
  throw new Failure("service.bad_name", `a call names ${JSON.stringify(name)}; SERVICE.METHOD is required`);
}

function read(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
