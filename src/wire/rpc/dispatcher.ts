/**
 * Carries out calls, whatever way they came: finds the method, checks who asks, puts input and output to their schemas,
 * ends what takes too long. Each call is answered, with an output or a Failure; nothing that a caller sends makes it throw.
 * It knows no HTTP and no sockets.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { type Caller, mayCall } from "./caller.ts";
import type { Contract, Method } from "./contract.ts";
import { faultsFailure } from "./failures.ts";
import { CALLS_MAX, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX } from "./limits.ts";
import type { Handler, Service } from "./service.ts";

export interface Call {
  readonly contract: string;
  readonly method: string;
  /** The caller's version of the contract; left out by callers that do not care. */
  readonly version?: number | undefined;
  readonly input: unknown;
  readonly caller: Caller;
  readonly timeoutMs?: number | undefined;
  /** The caller has gone. */
  readonly signal?: AbortSignal | undefined;
}

export type Reply = { readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly failure: Failure };

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly callsMax?: number;
  /** Hears of defects: whatever a method threw that is no Failure, with its stack. Callers get the message only. */
  readonly report?: (what: string, thrown: unknown) => void;
}

interface Target {
  readonly title: string;
  readonly method: Method;
  readonly handler: Handler;
}

export class Dispatcher {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #options: DispatcherOptions;
  #underWay = 0;

  constructor(services: readonly Service[], options: DispatcherOptions) {
    this.#services = new Map(services.map((service) => [service.contract.name, service]));
    this.#options = options;
  }

  get contracts(): readonly Contract[] {
    return [...this.#services.values()].map(({ contract }) => contract);
  }

  /** Calls that are being carried out, those included whose callers no longer wait. */
  get underWay(): number {
    return this.#underWay;
  }

  async call(call: Call): Promise<Reply> {
    try {
      const target = this.#find(call);
      const input = check(target.method.input, call.input, "rpc.invalid_input", `input of ${target.title}`);
      const output = await this.#carryOut(target, input, call);
      return { ok: true, output: check(target.method.output, output, "rpc.defect", `output of ${target.title}`) };
    } catch (thrown) {
      return { ok: false, failure: this.#asFailure(thrown, `${call.contract}.${call.method}`) };
    }
  }

  #find({ contract: name, method: methodName, version, caller }: Call): Target {
    const service = this.#services.get(name);
    if (!service) throw unknown("rpc.unknown_contract", `contract ${quoted(name)}`, [...this.#services.keys()]);
    const { contract, handlers } = service;
    const method = Object.hasOwn(contract.methods, methodName) ? contract.methods[methodName]! : undefined;
    if (!method) {
      throw unknown("rpc.unknown_method", `method ${quoted(methodName)} of ${name}`, Object.keys(contract.methods));
    }
    const title = `${name}.${methodName}`;
    if (version !== undefined && version !== contract.version) {
      const message = `${title} was called as version ${version}; this is version ${contract.version} of ${name}`;
      throw new Failure("rpc.wrong_version", message, { data: { version: contract.version } });
    }
    if (!mayCall(caller, method.access)) {
      throw new Failure("rpc.forbidden", `${caller.name} may ${caller.access}; ${title} needs ${method.access}`);
    }
    return { title, method, handler: (input, context) => handlers[methodName]!(input, context) };
  }

  /** The method goes on when its deadline passes and it does not listen; it counts as under way until it ends. */
  async #carryOut({ title, handler }: Target, input: unknown, call: Call): Promise<unknown> {
    const { clock, callsMax = CALLS_MAX } = this.#options;
    if (this.#underWay >= callsMax) {
      throw new Failure("rpc.busy", `${title}: ${callsMax} calls are under way, no more are taken`, {
        retryable: true,
      });
    }
    const timeoutMs = Math.min(call.timeoutMs ?? TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX);
    const end = new AbortController();
    const late = () => new Failure("rpc.deadline_exceeded", `${title}: not done within ${timeoutMs} ms`);
    const left = (): void => end.abort(new Failure("rpc.cancelled", `${title}: the caller has gone`));
    if (call.signal?.aborted) left();
    if (timeoutMs <= 0) end.abort(late());
    end.signal.throwIfAborted();
    const timer = clock.after(timeoutMs, () => end.abort(late()));
    call.signal?.addEventListener("abort", left, { once: true });
    this.#underWay++;
    const work = Promise.try(handler, input, { caller: call.caller, signal: end.signal });
    work.catch(() => {}).finally(() => this.#underWay--); // whoever still waits hears of the failure through the race
    try {
      return await Promise.race([work, aborted(end.signal)]);
    } finally {
      timer.cancel();
      call.signal?.removeEventListener("abort", left);
    }
  }

  #asFailure(thrown: unknown, title: string): Failure {
    if (thrown instanceof Failure && thrown.code !== "rpc.defect") return thrown;
    this.#options.report?.(title, thrown);
    if (thrown instanceof Failure) return thrown;
    return new Failure("rpc.defect", `${title} failed by a defect: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** A value beyond what the schema's own recursion stands is refused like any other that does not fit. */
function check(schema: Method["input"], value: unknown, code: string, what: string): unknown {
  let result: ReturnType<typeof schema.safeParse>;
  try {
    result = schema.safeParse(value);
  } catch (thrown) {
    throw new Failure(code, `${what}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (result.success) return result.data;
  throw faultsFailure(code, what, result.error);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

function unknown(code: string, what: string, known: readonly string[]): Failure {
  const message = `there is no ${what}; there ${known.length === 1 ? "is" : "are"} ${known.join(", ") || "none"}`;
  return new Failure(code, message, { data: { known } });
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
