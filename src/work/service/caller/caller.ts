/**
 * The services of the whole cluster, called from this node. A call finds its version and a place by one look-up, goes there, and is
 * done; what else there is (another attempt, a pause, a fallback) happens where something failed. Another attempt is made only where the method
 * may be asked twice or certainly was not begun, while there is time, and while the service's retry budget lasts. It looks at no params
 * and no results, and checks no rights but whether the caller may know what there is: the node that carries a call out does.
 */
import { Failure } from "../../../base/errors.ts";
import { NO_TRACER } from "../../../base/trace.ts";
import type { BroadcastAnswer, ServiceDescription, ServicePlace } from "../../../process/service/index.ts";
import { type Catalogue, readSelector } from "../registry/index.ts";
import {
  type DoorCall,
  type FoundEndpoint,
  isStranger,
  methodsTold,
  refusalOfStranger,
  type ServiceDoor,
} from "../words/index.ts";
import { Asking } from "./asking.ts";
import { Attempts } from "./attempt.ts";
import { askAll, placesOf } from "./broadcast.ts";
import { deservesFallback, fallbackOf } from "./fallback.ts";
import type { Group, MethodEntry } from "./group.ts";
import { Groups } from "./groups.ts";
import { BREAKER, CALLS_IN_FLIGHT_MAX, FALLBACKS_MAX, OUTLIERS, TIMEOUT_MS_MAX } from "./limits.ts";
import { judge, type Outcome, tellable } from "./outcome.ts";
import type { CallerOptions, CallerPorts } from "./ports.ts";
import { Callee, ServedCalls, type ServedCounts } from "./served.ts";
import type { MethodCounts } from "./tally.ts";
import type { TargetCounts } from "./target.ts";

export interface CallerCounts {
  readonly methods: readonly MethodCounts[];
  readonly targets: readonly TargetCounts[];
  /** Carried out here for other nodes. */
  readonly served: ServedCounts;
}

export class ClusterServices implements ServiceDoor {
  /** For the links of this node. */
  readonly served: ServedCalls;
  readonly #ports: CallerPorts;
  readonly #catalogue: Catalogue;
  readonly #groups: Groups;
  readonly #attempts: Attempts;
  readonly #asking: Asking;

  constructor(ports: CallerPorts, options: CallerOptions = {}) {
    const { catalogue, clock, local, random, tracer = NO_TRACER } = ports;
    const { balancer, breaker = BREAKER, callsInFlightMax = CALLS_IN_FLIGHT_MAX, outliers = OUTLIERS } = options;
    const callee = new Callee(local, tracer);
    this.served = new ServedCalls(callee);
    this.#ports = ports;
    this.#catalogue = catalogue;
    this.#groups = new Groups({ catalogue, random, breaker, outliers, balancer, callsInFlightMax });
    this.#attempts = new Attempts({ clock, callee, tracer, linkOf: (node) => ports.linkOf(node) });
    this.#asking = new Asking({ clock, random, groups: this.#groups, attempts: this.#attempts });
  }

  get revision(): number {
    return this.#catalogue.revision;
  }

  call(call: DoorCall): Promise<Uint8Array> {
    return this.#call(call, 0);
  }

  async *stream(call: DoorCall): AsyncGenerator<Uint8Array, void, undefined> {
    const nowMs = this.#ports.clock.monotonic();
    const { entry, group } = this.#find(call, true, nowMs);
    const { description, tally, what } = entry;
    tally.calls++;
    let isOpen = false;
    try {
      group.service.openStream(what);
      isOpen = true;
      yield* this.#asking.stream({ call, entry, group, dueMs: nowMs + timeOf(call, description.timeoutMs) });
    } catch (thrown) {
      const failure = tellable(judge(thrown, what, "", false).failure);
      tally.fail(failure.code);
      throw failure;
    } finally {
      tally.ended++;
      if (isOpen) group.service.closeStream();
    }
  }

