/**
 * Plugin hosts without processes, for tests of who does what when: each library is a few functions over lines of text and
 * one number of state. They answer in turn and over the next microtasks, as real ones do over the next milliseconds.
 */
import { Failure } from "../../src/base/errors.ts";
import type {
  HostExit,
  HostHandlers,
  HostOptions,
  HostProcess,
  LoadedMessage,
  Place,
  ToHost,
} from "../../src/process/plugin/index.ts";
import { readRaw } from "../../src/wire/batch/index.ts";
import type { LoadHost } from "../../src/work/pipeline/stages/stage-host.ts";

/** What a host does about a batch: gives its output, fails it, dies, or does nothing until told. */
export type FakeVerdict = string | Error | "crash" | "hang";

export interface FakeLibrary {
  readonly loaded?: Partial<LoadedMessage>;
  /** Thrown by loading, `init`, `restore`, `snapshot`. */
  readonly loadError?: string;
  readonly initError?: string;
  readonly restoreError?: string;
  readonly snapshotError?: string;
  readonly faults?: readonly string[];
  /** `seen` counts the batches of this process from 1; `count` is its state, which `add` changes. */
  batch?(text: string, host: FakeHost): FakeVerdict;
  health?(host: FakeHost): Error | "hang" | undefined;
}

export interface FakeMemory {
  input(): Uint8Array;
  output(): Uint8Array;
}

let lastPid = 0;

export class FakeHost {
  readonly pid = ++lastPid;
  readonly library: string;
  readonly number: number;
  readonly said: string[] = [];
  count = 0;
  seen = 0;
  alive = true;
  initialised = false;
  cleanedUp = false;
  readonly #plugin: FakeLibrary;
  readonly #handlers: HostHandlers;
  readonly #memory: FakeMemory;
  #halted = false;
  #hangs: (() => void) | undefined;
  #granted: ((place: Place) => void) | undefined;
  #inbox: ToHost[] = [];
  #working = false;

  constructor(plugin: FakeLibrary, { handlers, request }: HostOptions, memory: FakeMemory) {
    this.#plugin = plugin;
    this.#handlers = handlers;
    this.#memory = memory;
    this.library = request.library;
    this.number = request.lane;
  }

