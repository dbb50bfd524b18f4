/** What code in a service may ask of the node that runs it, with the time and the trace of whoever asks. */

import { readTraceparent } from "../../base/trace.ts";
import type { BroadcastAnswer, CallOptions, Logger, RemoteServices, ServicePlace } from "../../sdk/service/index.ts";
import { BROADCAST, CALL, DISCOVER, INVALIDATE, LOG, STREAM } from "./frames.ts";
import { TIMEOUT_MS_DEFAULT } from "./limits.ts";
import type { Peer } from "./peer.ts";
import { type RemoteCall, remoteCall, remoteServices, splitTarget } from "./remote.ts";

/** Of whoever asks: a call under way, or the service itself. */
export interface Asker {
  /** Milliseconds; infinity where nothing says when it ends. */
  readonly leftMs: number;
  readonly signal: AbortSignal;
  readonly trace: string | undefined;
}

type Discovered = { readonly service?: string; readonly tags?: readonly string[] };
type Forgotten = { readonly tags?: readonly string[]; readonly keys?: readonly string[] };

const EMPTY = "";
const decoder = new TextDecoder();

export class Asking {
  readonly #peer: Peer;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  services(asker: Asker): RemoteServices {
    return remoteServices(async (call) => parse(await this.#ask(CALL, call, asker)));
  }

  async *stream<Item>(asker: Asker, target: string, params: unknown, options?: CallOptions): AsyncGenerator<Item> {
    const call = remoteCall(...splitTarget(target), params, options);
    for await (const item of this.#peer.askStream(asked(STREAM, call, asker))) yield parse(item) as Item; // the caller says what it is
  }

  async broadcast(
    asker: Asker,
    target: string,
    params: unknown,
    options?: CallOptions,
  ): Promise<readonly BroadcastAnswer[]> {
    const call = remoteCall(...splitTarget(target), params, options);
    return parse(await this.#ask(BROADCAST, call, asker)) as readonly BroadcastAnswer[]; // our node answers so
  }

  async discover(asker: Asker, query: Discovered = {}): Promise<readonly ServicePlace[]> {
    return parse(await this.#about(DISCOVER, "discover", query, asker)) as readonly ServicePlace[]; // our node answers so
  }

  async invalidate(asker: Asker, { keys = [], tags = [] }: Forgotten): Promise<void> {
    if (keys.length + tags.length === 0) return;
    await this.#about(INVALIDATE, "cache.invalidate", { keys, tags }, asker);
  }

  log(trace: string | undefined): Logger {
    const traceId = readTraceparent(trace)?.traceId;
    const say = (level: keyof Logger) => (message: string) =>
      this.#peer.note(LOG, JSON.stringify({ level, message: String(message), traceId }));
    return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  }

  #ask(operation: number, call: RemoteCall, asker: Asker): Promise<Uint8Array> {
    return this.#peer.ask(asked(operation, call, asker));
  }

  #about(operation: number, what: string, query: object, asker: Asker): Promise<Uint8Array> {
    const head = JSON.stringify(query);
    const timeoutMs = Math.min(asker.leftMs, TIMEOUT_MS_DEFAULT);
    return this.#peer.ask({ what, operation, head, body: EMPTY, timeoutMs, signal: asker.signal, trace: asker.trace });
  }
}

/** Never longer than the asker's own time. */
function asked(operation: number, { head, params, timeoutMs, what }: RemoteCall, { leftMs, signal, trace }: Asker) {
  const left = leftMs === Number.POSITIVE_INFINITY ? (timeoutMs ?? TIMEOUT_MS_DEFAULT) : leftMs;
  const timeLeftMs = Math.min(timeoutMs ?? left, left);
  return { what, operation, head: JSON.stringify(head), body: params, timeoutMs: timeLeftMs, signal, trace };
}

function parse(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : JSON.parse(decoder.decode(bytes));
}
