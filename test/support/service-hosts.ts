/** Service hosts driven by hand: real ones from source, and fakes that say over the control channel what a test wants. */
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import type { HostCommand, HostExit } from "../../src/process/plugin/index.ts";
import {
  type OutgoingServiceCall,
  type ServiceCaller,
  type ServiceDescription,
  type ServiceHandlers,
  type ServiceLoadOptions,
  type ServiceLogLine,
  ServiceProcess,
} from "../../src/process/service/index.ts";
import { killHard } from "./processes.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
export const SERVICE_HOST: HostCommand = {
  argv: [process.execPath, MAIN, "service-host"],
  env: { PATH: process.env.PATH },
};

const TIMEOUT_MS = 20_000;

export const ANN: ServiceCaller = { kind: "outside", name: "ann", access: "read", scopes: [] };

export interface Called {
  readonly timeoutMs?: number;
  readonly caller?: ServiceCaller;
  readonly traceparent?: string;
  readonly signal?: AbortSignal;
}

export class DrivenService implements AsyncDisposable {
  readonly logs: ServiceLogLine[] = [];
  readonly lines: string[] = [];
  readonly exits: HostExit[] = [];
  readonly outgoing: { readonly call: OutgoingServiceCall; readonly signal: AbortSignal }[] = [];
  #process: ServiceProcess | undefined;
  #description: ServiceDescription | undefined;

  /** `asks` are what the service's node answers; by default every outgoing call gives its params back. */
  static async load(
    file: string,
    asks: Partial<ServiceHandlers> = {},
    more: Partial<ServiceLoadOptions> = {},
  ): Promise<DrivenService> {
    const driven = new DrivenService();
    await driven.load(file, asks, more);
    return driven;
  }

  async load(file: string, asks: Partial<ServiceHandlers> = {}, more: Partial<ServiceLoadOptions> = {}): Promise<void> {
    const loaded = await ServiceProcess.load({
      file,
      command: SERVICE_HOST,
      clock: systemClock,
      timeoutMs: TIMEOUT_MS,
      node: "node-1",
      handlers: { ...this.#handlers(), ...asks },
      ...more,
    });
    this.#process = loaded.process;
    this.#description = loaded.description;
  }

  get process(): ServiceProcess {
    if (this.#process === undefined) throw new Error("no service is loaded");
    return this.#process;
  }

  get description(): ServiceDescription {
    if (this.#description === undefined) throw new Error("no service is loaded");
    return this.#description;
  }

  async start(): Promise<this> {
    await this.process.start(TIMEOUT_MS);
    return this;
  }

  async call(method: string, params: unknown = {}, { signal, ...more }: Called = {}): Promise<unknown> {
    const bytes = Buffer.from(JSON.stringify(params));
    const call = { method, params: bytes, caller: ANN, timeoutMs: TIMEOUT_MS, ...more };
    return parse(await this.process.call(call, signal));
  }

  async *stream(method: string, params: unknown = {}, { signal, ...more }: Called = {}): AsyncGenerator<unknown> {
    const bytes = Buffer.from(JSON.stringify(params));
    const call = { method, params: bytes, caller: ANN, timeoutMs: TIMEOUT_MS, ...more };
    for await (const item of this.process.stream(call, signal)) yield parse(item);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process !== undefined && killHard(this.#process.pid)) await this.#process.exited;
  }

  #handlers(): ServiceHandlers {
    return {
      outgoing: async (call, signal) => {
        this.outgoing.push({ call, signal });
        return call.params;
      },
      async *outgoingStream(call) {
        for (let copy = 0; copy < 3; copy++) yield call.params;
      },
      broadcast: async (call) => [{ node: "node-2", ok: true, result: `${call.service}.${call.method}` }],
      discover: ({ service = "any" }) => [{ node: "node-1", service, version: "1.0.0", tags: [], healthy: 1 }],
      invalidate() {},
      log: (line) => void this.logs.push(line),
      output: (_stream, line) => void this.lines.push(line),
      exit: (exit) => void this.exits.push(exit),
    };
  }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}
