/**
 * One attempt at one place: by hand when it is this node, else over the link that stands. The link keeps the deadline, and no signal is
 * made where the caller has none. A span for each attempt, where spans are made.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { isUnsampled, type Span, type Tracer } from "../../../base/trace.ts";
import type { Place } from "../registry/index.ts";
import type { DoorCall, Invocation } from "../words/index.ts";
import { readItems } from "./items.ts";
import { CALL_TOPIC, STREAM_TOPIC, writeCall } from "./payload.ts";
import type { CallLink } from "./ports.ts";
import type { Callee } from "./served.ts";

export interface AttemptPorts {
  readonly clock: Clock;
  readonly callee: Callee;
  readonly tracer: Tracer;
  linkOf(node: string): CallLink | undefined;
}

export class Attempts {
  readonly #ports: AttemptPorts;

  constructor(ports: AttemptPorts) {
    this.#ports = ports;
  }

  call(place: Place, call: DoorCall, timeoutMs: number): Promise<Uint8Array> {
    const isTraced = this.#ports.tracer.isEnabled && !place.isSelf && !isUnsampled(call.traceparent);
    if (isTraced) return this.#traced(place, call, timeoutMs);
    return this.#send(place, invocationOf(place, call, timeoutMs, call.traceparent), call.signal);
  }

  /** Not begun before it is iterated. */
  async *stream(place: Place, call: DoorCall, timeoutMs: number): AsyncGenerator<Uint8Array, void, undefined> {
    const span = place.isSelf ? undefined : this.#start(place, call);
    try {
      const invocation = invocationOf(place, call, timeoutMs, span ? span.traceparent : call.traceparent);
      if (place.isSelf) yield* this.#ports.callee.stream(invocation, call.signal);
      else yield* this.#remoteItems(place, invocation, call.signal);
    } catch (thrown) {
      span?.fail(thrown);
      throw thrown;
    } finally {
      span?.end();
    }
  }

  async #traced(place: Place, call: DoorCall, timeoutMs: number): Promise<Uint8Array> {
    const span = this.#start(place, call);
    try {
      return await this.#send(place, invocationOf(place, call, timeoutMs, span.traceparent), call.signal);
    } catch (thrown) {
      span.fail(thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }

  #start({ node, offer }: Place, { method, traceparent }: DoorCall): Span {
    const { name, version } = offer.description;
    return this.#ports.tracer.start(`${name}.${method}`, {
      parent: traceparent,
      kind: "client",
      attributes: {
        "rpc.system": "distributed_system",
        "rpc.service": `${name}@${version}`,
        "rpc.method": method,
        "server.node": node,
      },
    });
  }

  #send(place: Place, invocation: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (place.isSelf) return this.#ports.callee.call(invocation, signal);
    const { timeoutMs, traceparent } = invocation;
    const link = this.#link(place);
    return link
      .request(CALL_TOPIC, writeCall(invocation, signal !== undefined), { timeoutMs, signal, traceparent })
      .then(bytesOf);
  }

  async *#remoteItems(
    place: Place,
    invocation: Invocation,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { traceparent } = invocation;
    const stream = this.#link(place).openStream(STREAM_TOPIC, writeCall(invocation, true), { signal, traceparent });
    stream.end(); // nothing more is said on it from here
    yield* readItems(stream);
  }

  /** Fails with `link.unreachable`: nothing was said. */
  #link(place: Place): CallLink {
    const link = this.#ports.linkOf(place.node);
    if (link?.isOpen) return link;
    throw new Failure("link.unreachable", "no link to it stands", { retryable: true });
  }
}

function invocationOf(
  { offer }: Place,
  { caller, method, params }: DoorCall,
  timeoutMs: number,
  traceparent: string | undefined,
): Invocation {
  const { name, version } = offer.description;
  return { service: name, version, method, params, caller, timeoutMs, traceparent };
}

function bytesOf(answer: unknown): Uint8Array {
  if (answer instanceof Uint8Array) return answer;
  throw new Failure("service.bad_answer", `the answer of a call between nodes is ${typeof answer}; bytes are required`);
}
