/**
 * One method at work in its process: a place in its bulkhead, middleware, the schema, the handler, and its result as text. The
 * place is given back when the handler has ended, not when its caller has stopped waiting.
 */
import { Failure } from "../../base/errors.ts";
import { type AnyMethod, type CallContext, type Chain, compose, type Middleware } from "../../sdk/service/index.ts";
import { Bulkhead } from "./bulkhead.ts";
import type { RequestContext } from "./contexts.ts";
import type { Incoming } from "./incoming.ts";
import { parseParams } from "./params.ts";
import { jsonText } from "./results.ts";
import { SchemaCheck } from "./schema-check.ts";
import { describeThrown } from "./thrown.ts";

/** The code of what a handler has thrown that is no failure of its own. */
const UNMEANT = "service.failed";

export interface RunnerParts {
  readonly service: string;
  readonly name: string;
  readonly settings: AnyMethod;
  readonly around: readonly Middleware[];
  /** Another word each time, by which a failure is found in the log. */
  nameFailure(): string;
}

export class MethodRunner {
  readonly isStream: boolean;
  readonly #service: string;
  readonly #name: string;
  readonly #what: string;
  readonly #chain: Chain;
  readonly #output: SchemaCheck | undefined;
  readonly #bulkhead: Bulkhead | undefined;
  readonly #nameFailure: () => string;

  constructor({ around, name, nameFailure, service, settings: method }: RunnerParts) {
    this.#service = service;
    this.#name = name;
    this.#what = `${service}.${name}`;
    this.#nameFailure = nameFailure;
    this.isStream = method.stream === true;
    this.#chain = compose([...around, ...(method.middleware ?? [])], innermostOf(this.#what, method));
    const { concurrency, output, queue = 0 } = method;
    if (output !== undefined)
      this.#output = new SchemaCheck(output, "service.bad_result", `the result of ${this.#what} is wrong`);
    if (concurrency !== undefined) this.#bulkhead = new Bulkhead(this.#what, concurrency, queue);
  }

  /** Never fails: the caller hears of it. */
  async run(request: Incoming, context: RequestContext): Promise<void> {
    let hasPlace = false;
    try {
      const place = this.#bulkhead?.enter(() => request.signal);
      hasPlace = place === undefined || (await place);
      if (hasPlace) await this.#answer(request, context);
    } catch (thrown) {
      request.fail(hasPlace ? this.#told(describeThrown(thrown, UNMEANT), context) : thrown);
    } finally {
      if (hasPlace) this.#bulkhead?.leave();
    }
  }

  async #answer(request: Incoming, context: RequestContext): Promise<void> {
    const params = parseParams(this.#what, request.parts.body);
    let result = this.#chain({ service: this.#service, method: this.#name, params, context });
    if (isPromise(result)) result = await result;
    if (this.isStream) return request.write(this.#iterable(result), (item) => this.#text(item));
    const text = this.#text(result);
    request.answer(typeof text === "string" ? text : await text);
  }

  /** What nobody meant to say may name files, addresses, passwords: outside only those hear of it who may read the log anyway. */
  #told(failure: Failure, { caller, log }: RequestContext): Failure {
    if (failure.code !== UNMEANT || caller.kind !== "outside" || caller.access === "admin") return failure;
    const id = this.#nameFailure();
    log.error(`${this.#name} failed: ${failure.message} (failure ${id})`);
    return new Failure(UNMEANT, `${this.#what} failed; the log of its service says why (failure ${id})`, {
      retryable: failure.retryable,
      data: { failure: id },
    });
  }

  #text(value: unknown): string | Promise<string> {
    const checked = this.#output === undefined ? value : this.#output.check(value);
    return checked instanceof Promise
      ? checked.then((each) => jsonText(this.#what, each))
      : jsonText(this.#what, checked);
  }

  #iterable(result: unknown): AsyncIterable<unknown> | Iterable<unknown> {
    const isOne =
      typeof result === "object" && result !== null && (Symbol.asyncIterator in result || Symbol.iterator in result);
    if (isOne) return result as AsyncIterable<unknown>; // or an iterable, as was looked at
    throw new Failure("service.bad_result", `${this.#what} streams, and its handler gave nothing to iterate over`);
  }
}

/** The handler behind its schema. */
function innermostOf(what: string, { handler, input }: AnyMethod): (params: unknown, context: CallContext) => unknown {
  const handle = handler as (params: unknown, context: CallContext) => unknown; // its schema has made the params what it takes
  if (input === undefined) return handle;
  const schema = new SchemaCheck(input, "rpc.invalid_input", `the input of ${what} is wrong`);
  return (params, context) => {
    const checked = schema.check(params);
    return checked instanceof Promise ? checked.then((each) => handle(each, context)) : handle(checked, context);
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
