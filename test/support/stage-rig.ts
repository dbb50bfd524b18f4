/** One stage at work between two edges, fed by a test: with real hosts, or with fakes. */
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { SharedMemory } from "../../src/process/memory/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../src/wire/batch/index.ts";
import { Edge } from "../../src/work/pipeline/stages/edge.ts";
import { buildStage, type StageAtWork } from "../../src/work/pipeline/stages/stage-at-work.ts";
import type { Item, StageEvent, StagePlan } from "../../src/work/pipeline/stages/types.ts";
import type { FakeHosts } from "./fake-hosts.ts";
import { REAL } from "./hosts.ts";

const EDGE_BYTES = 32 * 2 ** 20;
const IN_FLIGHT_MAX = 16;
/** Slots of a usual batch of the tests. */
const BATCH_BYTES = 64 * 1024;
/** Stages with state give it at each of these. */
const BARRIER_BATCHES = 32;

export interface RigOptions {
  readonly plan: Partial<StagePlan> & Pick<StagePlan, "library">;
  readonly fakes?: FakeHosts;
  readonly clock?: Clock;
  readonly swapWindowMs?: number;
  readonly maxRestarts?: number;
}

const PLAN: Omit<StagePlan, "library"> = {
  name: "stage",
  revision: "",
  params: {},
  policy: "RETRY_WITH_BACKOFF",
  maxRetries: 3,
  timeoutMs: 10_000,
  lanes: 1,
  sequential: false,
  stateful: false,
  exclusive: false,
  standby: 0,
  limits: {},
  passEnv: [],
};

export class StageRig implements AsyncDisposable {
  readonly at: StageAtWork;
  readonly plan: StagePlan;
  readonly events: StageEvent[] = [];
  readonly lines: string[] = [];
  /** What each batch became, by number. */
  readonly outputs: string[] = [];
  /** Why the stage gave up, when it did. */
  failure: unknown;
  readonly #input: Edge;
  readonly #output: Edge;
  readonly #abort = new AbortController();
  #seq = 0;
  #left = 0;

  constructor({ clock = systemClock, fakes, maxRestarts = 100, plan, swapWindowMs }: RigOptions) {
    this.plan = { ...PLAN, ...plan };
    const memory = new SharedMemory();
    const never = (): Promise<void> => new Promise(() => {}); // no batch of these tests needs a reserve
    this.#input = new Edge(memory, EDGE_BYTES, IN_FLIGHT_MAX, clock, never);
    this.#output = new Edge(memory, EDGE_BYTES, IN_FLIGHT_MAX, clock, never);
    if (fakes) fakes.memory = { input: () => this.#input.segment.view, output: () => this.#output.segment.view };
    this.at = buildStage({
      plan: this.plan,
      pipeline: "test",
      run: "test",
      input: this.#input,
      output: this.#output,
      firstSeq: 0,
      snapshot: undefined,
      encoding: "ndjson",
      strict: false,
      clock,
      host: REAL,
      signal: this.#abort.signal,
      restart: { maxRestarts, restartPeriodMs: 60_000, restartDelayMs: () => 0 },
      startTimeoutMs: 20_000,
      stopTimeoutMs: 5_000,
      ...(swapWindowMs !== undefined && { swapWindowMs }),
      ...(fakes ? { load: fakes.load, memory: new SharedMemory({ directories: [] }) } : { memory }),
      backoff: () => new Promise((resolve) => setImmediate(resolve)), // or a crash loop of fakes would never end
      failed: (reason) => {
        this.failure ??= reason;
      },
      show: (_stream, line) => void this.lines.push(line),
      observe: (event) => void this.events.push(event),
    });
  }

  start(): Promise<void> {
    return this.at.hosts.start();
  }

  swap(library: string, more: Partial<StagePlan> = {}) {
    return this.at.swap({ ...this.plan, library, ...more });
  }

  /** Puts a batch of lines through; resolves with what it became. */
  async put(text: string): Promise<string> {
    const seq = this.#seq++;
    const slot = await this.#input.slot(
      Math.max(BATCH_BYTES, RAW_HEADER_BYTES + text.length),
      seq,
      "test",
      this.#abort.signal,
    );
    const payload = Buffer.from(text);
    slot.view.set(payload, RAW_HEADER_BYTES);
    const meta = { id: `test@${seq}`, timeMs: 0, line: 1, format: { kind: "ndjson" } };
    const bytes = sealRaw(slot.view, meta, payload.length);
    const barrier = seq % BARRIER_BATCHES === BARRIER_BATCHES - 1;
    const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
    const item: Item = { seq, epoch: 0, id: meta.id, barrier, finish: false, slot, bytes, result };
    await this.at.stage.process(item);
    const output = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString();
    item.slot.release();
    this.outputs[seq] = output;
    return output;
  }

  /** Keeps `inFlight` batches under way until `stop` is called; resolves when the last of them is through. */
  flow(
    batch: (index: number) => string,
    inFlight = 4,
  ): { readonly stop: () => Promise<void>; readonly done: () => number } {
    let stopped = false;
    let index = 0;
    const work = async (): Promise<void> => {
      while (!stopped) {
        await this.put(batch(index++));
        this.#left++;
        await new Promise(setImmediate); // fakes would leave no turn to timers
      }
    };
    const all = Promise.all(Array.from({ length: inFlight }, work));
    all.catch((thrown: unknown) => {
      this.failure ??= thrown;
    });
    return {
      stop: async () => {
        stopped = true;
        await all;
      },
      done: () => this.#left,
    };
  }

  named(event: StageEvent["event"]): StageEvent[] {
    return this.events.filter((each) => each.event === event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.at.turns.end(new Error("the test is over"));
    await this.at.hosts.abort();
    this.#input.close();
    this.#output.close();
  }
}
