/** Hosts driven by hand: real ones of the compiled executable, and fakes that say over the control channel what a test wants. */
import { systemClock } from "../../src/base/clock.ts";
import type { HostLimits } from "../../src/process/limits/index.ts";
import { type Segment, SharedMemory } from "../../src/process/memory/index.ts";
import {
  type DoneMessage,
  type FromHost,
  type HostCommand,
  type HostExit,
  HostProcess,
  type ProcessMessage,
} from "../../src/process/plugin/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../src/wire/batch/index.ts";
import { killHard } from "./processes.ts";
import { EXECUTABLE } from "./program.ts";

export const REAL: HostCommand = { argv: [EXECUTABLE, "plugin-host"], env: { PATH: process.env.PATH } };

const LOAD_TIMEOUT_MS = 20_000;
const START_TIMEOUT_MS = 20_000;
const SEGMENT_BYTES = 8 * 2 ** 20;

/** A host whose control channel is descriptor 3 of this script. */
export function fake(script: string): HostCommand {
  return { argv: ["bash", "-c", script], env: { PATH: process.env.PATH } };
}

/** The same in JavaScript, run by the test's own Bun. `say(text)` writes to the control channel. */
export function fakeInJavaScript(body: string): HostCommand {
  const say = 'const { writeSync } = require("node:fs"); const say = (text) => writeSync(3, text);';
  return { argv: [process.execPath, "-e", `${say}\n${body}`], env: { PATH: process.env.PATH } };
}

export class HandDriven implements AsyncDisposable {
  readonly input: Segment;
  readonly output: Segment;
  readonly lines: string[] = [];
  readonly exits: HostExit[] = [];
  readonly #messages: FromHost[] = [];
  #waiting: ((message: FromHost) => void) | undefined;
  #host: HostProcess | undefined;

  constructor() {
    const memory = new SharedMemory();
    this.input = memory.createSegment(SEGMENT_BYTES);
    this.output = memory.createSegment(SEGMENT_BYTES);
  }

  get host(): HostProcess {
    if (!this.#host) throw new Error("no host is loaded");
    return this.#host;
  }

  async load(command: HostCommand, library: string, timeoutMs = LOAD_TIMEOUT_MS, limits: HostLimits = {}) {
    const segments = {
      inputFd: this.input.fd,
      inputBytes: this.input.sizeBytes,
      outputFd: this.output.fd,
      outputBytes: this.output.sizeBytes,
    };
    const request = { library, pipeline: "test", run: "test", stage: "stage", lane: 0 };
    const handlers = {
      message: (message: FromHost) => this.#take(message),
      exit: (exit: HostExit) => void this.exits.push(exit),
      output: (_stream: string, line: string) => void this.lines.push(line),
    };
    const { host, loaded } = await HostProcess.load({
      command,
      segments,
      request,
      handlers,
      clock: systemClock,
      timeoutMs,
      limits,
    });
    this.#host = host;
    return loaded;
  }

  start(params: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const sizes = { inputBytes: this.input.sizeBytes, outputBytes: this.output.sizeBytes };
    return this.host.start({ params, ...sizes }, START_TIMEOUT_MS);
  }

  /** Puts NDJSON into the input segment and asks for it to be processed into the whole output segment. */
  send(ndjson: string, more: Partial<ProcessMessage> = {}): void {
    const payload = Buffer.from(ndjson);
    this.input.view.set(payload, RAW_HEADER_BYTES);
    const meta = { id: "by hand@0", timeMs: 0, line: 1, format: { kind: "ndjson" } };
    const bytes = sealRaw(this.input.view, meta, payload.length);
    this.host.send({
      t: "process",
      request: 1,
      input: [0, bytes],
      output: [0, this.output.sizeBytes],
      probe: false,
      encoding: "ndjson",
      snapshot: false,
      finish: false,
      strict: false,
      time: "2026-01-01T00:00:00.000Z",
      ...more,
    });
  }

  /** The next message that answers no load or start. */
  next(): Promise<FromHost> {
    const message = this.#messages.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** What the host has written for a batch. */
  text(done: DoneMessage, offset = 0): string {
    return Buffer.from(this.output.view.subarray(offset, offset + done.sizes[0])).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#host && killHard(this.#host.pid)) await this.#host.exited;
    this.input.close();
    this.output.close();
  }

  #take(message: FromHost): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }
}