  async broadcast(call: DoorCall): Promise<readonly BroadcastAnswer[]> {
    const { entry, group } = this.#find(call, false, this.#ports.clock.monotonic());
    const { description, tally, what } = entry;
    const timeoutMs = timeOf(call, description.timeoutMs);
    group.service.enter(what);
    tally.calls++;
    try {
      const places = placesOf(this.#catalogue, call);
      return await askAll(places, call, async (place) => await this.#attempts.call(place, call, timeoutMs));
    } finally {
      tally.ended++;
      group.service.leave();
    }
  }

  discover(query: {
    readonly service?: string | undefined;
    readonly tags?: readonly string[] | undefined;
  }): readonly ServicePlace[] {
    return this.#catalogue.discover(query);
  }

  find(service: string): ServiceDescription | undefined {
    return this.#catalogue.route(service)?.description;
  }

  list(): readonly ServiceDescription[] {
    return this.#catalogue.list();
  }

  endpoints(): readonly FoundEndpoint[] {
    return this.#catalogue.endpoints();
  }

  counts(): CallerCounts {
    const methods = this.#groups.tallies().map((tally) => tally.counts());
    return { methods, targets: this.#groups.targets(), served: this.served.counts() };
  }

  async #call(call: DoorCall, fallbacks: number): Promise<Uint8Array> {
    const { clock } = this.#ports;
    const startMs = clock.monotonic();
    requireSeen(call);
    const group = this.#groups.find(call.service, startMs);
    if (!group) return await this.#withoutPlace(call, fallbacks, startMs);
    const entry = entryOf(group, call, false);
    const { tally, description } = entry;
    const dueMs = startMs + timeOf(call, description.timeoutMs);
    tally.calls++;
    group.service.budget.called(startMs);
    try {
      const answer = await this.#asking.call({ call, entry, group, dueMs });
      if (answer instanceof Uint8Array) return answer;
      const { failure } = answer;
      const replaced = this.#fallBack(call, entry, answer, { fallbacks, dueMs });
      if (!replaced) throw tellable(failure);
      tally.fallbacks++;
      return await replaced;
    } catch (thrown) {
      tally.fail((thrown as Failure).code); // all that is thrown here was judged, or is a fallback's failure
      throw thrown;
    } finally {
      tally.ended++;
      tally.latency.record(clock.monotonic() - startMs);
    }
  }

  /** Undefined when there is none, or too many have led here already. */
  #fallBack(
    call: DoorCall,
    { description }: Pick<MethodEntry, "description">,
    outcome: Outcome,
    { dueMs, fallbacks }: { readonly dueMs: number; readonly fallbacks: number },
  ): Promise<Uint8Array> | undefined {
    if (fallbacks >= FALLBACKS_MAX || !deservesFallback(outcome)) return undefined;
    const service = this.find(call.service)?.name ?? call.service;
    const step = fallbackOf(call, service, description, dueMs - this.#ports.clock.monotonic());
    if (!step) return undefined;
    return "bytes" in step ? Promise.resolve(step.bytes) : this.#call(step.call, fallbacks + 1);
  }

  /** It was described before it went away, and that may say what to do now. */
  async #withoutPlace(call: DoorCall, fallbacks: number, nowMs: number): Promise<Uint8Array> {
    const failure = this.#groups.missing(call, nowMs);
    const methods = this.#groups.lastKnown(call.service, nowMs)?.methods ?? {};
    const description = Object.hasOwn(methods, call.method) ? methods[call.method] : undefined;
    const outcome = judge(failure, call.method, "", false);
    const dueMs = nowMs + timeOf(call, description?.timeoutMs);
    const replaced = description && this.#fallBack(call, { description }, outcome, { fallbacks, dueMs });
    if (!replaced) throw failure;
    return await replaced;
  }

  #find(call: DoorCall, isStream: boolean, nowMs: number): { readonly group: Group; readonly entry: MethodEntry } {
    requireSeen(call);
    const group = this.#groups.find(call.service, nowMs);
    if (!group) throw this.#groups.missing(call, nowMs);
    return { group, entry: entryOf(group, call, isStream) };
  }
}

/** Fails with `rpc.forbidden` before it matters whether the method is there. */
function requireSeen({ caller, method, service }: DoorCall): void {
  const refusal = isStranger(caller)
    ? refusalOfStranger(caller, readSelector(service)?.name ?? service, method)
    : undefined;
  if (refusal) throw refusal;
}

/** Fails with `service.not_found`, and with `service.wrong_kind` where a stream is called, or a method iterated. */
function entryOf(group: Group, { caller, method, service }: DoorCall, isStream: boolean): MethodEntry {
  const entry = group.method(method);
  if (!entry) {
    const message = `calling ${service}.${method}: version ${group.description.version} has no such method`;
    throw new Failure("service.not_found", `${message}${methodsTold(caller, group.description)}`);
  }
  if (entry.description.isStream === isStream) return entry;
  const [is, required] = isStream ? ["one answer", "a call"] : ["a stream", "a stream's reader"];
  throw new Failure("service.wrong_kind", `${service}.${method} gives ${is}; ${required} is required`);
}

function timeOf({ timeoutMs }: DoorCall, ofMethodMs: number | undefined): number {
  return Math.min(timeoutMs, ofMethodMs ?? TIMEOUT_MS_MAX, TIMEOUT_MS_MAX);
}
