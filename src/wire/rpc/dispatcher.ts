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
import type { CallContext, Handler, Service } from "./service.ts";
import { traceparentOf } from "./trace.ts";

export interface Call {
  readonly contract: string;
  readonly method: string;
  /** The caller's version of the contract; left out by callers that do not care. */
  readonly version?: number | undefined;
  readonly input: unknown;
  readonly caller: Caller;
  readonly timeoutMs?: number | undefined;
  /** Dropped unless it has the form of W3C trace context. */
  readonly traceparent?: string | undefined;
  /** The caller has gone. As a function where it is made on demand, and the way in itself drops answers that nobody awaits. */
  readonly signal?: AbortSignal | (() => AbortSignal) | undefined;
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
    const late = () => new Failure("rpc.deadline_exceeded", `${title}: not done within ${timeoutMs} ms`);
    if (timeoutMs <= 0) throw late();
    const waiting = new Waiting(call, title);
    try {
      waiting.requireCaller();
      const given = handler(input, waiting);
      if (!isThenable(given)) return given;
      const timer = clock.after(timeoutMs, () => waiting.end(late()));
      try {
        return await waiting.outcome(this.#counted(Promise.resolve(given)));
      } finally {
        timer.cancel();
      }
    } finally {
      waiting.release();
    }
  }

  #counted(work: Promise<unknown>): Promise<unknown> {
    this.#underWay++;
    work.catch(() => {}).finally(() => this.#underWay--); // whoever still waits hears of the failure otherwise
    return work;
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

/** What a method hears of its caller. Most are done before they ask for the signal, so it is made when they do. */
class Waiting implements CallContext {
  readonly caller: Caller;
  readonly #call: Call;
  readonly #title: string;
  #controller: AbortController | undefined;
  #reason: Failure | undefined;
  #reject: ((reason: Failure) => void) | undefined;
  #heard: AbortSignal | undefined;

  constructor(call: Call, title: string) {
    this.caller = call.caller;
    this.#call = call;
    this.#title = title;
  }

  get traceparent(): string | undefined {
    return traceparentOf(this.#call.traceparent);
  }

  get signal(): AbortSignal {
    this.#listen();
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  requireCaller(): void {
    if (typeof this.#call.signal !== "function") this.#listen();
    if (this.#reason) throw this.#reason;
  }

  end(reason: Failure): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }

  /** The result, or the reason why nobody waits for it any longer. */
  outcome(result: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      result.then(resolve, reject);
      if (this.#reason) reject(this.#reason);
    });
  }

  release(): void {
    this.#heard?.removeEventListener("abort", this.#left);
  }

  readonly #left = (): void => this.end(new Failure("rpc.cancelled", `${this.#title}: the caller has gone`));

  #listen(): void {
    if (this.#heard) return;
    const { signal } = this.#call;
    this.#heard = typeof signal === "function" ? signal() : signal;
    if (this.#heard?.aborted) this.#left();
    else this.#heard?.addEventListener("abort", this.#left, { once: true });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function unknown(code: string, what: string, known: readonly string[]): Failure {
  const message = `there is no ${what}; there ${known.length === 1 ? "is" : "are"} ${known.join(", ") || "none"}`;
  return new Failure(code, message, { data: { known } });
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
