/**
 * `balancer=CUSTOM`: a plugin's `select` decides which worker gets a batch. It runs in a host of its own, is asked before a batch
 * is offered, and has a moment to answer; the balancer then finds what it said. A host that dies is started again, and
 * until it is there, or when it says nothing of use, batches go in turn.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { type FromHost, HostProcess } from "../../process/plugin/index.ts";
import type { CustomSelect } from "../../protocol/balance/index.ts";
import type { ChoiceRequest, StageSegment } from "../../work/pipeline/dispatch/index.ts";
import { hostCommand } from "../self.ts";

/** A batch waits for it: far more than a choice takes, far less than a lease. */
const ANSWER_MS = 200;
const START_MS = 10_000;
/** After its host has died. */
const RESTART_MS = 1_000;
const STOP_MS = 1_000;
/** Choices that no batch has come for any more: it was offered elsewhere. */
const CHOICES_MAX = 4_096;

export class CustomBalancer {
  /** For the balancer: what was said of this batch. */
  readonly select: CustomSelect;
  readonly #library: string;
  readonly #pipeline: string;
  readonly #tell: (text: string) => void;
  readonly #choices = new Map<string, string>();
  readonly #asked = new Map<number, (id: string | undefined) => void>();
  #host: HostProcess | undefined;
  #requests = 0;
  #hasEnded = false;

  private constructor(library: string, pipeline: string, tell: (text: string) => void) {
    this.#library = library;
    this.#pipeline = pipeline;
    this.#tell = tell;
    this.select = (_, { key }) => (key === undefined ? undefined : this.#choices.get(key));
  }

  /** Fails with why the library is no balancer. */
  static async open(library: string, pipeline: string, tell: (text: string) => void): Promise<CustomBalancer> {
    const balancer = new CustomBalancer(library, pipeline, tell);
    await balancer.#start();
    return balancer;
  }

  /** Asks the plugin, and keeps its answer for `select`. Never rejects. */
  async choose({ plans }: StageSegment, { batch, bytes, workers }: ChoiceRequest): Promise<void> {
    const host = this.#host;
    if (!host) return;
    const candidates = workers
      .filter(({ isDraining, isSilent, suspended }) => !isDraining && !isSilent && !suspended)
      .map(({ active, id, load, stopping, weight }) => ({
        ...{ id, weight, outstanding: active + stopping },
        ...(load && { load: { cpu: load.cpu, memory: load.memory, queue: load.queue } }),
      }));
    const request = ++this.#requests;
    const answer = new Promise<string | undefined>((resolve) => this.#asked.set(request, resolve));
    const timer = systemClock.after(ANSWER_MS, () => this.#answered(request, undefined));
    host.send({ t: "select", request, choice: { batch, bytes, stages: plans.map(({ name }) => name), candidates } });
    const id = await answer;
    timer.cancel();
    if (id === undefined) return;
    this.#choices.set(batch, id);
    if (this.#choices.size > CHOICES_MAX) this.#choices.delete(this.#choices.keys().next().value!); // not empty
  }

  async close(): Promise<void> {
    this.#hasEnded = true;
    await this.#host?.stop(STOP_MS);
  }

  async #start(): Promise<void> {
    const { host, loaded } = await HostProcess.load({
      command: hostCommand(),
      request: { library: this.#library, pipeline: this.#pipeline, run: "balancer", stage: "balancer", lane: 0 },
      handlers: {
        message: (message) => this.#heard(message),
        exit: ({ reason }) => this.#exited(reason),
        output: (_, line) => this.#tell(`balancer: ${line}`),
      },
      clock: systemClock,
      timeoutMs: START_MS,
    });
    if (loaded.selects !== true) {
      this.#hasEnded = true;
      host.kill("is no balancer");
      throw new Failure("plugin.definition", `${this.#library} is no balancer: one made by defineBalancer is required`);
    }
    await host.start({ params: {}, inputBytes: 0, outputBytes: 0 }, START_MS);
    this.#host = host;
  }

  #heard(message: FromHost): void {
    if (message.t !== "selected") return;
    if (message.error) this.#tell(`the balancer's select failed: ${message.error.message}`);
    this.#answered(message.request, message.id);
  }

  #answered(request: number, id: string | undefined): void {
    this.#asked.get(request)?.(id);
    this.#asked.delete(request);
  }

  #exited(reason: string): void {
    const hadStarted = this.#host !== undefined;
    this.#host = undefined;
    for (const request of [...this.#asked.keys()]) this.#answered(request, undefined);
    if (this.#hasEnded || !hadStarted) return;
    this.#tell(`the balancer's process ${reason}; batches go in turn until it is there again`);
    this.#restartSoon();
  }

  #restartSoon(): void {
    systemClock.after(RESTART_MS, () => {
      if (this.#hasEnded) return;
      this.#start().catch((thrown) => {
        this.#tell(`the balancer cannot start: ${messageOf(thrown)}`);
        if (!this.#hasEnded) this.#restartSoon();
      });
    });
  }
}
