/**
 * Service processes without processes: the file of a service is JSON that says what it is and how it misbehaves, so that a test changes a
 * service by writing its file. Processes end, hang and fail when a test says so.
 */
import { readFileSync } from "node:fs";
import { type Clock, pause, systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import type { HostExit } from "../../src/process/plugin/index.ts";
import type {
  MethodDescription,
  ServiceCall,
  ServiceDescription,
  ServiceHandlers,
  ServiceProcessPort,
} from "../../src/process/service/index.ts";
import type { HostRequest, LoadHost } from "../../src/work/service/local/index.ts";

/** What stands in the file. */
export interface FakeFile extends Partial<Omit<ServiceDescription, "methods">> {
  readonly methods?: Readonly<Record<string, Partial<MethodDescription>>>;
  readonly loadError?: string;
  /** What its load takes. */
  readonly loadMs?: number;
  /** Thrown by `init`. */
  readonly initError?: string;
  /** What `init` takes. */
  readonly initMs?: number;
}

const METHOD: MethodDescription = {
  about: "",
  isPublic: true,
  access: "read",
  isIdempotent: false,
  isStream: false,
  endpoints: [],
};

export function describeFake(file: FakeFile): ServiceDescription {
  const methods = file.methods ?? { who: {}, hang: {} };
  return {
    name: "users",
    version: "1.0.0",
    about: "",
    tags: [],
    instances: 1,
    isExclusive: false,
    hasHealth: false,
    ...file,
    methods: Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, { ...METHOD, ...method }])),
  };
}

export class FakeService implements ServiceProcessPort {
  readonly exited: Promise<HostExit>;
  readonly calls: ServiceCall[] = [];
  isAlive = true;
  isInitialised = false;
  isStopping = false;
  /** What the next check of its health says; nothing when it is well. */
  illness: string | undefined;
  readonly #over = Promise.withResolvers<HostExit>();
  readonly #hanging = new Set<PromiseWithResolvers<Uint8Array>>();

  constructor(
    readonly pid: number,
    readonly file: FakeFile,
    readonly path: string,
    readonly handlers: ServiceHandlers,
    readonly clock: Clock,
  ) {
    this.exited = this.#over.promise;
  }

  get inFlight(): number {
    return this.#hanging.size;
  }

  get version(): string {
    return describeFake(this.file).version;
  }

  async start(): Promise<void> {
    if (this.file.initMs !== undefined) await pause(this.clock, this.file.initMs);
    if (this.file.initError !== undefined) throw new Failure("service.init", this.file.initError);
    if (!this.isAlive) throw new Failure("service.exited", "it is gone", { retryable: true });
    this.isInitialised = true;
  }

  /** `who` says which process it is; `hang` hangs until `release`. */
  call(call: ServiceCall): Promise<Uint8Array> {
    this.calls.push(call);
    if (!this.isAlive || this.isStopping) return Promise.reject(new Failure("service.exited", "it is gone"));
    if (call.method !== "hang") return Promise.resolve(this.#answer());
    const hanging = Promise.withResolvers<Uint8Array>();
    this.#hanging.add(hanging);
    return hanging.promise;
  }

  async *stream(call: ServiceCall): AsyncIterable<Uint8Array> {
    this.calls.push(call);
    yield this.#answer();
    yield this.#answer();
  }

  async health(): Promise<void> {
    if (this.illness !== undefined) throw new Failure("service.unhealthy", this.illness);
  }

  release(): void {
    for (const hanging of this.#hanging) hanging.resolve(this.#answer());
    this.#hanging.clear();
    if (this.isStopping) this.#exit({ code: 0, signal: null, reason: "exited with code 0" });
  }

  /** Ends when nothing hangs any more. */
  stop(): Promise<HostExit> {
    this.isStopping = true;
    if (this.#hanging.size === 0) this.#exit({ code: 0, signal: null, reason: "exited with code 0" });
    return this.exited;
  }

  kill(reason: string): void {
    this.#exit({ code: null, signal: "SIGKILL", reason });
  }

  #answer(): Uint8Array {
    return Buffer.from(JSON.stringify({ pid: this.pid, version: this.version }));
  }

  #exit(exit: HostExit): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const hanging of this.#hanging)
      hanging.reject(new Failure("service.exited", exit.reason, { retryable: true }));
    this.#hanging.clear();
    this.handlers.exit(exit);
    this.#over.resolve(exit);
  }
}

export class FakeServices {
  readonly all: FakeService[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  readonly load: LoadHost = async ({ file, handlers, spawned }: HostRequest) => {
    const content = JSON.parse(readFileSync(file, "utf8")) as FakeFile;
    const process = new FakeService(this.all.length + 1, content, file, handlers, this.#clock);
    this.all.push(process);
    spawned(process);
    if (content.loadMs !== undefined) await pause(this.#clock, content.loadMs);
    await Promise.resolve();
    if (content.loadError !== undefined) {
      process.kill(content.loadError);
      throw new Failure("service.load", content.loadError);
    }
    return { process, description: describeFake(content) };
  };

  get living(): readonly FakeService[] {
    return this.all.filter(({ isAlive }) => isAlive);
  }
}
