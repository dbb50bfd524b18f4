/**
 * One process of a plugin as tasks use it: each task's records are one batch, asked for one behind another, so that the next one is
 * there when the last is done. Its end fails what was inside, and everybody may try again elsewhere.
 */
import { Failure } from "../../base/errors.ts";
import { type Lease, MIN_SLOT_BYTES, type Pool } from "../../process/memory/index.ts";
import type { FromHost, HostExit, HostProcess } from "../../process/plugin/index.ts";
import { alignedBytes, type DoneMessage } from "../../process/plugin/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../wire/batch/index.ts";
import type { Json, JsonObject } from "./types.ts";

/** One at work and one behind it. */
export const IN_FLIGHT_MAX = 2;

export interface Slots {
  readonly input: Pool;
  readonly output: Pool;
}

/** What is asked of a process. */
export type HostPort = Pick<HostProcess, "send" | "kill" | "stop" | "start" | "check">;

export interface PluginHostOptions {
  readonly slots: Slots;
  /** Of its leases. */
  readonly owner: string;
  /** A plugin that keeps something between batches serves one task and no other. */
  readonly isSingleUse: boolean;
  /** Of its tasks. When a process ends with two, it may have begun the second: its last answer can be lost with it. */
  readonly inFlightMax: number;
}

export interface BatchRequest {
  readonly id: string;
  readonly records: readonly JsonObject[];
  /** The records are all there is: what the plugin has kept back comes too. */
  readonly finish: boolean;
  readonly timeMs: number;
}

interface Open {
  readonly input: Lease;
  output: Lease;
  isGivenUp: boolean;
  resolve(output: Json): void;
  reject(thrown: unknown): void;
}

export class PluginHost {
  readonly #process: HostPort;
  readonly #slots: Slots;
  readonly #owner: string;
  readonly #isSingleUse: boolean;
  readonly #inFlightMax: number;
  readonly #open = new Map<number, Open>();
  #requests = 0;
  #reserved = 0;
  #exit: HostExit | undefined;

  constructor(process: HostPort, { inFlightMax, isSingleUse, owner, slots }: PluginHostOptions) {
    this.#process = process;
    this.#slots = slots;
    this.#owner = owner;
    this.#isSingleUse = isSingleUse;
    this.#inFlightMax = inFlightMax;
  }

  get alive(): boolean {
    return this.#exit === undefined;
  }

  get load(): number {
    return this.#reserved;
  }

