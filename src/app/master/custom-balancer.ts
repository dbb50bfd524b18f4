/**
 * `balancer=CUSTOM`: a plugin's `select` decides which worker gets a batch. It runs in a host of its own, is asked before a batch
 * is offered, and has a moment to answer; the balancer then finds what it said. A host that dies, or is silent again and again, is
 * ended and started again, slower each time; until it is there, or when it says nothing of use, batches go in turn.
 */
import { type Clock, pause, systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import { type FromHost, HostProcess } from "../../process/plugin/index.ts";
import type { CustomSelect } from "../../protocol/balance/index.ts";
import { type BackoffPolicy, backoffDelayMs } from "../../protocol/retry/index.ts";
import type { ChoiceRequest, StageSegment } from "../../work/pipeline/dispatch/index.ts";
import { hostCommand } from "../self.ts";

/** A batch waits for it: far more than a choice takes, far less than a lease. */
const ANSWER_MS = 200;
const START_MS = 10_000;
/** Choices in a row without an answer in time, after which it is not waited for any more: each has held a batch up. */
export const SILENT_MAX = 3;
/** After its host has died; slower while it answers nothing in between. */
const RESTART: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, jitter: 0.1 };
const STOP_MS = 1_000;
/** Choices that no batch has come for any more: it was offered elsewhere. */
const CHOICES_MAX = 4_096;

export class CustomBalancer {
  /** For the balancer: what was said of this batch. */
  readonly select: CustomSelect;
  readonly #library: string;
  readonly #pipeline: string;
  readonly #tell: (text: string) => void;
  readonly #clock: Clock;
  readonly #choices = new Map<string, string>();
  readonly #asked = new Map<number, (id: string | undefined) => void>();
  readonly #end = new AbortController();
  /** All processes of it, those among them that are not ready. */
  readonly #processes = new Set<HostProcess>();
  readonly #random = seededRandom(process.pid);
  #host: HostProcess | undefined;
  #restarting: Promise<void> | undefined;
  #requests = 0;
  #silent = 0;
  #ends = 0;

  private constructor(library: string, pipeline: string, tell: (text: string) => void, clock: Clock) {
    this.#library = library;
    this.#pipeline = pipeline;
    this.#tell = tell;
    this.#clock = clock;
    this.select = (_, { key }) => (key === undefined ? undefined : this.#choices.get(key));
  }

  /** Fails with why the library is no balancer. */
  static async open(
    library: string,
    pipeline: string,
    tell: (text: string) => void,
    clock = systemClock,
  ): Promise<CustomBalancer> {
    const balancer = new CustomBalancer(library, pipeline, tell, clock);
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
    const timer = this.#clock.after(ANSWER_MS, () => this.#unanswered(request, host));
    host.send({ t: "select", request, choice: { batch, bytes, stages: plans.map(({ name }) => name), candidates } });
    const id = await answer;
    timer.cancel();
    if (id === undefined) return;
    this.#choices.set(batch, id);
    if (this.#choices.size > CHOICES_MAX) this.#choices.delete(this.#choices.keys().next().value!); // not empty
  }

  /** Resolves when no process of it is left. */
  async close(): Promise<void> {
    this.#end.abort();
    for (const each of this.#processes) if (each !== this.#host) each.kill("is not needed any more");
    await this.#host?.stop(STOP_MS);
    await this.#restarting;
    await Promise.all([...this.#processes].map(({ exited }) => exited));
  }

  async #start(): Promise<void> {
    let spawned: HostProcess | undefined;
    try {
      const { host, loaded } = await HostProcess.load({
        command: hostCommand(),
        request: { library: this.#library, pipeline: this.#pipeline, run: "balancer", stage: "balancer", lane: 0 },
        handlers: {
          spawned: (each) => {
            spawned = each;
            this.#processes.add(each);
          },
          message: (message) => this.#heard(message),
          exit: ({ reason }) => this.#exited(spawned, reason),
          output: (_, line) => this.#tell(`balancer: ${line}`),
        },
        clock: systemClock, // all hosts of a process have one clock
        timeoutMs: START_MS,
      });
      if (loaded.selects !== true) {
        const message = `${this.#library} is no balancer: one made by defineBalancer is required`;
        throw new Failure("plugin.definition", message);
      }
      await host.start({ params: {}, inputBytes: 0, outputBytes: 0 }, START_MS);
      this.#end.signal.throwIfAborted(); // closed meanwhile
      this.#host = host;
    } catch (thrown) {
      spawned?.kill("did not become ready");
      throw thrown;
    }
  }

  #heard(message: FromHost): void {
    if (message.t !== "selected") return;
    if (message.error) this.#tell(`the balancer's select failed: ${message.error.message}`);
    if (!this.#asked.has(message.request)) return; // too late: its batch has gone in turn
    this.#silent = this.#ends = 0;
    this.#answered(message.request, message.id);
  }

  #unanswered(request: number, host: HostProcess): void {
    this.#answered(request, undefined);
    if (host === this.#host && ++this.#silent >= SILENT_MAX)
      host.kill(`was killed: ${SILENT_MAX} choices in a row had no answer within ${ANSWER_MS} ms`);
  }

  #answered(request: number, id: string | undefined): void {
    this.#asked.get(request)?.(id);
    this.#asked.delete(request);
  }

  #exited(host: HostProcess | undefined, reason: string): void {
    if (host) this.#processes.delete(host);
    if (host === undefined || host !== this.#host) return; // who starts it hears of it
    this.#host = undefined;
    this.#silent = 0;
    for (const request of [...this.#asked.keys()]) this.#answered(request, undefined);
    if (this.#end.signal.aborted) return;
    this.#tell(`the balancer's process ${reason}; batches go in turn until it is there again`);
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #restart(): Promise<void> {
    while (!this.#host && !this.#end.signal.aborted) {
      await pause(this.#clock, backoffDelayMs(RESTART, ++this.#ends, this.#random), this.#end.signal);
      if (this.#end.signal.aborted) return;
      await this.#start().catch((thrown) => {
        if (!this.#end.signal.aborted) this.#tell(`the balancer cannot start: ${messageOf(thrown)}`);
      });
    }
  }
}
