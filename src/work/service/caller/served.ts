/** Calls of other nodes, carried out by the services of this one: what comes over links is looked at and handed on, params untouched. */
import { toFailure } from "../../../base/errors.ts";
import { isUnsampled, NO_TRACER, type Tracer } from "../../../base/trace.ts";
import type { LinkHandlers, TopicHandler } from "../../../wire/link/index.ts";
import type { Invocation, LocalPort } from "../words/index.ts";
import { writeItems } from "./items.ts";
import { CALL_TOPIC, readCall, STREAM_TOPIC } from "./payload.ts";

export interface ServedCounts {
  readonly calls: number;
  readonly streams: number;
}

/** As the callee of anybody: each call in a span of its own, where spans are made. */
export class Callee {
  readonly #local: LocalPort;
  readonly #tracer: Tracer;

  constructor(local: LocalPort, tracer: Tracer = NO_TRACER) {
    this.#local = local;
    this.#tracer = tracer;
  }

  call(invocation: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const isTraced = this.#tracer.isEnabled && !isUnsampled(invocation.traceparent);
    return isTraced ? this.#traced(invocation, signal) : this.#local.call(invocation, signal);
  }

  async *stream(invocation: Invocation, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const span = this.#start(invocation);
    try {
      yield* this.#local.stream({ ...invocation, traceparent: span.traceparent }, signal);
    } catch (thrown) {
      span.fail(thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }

  async #traced(invocation: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const span = this.#start(invocation);
    try {
      return await this.#local.call({ ...invocation, traceparent: span.traceparent }, signal);
    } catch (thrown) {
      span.fail(thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }

  #start({ caller, method, service, traceparent, version }: Invocation) {
    return this.#tracer.start(`${service}.${method}`, {
      parent: traceparent,
      kind: "server",
      attributes: {
        "rpc.system": "distributed_system",
        "rpc.service": `${service}@${version}`,
        "rpc.method": method,
        "rpc.caller": caller.name,
      },
    });
  }
}

/** For the links of this node. */
export class ServedCalls {
  readonly handlers: LinkHandlers;
  #calls = 0;
  #streams = 0;

  constructor(callee: Callee) {
    const call: TopicHandler = {
      request: (payload, context) => {
        const invocation = readCall(payload, context.peer.id, context.traceparent);
        this.#calls++;
        // A signal is made when it is asked for: few callers can give up before their deadline.
        return callee.call(invocation, invocation.isWatched ? context.signal : undefined).catch(fail);
      },
    };
    const stream: TopicHandler = {
      stream: async (bytes, payload, context) => {
        const invocation = readCall(payload, context.peer.id, context.traceparent);
        this.#streams++;
        await writeItems(callee.stream(invocation, bytes.signal), bytes);
      },
    };
    this.handlers = { [CALL_TOPIC]: call, [STREAM_TOPIC]: stream };
  }

  counts(): ServedCounts {
    return { calls: this.#calls, streams: this.#streams };
  }
}

/** A link would take for its own what is thrown without a code. */
function fail(thrown: unknown): never {
  throw toFailure(thrown, "service.failed");
}
