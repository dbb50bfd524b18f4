/**
 * The service host: the child's side. It loads one module and runs its methods, many at once. User code runs here and nowhere
 * else: whatever it does, this process is what it can break.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { type AnyMethod, type Caller, SERVICE_API_VERSION, type ServicePackage } from "../../sdk/service/index.ts";
import { provideSdk } from "../plugin/index.ts";
import { Asking } from "./asking.ts";
import { type HostFacts, LifeContext, RequestContext } from "./contexts.ts";
import { describeService } from "./describe.ts";
import { unavailable } from "./failures.ts";
import { CALL, HEALTH, HELLO, headText, helloText, LOAD, START, STOP, STREAM } from "./frames.ts";
import type { Incoming } from "./incoming.ts";
import { MethodRunner } from "./method-runner.ts";
import { Peer } from "./peer.ts";
import { openSocket, type Pipe } from "./socket.ts";
import { describeThrown, placeOf } from "./thrown.ts";

/** The control socket, as a host inherits it. */
const CONTROL_FD = 3;
/** Heads of calls that were understood: a method and a caller. Then the table begins anew. */
const HEADS_MAX = 512;

export interface LoadRequest {
  readonly file: string;
  readonly node: string;
}

/** Runs until the node says stop or goes away. `exit` ends the process. */
export async function runServiceHost(pid: number, clock: Clock, exit: (code: number) => void): Promise<void> {
  provideSdk();
  const host = new ServiceHost(clock, exit);
  await host.open(pid);
}

interface Understood {
  readonly runner: MethodRunner;
  readonly caller: Caller;
}

class ServiceHost {
  readonly #peer: Peer;
  readonly #exit: (code: number) => void;
  readonly #life = new AbortController();
  readonly #runners = new Map<string, MethodRunner>();
  readonly #understood = new Map<string, Understood>();
  #pipe: Pipe | undefined;
  #pid = 0;
  #failures = 0;
  #definition: ServicePackage | undefined;
  #facts: HostFacts | undefined;
  #context: LifeContext | undefined;
  /** `init` has returned: there is something to clean up. */
  #isStarted = false;

  constructor(clock: Clock, exit: (code: number) => void) {
    this.#exit = exit;
    this.#peer = new Peer({
      clock,
      write: (bytes) => this.#pipe?.write(bytes) ?? 0,
      serve: (request) => this.#serve(request),
      note: () => {},
      broken: () => exit(1), // our parent is the only writer of this socket
    });
  }

  async open(pid: number): Promise<void> {
    this.#pid = pid;
    this.#pipe = await openSocket(CONTROL_FD, {
      data: (bytes) => this.#peer.received(bytes),
      drained: () => this.#peer.outbox.drained(),
      closed: () => this.#exit(0),
    });
    this.#peer.note(HELLO, helloText(SERVICE_API_VERSION, pid));
    this.#peer.outbox.drained();
  }

  #serve(request: Incoming): void {
    const { operation } = request.parts;
    if (operation === CALL || operation === STREAM) return this.#call(request);
    void this.#serveRare(request).catch((thrown: unknown) => request.fail(describeThrown(thrown, "service.failed")));
  }

  #call(request: Incoming): void {
    const understood = this.#understood.get(request.parts.head) ?? this.#understand(request);
    if (understood === undefined || this.#facts === undefined) return;
    void understood.runner.run(request, new RequestContext(this.#facts, request, understood.caller));
  }

  /** A head is the method, a newline, and the caller as JSON. */
  #understand(request: Incoming): Understood | undefined {
    const head = headText(request.parts.head);
    const at = head.indexOf("\n");
    const method = head.slice(0, at);
    const runner = this.#runners.get(method);
    const isStream = request.parts.operation === STREAM;
    if (runner === undefined || runner.isStream !== isStream || at < 0) {
      const how = runner === undefined ? "has no such method" : isStream ? "does not stream it" : "streams it";
      request.fail(new Failure("service.not_found", `${method} was not called: ${this.#facts?.service.name} ${how}`));
      return undefined;
    }
    const understood = { runner, caller: JSON.parse(head.slice(at + 1)) as Caller }; // our node writes it
    if (this.#understood.size >= HEADS_MAX) this.#understood.clear();
    this.#understood.set(request.parts.head, understood);
    return understood;
  }

  async #serveRare(request: Incoming): Promise<void> {
    const { head, operation } = request.parts;
    if (operation === LOAD) request.answer(JSON.stringify(await this.#load(JSON.parse(headText(head)) as LoadRequest)));
    else if (operation === START) await this.#start(request);
    else if (operation === HEALTH) await this.#answerAfter(request, this.#definition?.health?.(this.#context!));
    else if (operation === STOP) await this.#stop(request);
    else request.fail(unavailable("the request", `operation ${operation} is unknown`));
  }

  async #load({ file, node }: LoadRequest): Promise<unknown> {
    const module = await importModule(file);
    const description = describeService(file, module.default);
    const definition = module.default as ServicePackage; // every field was looked at
    const { methods, middleware = [], name, version } = definition;
    this.#definition = definition;
    this.#facts = { node, service: { name, version }, asking: new Asking(this.#peer) };
    this.#context = new LifeContext(this.#facts, this.#life.signal);
    const nameFailure = (): string => `${this.#pid}-${++this.#failures}`;
    for (const [method, given] of Object.entries(methods)) {
      const settings: AnyMethod = typeof given === "function" ? { handler: given } : given;
      this.#runners.set(
        method,
        new MethodRunner({ service: name, name: method, settings, around: middleware, nameFailure }),
      );
    }
    return description;
  }

  async #start(request: Incoming): Promise<void> {
    try {
      await this.#definition?.init?.(this.#context!);
      this.#isStarted = true;
      request.answer("");
    } catch (thrown) {
      request.fail(describeThrown(thrown, "service.init_failed"));
    }
  }

  async #answerAfter(request: Incoming, done: void | Promise<void>): Promise<void> {
    await done;
    request.answer("");
  }

  /** The node has let the calls end. It closes the channel when it has heard of it, and that ends this process. */
  async #stop(request: Incoming): Promise<void> {
    this.#life.abort(unavailable("the call", "the service is being stopped"));
    if (!this.#isStarted || this.#facts === undefined) return request.answer("");
    const context = new LifeContext(this.#facts, new AbortController().signal); // cleaning up may take other services
    await this.#answerAfter(request, this.#definition?.cleanup?.(context));
  }
}

async function importModule(file: string): Promise<{ default?: unknown }> {
  try {
    return await import(file);
  } catch (thrown) {
    throw new Failure("service.load", `cannot load ${file}: ${describe(thrown)}`, { cause: thrown });
  }
}

function describe(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(describe).join("; ");
  const place = placeOf(thrown);
  return place ? `${messageOf(thrown)} (at ${place})` : messageOf(thrown);
}