  get hasRoom(): boolean {
    const most = this.#isSingleUse ? 1 : this.#inFlightMax;
    const taken = Math.max(this.#reserved, this.#open.size); // one that was given up is inside until the process ends
    return this.alive && !this.isSpent && taken < most;
  }

  /** It has served its one task. */
  get isSpent(): boolean {
    return this.#isSingleUse && this.#requests > 0;
  }

  /**
   * `{ records, rejected, counts }`. Aborting kills the process if it is at work on this one: nothing else ends a plugin's work. Fails
   * with NOT_BEGUN when the process ended with it still waiting its turn.
   */
  async process(request: BatchRequest, signal: AbortSignal): Promise<Json> {
    this.#reserved++;
    try {
      return await this.#ask(request, signal);
    } finally {
      this.#reserved--;
    }
  }

  async #ask(request: BatchRequest, signal: AbortSignal): Promise<Json> {
    const text = Buffer.from(request.records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    const input = await this.#slots.input.lease(RAW_HEADER_BYTES + text.length, this.#owner, signal);
    const output = await this.#slots.output.lease(MIN_SLOT_BYTES, this.#owner, signal).catch((thrown) => {
      if (!input.released) input.release();
      throw thrown;
    });
    if (!this.alive || signal.aborted) {
      for (const lease of [input, output]) if (!lease.released) lease.release();
      throw this.alive ? signal.reason : notBegun();
    }
    input.view.set(text, RAW_HEADER_BYTES);
    const answer = Promise.withResolvers<Json>();
    const number = ++this.#requests;
    const open: Open = { input, output, isGivenUp: false, resolve: answer.resolve, reject: answer.reject };
    this.#open.set(number, open);
    const abort = (): void => this.#giveUp(open, signal);
    signal.addEventListener("abort", abort, { once: true });
    this.#send(number, request, input, output, text.length);
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #giveUp(open: Open, signal: AbortSignal): void {
    open.isGivenUp = true;
    open.reject(signal.reason);
    this.#killIfGivenUp();
  }

  /** What is at work is the oldest. One behind it that nobody wants any more is let go before it begins. */
  #killIfGivenUp(): void {
    for (const { isGivenUp } of this.#open.values()) {
      if (isGivenUp) this.kill("was killed: its task was given up");
      return;
    }
  }

  #send(request: number, { finish, id, timeMs }: BatchRequest, input: Lease, output: Lease, bytes: number): void {
    const size = sealRaw(input.view, { id, timeMs, line: 1, format: { kind: "ndjson" } }, bytes);
    this.#process.send({
      t: "process",
      request,
      input: [input.offset, size],
      output: [output.offset, output.sizeBytes],
      probe: false,
      encoding: "ndjson",
      snapshot: false,
      finish,
      strict: true,
      time: new Date(timeMs).toISOString(),
    });
  }

  /** What the process says. */
  message(message: FromHost): void {
    if (message.t === "need") return void this.#grant(message.request, message.bytes);
    if (message.t !== "done" && message.t !== "failed") return;
    const open = this.#open.get(message.request ?? -1);
    if (!open) return;
    this.#open.delete(message.request!);
    if (message.t === "failed") open.reject(Failure.fromJSON({ ...message.error, retryable: true }));
    else this.#settle(open, message);
    open.input.release();
    open.output.release();
    this.#killIfGivenUp();
  }

  exited(exit: HostExit): void {
    this.#exit = exit;
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#slots.input.releaseOwner(this.#owner);
    this.#slots.output.releaseOwner(this.#owner);
    for (const [index, each] of open.entries()) each.reject(index === 0 ? this.#gone() : notBegun());
  }

  kill(reason: string): void {
    this.#process.kill(reason);
  }

  async stop(timeoutMs: number): Promise<void> {
    if (this.alive) await this.#process.stop(timeoutMs);
  }

  #settle(open: Open, { counts, sizes }: DoneMessage): void {
    try {
      const [main, dead] = sizes;
      const bytes = open.output.view;
      const records = linesOf(bytes.subarray(0, main));
      const rejected = linesOf(bytes.subarray(alignedBytes(main), alignedBytes(main) + dead)).map((letter) => {
        const { reason = null, record = null } = letter as { reason?: Json; record?: Json };
        return { reason, record };
      });
      const { added, filtered, in: taken, out } = counts;
      open.resolve({ records, rejected, counts: { in: taken, out, filtered, rejected: rejected.length, added } });
    } catch (thrown) {
      open.reject(thrown);
    }
  }

  /** A larger slot when there is one; else the same again, which the host refuses with a message about the size. */
  async #grant(request: number, bytes: number): Promise<void> {
    const open = this.#open.get(request);
    if (!open) return;
    const isPossible = bytes <= this.#slots.output.largestLeaseBytes;
    const larger = isPossible ? await this.#slots.output.lease(bytes, this.#owner).catch(() => undefined) : undefined;
    if (!this.#open.has(request)) {
      if (larger && !larger.released) larger.release();
      return;
    }
    if (larger) {
      open.output.release();
      open.output = larger;
    }
    this.#process.send({ t: "grant", request, output: [open.output.offset, open.output.sizeBytes] });
  }

  #gone(): Failure {
    const message = `the plugin's process ${this.#exit?.reason ?? "is gone"}`;
    return new Failure("plugin.exited", message, { retryable: true });
  }
}

/** The code of a failure that is nobody's fault: another process can take the task at once. */
export const NOT_BEGUN = "plugin.not_begun";

function notBegun(): Failure {
  return new Failure(NOT_BEGUN, "the plugin's process ended before the task's turn came", { retryable: true });
}

function linesOf(bytes: Uint8Array): Json[] {
  const text = new TextDecoder().decode(bytes);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Json]));
}
