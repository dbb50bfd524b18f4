/**
 * One service host as the node sees it: a child process that has loaded one version of one service, and the calls that it has
 * under way. It starts, loads, calls, stops and kills; when to start another one and who gets which call is decided elsewhere.
 * What comes from the process is checked: one that does not keep to the protocol is killed with a reason.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { SERVICE_API_VERSION } from "../../sdk/service/index.ts";
import { HostChild, type HostExit } from "../plugin/index.ts";
import { CallerTexts } from "./caller-texts.ts";
import { readDescription } from "./check-description.ts";
import { exited, unavailable } from "./failures.ts";
import { CALL, HEALTH, HELLO, helloFault, LOAD, LOG, START, STOP, STREAM, TRACE_CHARS_MAX } from "./frames.ts";
import type { Incoming } from "./incoming.ts";
import { CLOSE_GRACE_MS, TIMEOUT_MS_MAX, UNREAD_BYTES_MAX } from "./limits.ts";
import { answerHost } from "./node-answers.ts";
import { type Asked, Peer } from "./peer.ts";
import type {
  LoadedService,
  ServiceHandlers,
  ServiceLoadOptions,
  ServiceLogLevel,
  ServiceLogLine,
  ServiceProcessPort,
} from "./ports.ts";
import { openSocket, type Pipe } from "./socket.ts";
import type { ServiceCall, ServiceDescription } from "./words.ts";

type State = "loading" | "loaded" | "ready" | "stopping" | "gone";

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"] satisfies ServiceLogLevel[];

export class ServiceProcess implements ServiceProcessPort {
  readonly #handlers: ServiceHandlers;
  readonly #clock: Clock;
  readonly #child: HostChild;
  readonly #peer: Peer;
  readonly #callers = new CallerTexts();
  readonly #greeting = Promise.withResolvers<void>();
  #state: State = "loading";
  #pipe: Pipe | undefined;
  #name: string;
  #grace: Timer | undefined;
  /** The line that is being told, while it goes through the output's budget. */
  #told: ServiceLogLine | undefined;
  /** Told when nothing is under way any more. */
  #idle: (() => void) | undefined;

  private constructor(options: ServiceLoadOptions) {
    this.#handlers = options.handlers;
    this.#clock = options.clock;
    this.#name = options.file;
    this.#greeting.promise.catch(() => {}); // it may end before anybody waits
    this.#peer = new Peer({
      clock: options.clock,
      write: (bytes) => this.#pipe?.write(bytes) ?? 0,
      serve: (request) => this.#serve(request),
      note: (operation, text) => this.#note(operation, text),
      idle: () => this.#idle?.(),
      broken: (reason) => this.kill(`${reason} and was killed`),
    });
    this.#child = new HostChild({
      ...options,
      output: (stream, line) => this.#output(stream, line),
      ended: (exit) => this.#ended(exit),
    });
  }

  /** Starts the process and loads the service. Fails with `service.*` or `plugin.spawn`; the process is gone then. */
  static async load(options: ServiceLoadOptions): Promise<LoadedService<ServiceProcess>> {
    const service = new ServiceProcess(options);
    options.spawned?.(service);
    try {
      return { process: service, description: await service.#load(options) };
    } catch (thrown) {
      const failure = toFailure(thrown, "service.load");
      service.kill(failure.message);
      throw failure;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<HostExit> {
    return this.#child.exited;
  }

  /** Calls and streams that the process has not ended, also those that nobody waits for any more. */
  get inFlight(): number {
    return this.#peer.inFlight;
  }

  /** Runs `init`; calls are taken from then on. The process is killed when it fails. */
  async start(timeoutMs: number): Promise<void> {
    try {
      await this.#within("service.init_timeout", "init did not return", timeoutMs, this.#ask(START, "init", timeoutMs));
      if (this.#state === "loaded") this.#state = "ready";
    } catch (thrown) {
      this.kill(toFailure(thrown, "service.init_failed").message);
      throw thrown;
    }
  }

  /** The JSON text of the result. */
  call(call: ServiceCall, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#state !== "ready") return Promise.reject(this.#notReady(call));
    return this.#peer.ask(this.#asked(CALL, call, signal));
  }

  /** The JSON text of each item; asked for when the iteration begins. `timeoutMs` is for the first item. */
  async *stream(call: ServiceCall, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#state !== "ready") throw this.#notReady(call);
    yield* this.#peer.askStream(this.#asked(STREAM, call, signal));
  }

  /** Fails with what `health` throws, or when it does not answer. Services without one are well while they answer. */
  async health(timeoutMs: number): Promise<void> {
    await this.#ask(HEALTH, `${this.#name}: health`, timeoutMs);
  }

  kill(reason: string): void {
    this.#child.kill(reason);
  }

  /** Takes no more calls, lets those under way end, cleans up, ends; killed when that takes longer. */
  async stop(timeoutMs: number): Promise<HostExit> {
    if (this.#state !== "gone") this.#state = "stopping";
    const endMs = this.#clock.monotonic() + timeoutMs;
    const timer = this.#clock.after(timeoutMs, () => this.kill("did not stop in time and was killed"));
    await Promise.race([this.#becomesIdle(), this.exited]);
    await this.#cleanup(Math.max(1, endMs - this.#clock.monotonic()));
    this.#pipe?.close(); // that ends it
    const exit = await this.exited;
    timer.cancel();
    return exit;
  }

  async #cleanup(timeoutMs: number): Promise<void> {
    try {
      await this.#ask(STOP, `${this.#name}: cleanup`, timeoutMs);
    } catch (thrown) {
      const failure = toFailure(thrown, "service.failed");
      if (failure.code !== "service.exited")
        this.#handlers.log({ level: "error", message: `cleanup failed: ${failure.message}` });
    }
  }

  async #load(options: ServiceLoadOptions): Promise<ServiceDescription> {
    const { file, node, timeoutMs } = options;
    const steps = async (): Promise<Uint8Array> => {
      await this.#connect();
      await this.#greeting.promise;
      return this.#ask(LOAD, `loading ${file}`, timeoutMs, JSON.stringify({ file, node }));
    };
    const text = await this.#within("service.load_timeout", `${file} did not load`, timeoutMs, steps());
    const description = readDescription(parse(text));
    if (description === undefined) throw new Failure("service.protocol", `${file}: the host described no service`);
    this.#name = `${description.name}@${description.version}`;
    if (this.#state === "loading") this.#state = "loaded";
    return description;
  }

  async #connect(): Promise<void> {
    const fd = this.#child.controlFd;
    if (fd === undefined) throw new Failure("service.protocol", "the control socket was not made");
    this.#pipe = await openSocket(fd, {
      data: (bytes) => this.#peer.received(bytes),
      drained: () => this.#peer.outbox.drained(),
      closed: () => this.#closed(),
    });
    this.#peer.outbox.drained();
  }

  #asked(operation: number, call: ServiceCall, signal: AbortSignal | undefined): Asked {
    const what = `${this.#name}.${call.method}`;
    const timeoutMs = Math.min(call.timeoutMs, TIMEOUT_MS_MAX);
    const trace = call.traceparent;
    const isTrace = trace !== undefined && trace.length <= TRACE_CHARS_MAX && /^[\x21-\x7e]*$/.test(trace);
    const head = `${call.method}\n${this.#callers.of(call.caller)}`;
    return { what, operation, head, body: call.params, timeoutMs, signal, trace: isTrace ? trace : undefined };
  }

  #notReady({ method }: ServiceCall): Failure {
    return unavailable(
      `${this.#name}.${method}`,
      this.#state === "gone" ? "its process is gone" : `it is ${this.#state}`,
    );
  }

  #ask(operation: number, what: string, timeoutMs: number, head = ""): Promise<Uint8Array> {
    return this.#peer.ask({ what, operation, head, body: "", timeoutMs });
  }

  /** The same failure whether our timer or the host's rings first. */
  async #within<T>(code: string, what: string, timeoutMs: number, work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const fail = () => new Failure(code, `${what} within ${timeoutMs} ms and was killed`);
    const timer = this.#clock.after(timeoutMs, () => late.reject(fail()));
    try {
      return await Promise.race([work, late.promise]);
    } catch (thrown) {
      throw thrown instanceof Failure && thrown.code === "rpc.deadline_exceeded" ? fail() : thrown;
    } finally {
      timer.cancel();
    }
  }

  #becomesIdle(): Promise<void> {
    if (this.#peer.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #serve(request: Incoming): void {
    const { waitingBytes } = this.#peer.outbox;
    if (waitingBytes > UNREAD_BYTES_MAX) this.kill(`asked on while ${waitingBytes} bytes waited unread and was killed`);
    else void answerHost(request, this.#handlers);
  }

  #note(operation: number, text: string): void {
    if (operation === HELLO) {
      const fault = helloFault(text, SERVICE_API_VERSION);
      if (fault === undefined) this.#greeting.resolve();
      else this.#greeting.reject(new Failure("service.protocol", fault));
    } else if (operation === LOG) this.#log(text);
    else this.kill(`sent a note of kind ${operation}, which is unknown, and was killed`);
  }

  #log(text: string): void {
    const { level, message, traceId } = (parse(text) ?? {}) as Readonly<Record<string, unknown>>; // looked at here
    if (!LEVELS.includes(level as string) || typeof message !== "string")
      return this.kill("sent a log line that is none and was killed");
    const line: ServiceLogLine = { level: level as ServiceLogLevel, message }; // it is one of them
    this.#told = typeof traceId === "string" && /^[0-9a-f]{32}$/.test(traceId) ? { ...line, traceId } : line;
    this.#child.log(line.level, message); // counts it, cuts it into lines and gives them to `#output`
    this.#told = undefined;
  }

  #output(stream: string, line: string): void {
    if (stream === "stdout" || stream === "stderr") this.#handlers.output(stream, line);
    else if (this.#told !== undefined) this.#handlers.log({ ...this.#told, message: line });
  }

  #closed(): void {
    if (this.#state === "gone") return;
    this.#grace = this.#clock.after(CLOSE_GRACE_MS, () => this.kill("closed its control channel and was killed"));
  }

  #ended(exit: HostExit): void {
    this.#state = "gone";
    this.#grace?.cancel();
    this.#greeting.reject(new Failure("service.exited", `the host ${exit.reason} before it was ready`));
    this.#peer.close((what) => exited(what, exit.reason));
    this.#pipe?.close();
    this.#idle?.();
    this.#handlers.exit(exit);
  }
}

function parse(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : new TextDecoder().decode(text));
  } catch {
    return undefined;
  }
}