  async start(): Promise<void> {
    this.said.push("start");
    await Promise.resolve();
    if (this.#plugin.initError !== undefined) throw this.#refuse(this.#plugin.initError);
    if (!this.alive) throw new Failure("plugin.exited", "the host is gone");
    this.initialised = true;
  }

  async restore(state: Place | string): Promise<void> {
    this.said.push("restore");
    await Promise.resolve();
    if (this.#plugin.restoreError !== undefined) throw this.#refuse(this.#plugin.restoreError);
    if (!this.alive) throw new Failure("plugin.exited", "the host is gone");
    this.count = Number(Buffer.from(String(state), "base64").toString()); // these tests have no state segment
  }

  async check() {
    return (this.#plugin.faults ?? []).map((message) => ({ param: "p", message }));
  }

  send(message: ToHost): void {
    if (!this.alive) return;
    this.said.push(message.t);
    if (message.t === "grant") return this.#granted?.(message.output);
    this.#inbox.push(message);
    if (!this.#working) void this.#work();
  }

  kill(reason = "was killed by SIGKILL", limit?: HostExit["limit"]): void {
    if (!this.alive) return;
    this.alive = false;
    queueMicrotask(() => this.#handlers.exit({ code: null, signal: "SIGKILL", reason, ...(limit && { limit }) }));
  }

  async stop() {
    const exited = { code: 0, signal: null, reason: "exited with code 0" };
    if (!this.alive) return exited;
    this.alive = false;
    this.cleanedUp = true;
    await Promise.resolve();
    this.#handlers.exit(exited);
    return exited;
  }

  /** Ends the hanging of a batch: it is as if it had never been sent. */
  goOn(): void {
    this.#hangs?.();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let message = this.#inbox.shift(); message && this.alive; message = this.#inbox.shift()) {
      await Promise.resolve();
      if (this.alive && !this.#halted) await this.#answer(message);
    }
    this.#working = false;
  }

  async #answer(message: ToHost): Promise<void> {
    if (message.t === "process") return this.#process(message);
    if (message.t === "replay") return this.#replay(message);
    if (message.t === "snapshot") return this.#snapshot(message.request);
    if (message.t === "warm") return this.#say({ t: "warmed" });
    if (message.t !== "health") return;
    const found = this.#plugin.health?.(this);
    if (found === "hang") return;
    const error = found && new Failure("plugin.threw", found.message).toJSON();
    this.#say({ t: "healthy", request: message.request, ...(error && { error }) });
  }

  async #process(message: Extract<ToHost, { t: "process" }>): Promise<void> {
    const text = this.#textAt(message.input);
    const verdict = message.rows?.length === 0 ? "" : this.#run(text);
    if (verdict === "crash") return this.kill();
    if (verdict === "hang") return new Promise((resolve) => (this.#hangs = resolve));
    if (verdict instanceof Error) {
      this.#halted = this.#plugin.loaded?.sequential === true;
      const error = new Failure("plugin.threw", verdict.message).toJSON();
      return this.#say({ t: "failed", request: message.request, error });
    }
    const bytes = Buffer.from(verdict);
    const state = message.snapshot ? Buffer.from(String(this.count)) : Buffer.alloc(0);
    const output = this.#memory.output();
    const [offset, capacityBytes] = await this.#room(message, bytes.length + state.length + 8);
    if (capacityBytes === 0) {
      const error = new Failure("pipeline.batch_too_large", "no slot is large enough").toJSON();
      return this.#say({ t: "failed", request: message.request, error });
    }
    output.set(bytes, offset);
    output.set(state, offset + ((bytes.length + 7) & ~7));
    const rows = text.split("\n").length - 1;
    const counts = { total: rows, malformed: 0, in: rows, out: rows, filtered: 0, rejected: 0, added: 0 };
    this.#say({ t: "done", request: message.request, sizes: [bytes.length, 0, state.length], counts });
  }

  /** Where its output may go: it asks when that is too small. */
  #room({ output, request }: Extract<ToHost, { t: "process" }>, bytes: number): Promise<Place> | Place {
    if (bytes <= output[1]) return output;
    return new Promise((resolve) => {
      this.#granted = resolve;
      this.#say({ t: "need", request, bytes });
    });
  }

  #run(text: string): FakeVerdict {
    this.seen++;
    return this.#plugin.batch?.(text, this) ?? text;
  }

  #replay(message: Extract<ToHost, { t: "replay" }>): void {
    const verdict = this.#run(readRaw(Buffer.from(String(message.batch), "base64")).payload.toString());
    if (verdict === "crash") return this.kill();
    if (verdict instanceof Error) {
      const error = new Failure("plugin.threw", verdict.message).toJSON();
      return this.#say({ t: "failed", request: message.request, error });
    }
    const counts = { total: 0, malformed: 0, in: 0, out: 0, filtered: 0, rejected: 0, added: 0 };
    this.#say({ t: "done", request: message.request, sizes: [0, 0, 0], counts });
  }

  #snapshot(request: number): void {
    const thrown = this.#plugin.snapshotError;
    if (thrown === undefined) {
      this.#say({ t: "state", request, state: Buffer.from(String(this.count)).toString("base64") });
    } else this.#say({ t: "failed", request, error: new Failure("plugin.threw", thrown).toJSON() });
  }

  #say(message: Parameters<HostHandlers["message"]>[0]): void {
    if (this.alive) this.#handlers.message(message);
  }

  #refuse(reason: string): Failure {
    this.kill(reason);
    return new Failure("plugin.threw", reason);
  }

  #textAt([offset, bytes]: Place): string {
    return Buffer.from(readRaw(this.#memory.input().subarray(offset, offset + bytes)).payload).toString();
  }
}

export class FakeHosts {
  readonly all: FakeHost[] = [];
  readonly #libraries: Readonly<Record<string, FakeLibrary>>;
  memory: FakeMemory = { input: () => new Uint8Array(0), output: () => new Uint8Array(0) };

  constructor(libraries: Readonly<Record<string, FakeLibrary>>) {
    this.#libraries = libraries;
  }

  readonly load: LoadHost = async (options) => {
    const plugin = this.#libraries[options.request.library]!;
    const host = new FakeHost(plugin, options, this.memory);
    this.all.push(host);
    options.handlers.spawned?.(host as unknown as HostProcess); // it has what is used of one
    await Promise.resolve();
    if (plugin.loadError !== undefined) {
      host.kill(plugin.loadError);
      throw new Failure("plugin.load", plugin.loadError);
    }
    const info = { name: "fake", version: "1.0.0", description: "" };
    const flags = { sequential: false, stateful: false, exclusive: false, health: false, checks: true };
    return { host, loaded: { t: "loaded", info, params: {}, ...flags, ...plugin.loaded } };
  };

  of(library: string): FakeHost[] {
    return this.all.filter((host) => host.library === library);
  }

  living(library: string): FakeHost[] {
    return this.of(library).filter(({ alive }) => alive);
  }
}
