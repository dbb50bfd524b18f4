/** Services without processes: a local port that does what a test says, and descriptions with everything that a test does not care for. */
import { Failure } from "../../../../src/base/errors.ts";
import type { MethodDescription, ServiceDescription } from "../../../../src/process/service/index.ts";
import type { DoorCall, Invocation, LocalPort, ServiceOffer } from "../../../../src/work/service/words/index.ts";

export function methodOf(more: Partial<MethodDescription> = {}): MethodDescription {
  const access = "read" as const;
  return { about: "", isPublic: true, access, isIdempotent: false, isStream: false, endpoints: [], ...more };
}

export type Methods = Readonly<Record<string, Partial<MethodDescription>>>;

export function serviceOf(
  name: string,
  version = "1.0.0",
  methods: Methods = { get: {} },
  more: Partial<ServiceDescription> = {},
): ServiceDescription {
  const described = Object.entries(methods).map(([method, its]) => [method, methodOf(its)] as const);
  const plain = { about: "", tags: [], instances: 1, isExclusive: false, hasHealth: false };
  return { name, version, methods: Object.fromEntries(described), ...plain, ...more };
}

export function offerOf(description: ServiceDescription, healthy = 1): ServiceOffer {
  return { description, healthy };
}

export const CALLER = { kind: "node", name: "test", access: "node", scopes: [] } as const;

export function callOf(service: string, method: string, more: Partial<DoorCall> = {}): DoorCall {
  return { service, method, params: bytesOf(null), timeoutMs: 10_000, caller: CALLER, ...more };
}

export function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

export type Answer = (invocation: Invocation, signal: AbortSignal | undefined) => unknown;

/** Answers calls with what the function of its name gives; streams iterate it. Each call that was begun is noted. */
export class FakeLocal implements LocalPort {
  readonly begun: Invocation[] = [];
  readonly answers: Record<string, Answer> = {};
  #offers: readonly ServiceOffer[] = [];
  readonly #hear = new Set<() => void>();

  offers(): readonly ServiceOffer[] {
    return this.#offers;
  }

  onChange(hear: () => void): () => void {
    this.#hear.add(hear);
    return () => void this.#hear.delete(hear);
  }

  set(...offers: readonly ServiceOffer[]): void {
    this.#offers = offers;
    for (const hear of this.#hear) hear();
  }

  async call(invocation: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const answer = this.#begin(invocation);
    const value = await answer(invocation, signal);
    return value instanceof Uint8Array ? value : bytesOf(value ?? null);
  }

  async *stream(invocation: Invocation, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const answer = this.#begin(invocation);
    for await (const item of answer(invocation, signal) as AsyncIterable<unknown>)
      yield item instanceof Uint8Array ? item : bytesOf(item);
  }

  #begin(invocation: Invocation): Answer {
    const { method, service, version } = invocation;
    const offer = this.#offers.find(({ description: { name, version: its } }) => name === service && its === version);
    const begun = false;
    const what = `${service}@${version}.${method}`;
    if (!offer || offer.healthy === 0)
      throw new Failure("service.unavailable", `${what} is not here`, { retryable: true, data: { begun } });
    this.begun.push(invocation);
    return this.answers[method] ?? (() => null);
  }
}
