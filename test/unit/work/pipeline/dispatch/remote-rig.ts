/** The stages of a run on pretended workers, on a clock that a test moves. */
import type { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import type { LeaseBalancer, LeaseOptions } from "../../../../../src/protocol/lease/index.ts";
import type { DispatchEvent } from "../../../../../src/work/pipeline/dispatch/events.ts";
import type { Refusals } from "../../../../../src/work/pipeline/dispatch/refusals.ts";
import { RemoteStages } from "../../../../../src/work/pipeline/dispatch/remote-stages.ts";
import type { WorkerPool } from "../../../../../src/work/pipeline/dispatch/worker-pool.ts";
import { type Settings, settingSchema } from "../../../../../src/work/pipeline/file/index.ts";
import type { Item, StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { FakePool } from "./fake-workers.ts";

/** The placement waits so long for workers that come up together. */
const GATHER_MS = 200;
const LEASE_MS = 3_000;
const IN_FLIGHT = 8;
/** More turns than any chain of answers here takes. */
const TURNS = 8;

export interface RemoteRigOptions {
  readonly lease?: Partial<LeaseOptions>;
  readonly balancer?: LeaseBalancer;
  readonly keyOf?: (batch: string) => string;
  readonly states?: ReadonlyMap<string, Uint8Array>;
  readonly firstSeq?: number;
  readonly memory?: number;
  /** Of earlier lives. */
  readonly refusals?: Refusals;
  /** Other workers than those that are pretended here. */
  readonly workers?: WorkerPool;
}

export function settingsOf(more: Partial<Settings> = {}): Settings {
  const defaults = Object.entries(settingSchema).map(([name, spec]) => [
    name,
    "default" in spec ? spec.default : undefined,
  ]);
  return { ...(Object.fromEntries(defaults) as Settings), memory: 8 * 2 ** 20, ...more }; // each by its schema
}

/** What is under way settles; no time passes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}

/** Whoever has the least. */
const idlest: LeaseBalancer = {
  pick: (candidates) => candidates.toSorted((a, b) => a.outstanding - b.outstanding || (a.id < b.id ? -1 : 1))[0]?.id,
};

export class RemoteRig implements AsyncDisposable {
  readonly clock = new SteppedClock();
  readonly pool = new FakePool();
  readonly stages: RemoteStages;
  readonly events: DispatchEvent[] = [];
  readonly told: string[] = [];
  /** Why the run has to end; in the order in which it was said. */
  readonly failures: Failure[] = [];
  /** What became of each batch, by number. */
  readonly results = new Map<number, string>();
  readonly #abort = new AbortController();
  #seq: number;

  constructor(plans: readonly StagePlan[], options: RemoteRigOptions = {}) {
    const { balancer = idlest, firstSeq = 0, keyOf, lease, memory, refusals, states, workers = this.pool } = options;
    this.#seq = firstSeq;
    const ports = {
      clock: this.clock,
      random: seededRandom(1),
      host: { argv: [], env: {} },
      show: () => {},
    };
    const executor = {
      pipeline: "p",
      run: "r",
      stages: plans,
      settings: settingsOf(memory === undefined ? {} : { memory }),
      encoding: "ndjson" as const,
      inFlight: IN_FLIGHT,
      firstSeq,
      states,
      ports,
      signal: this.#abort.signal,
      untilOldest: () => new Promise<void>(() => {}), // no batch here needs a reserve
      failed: (reason: unknown) => void this.failures.push(reason as Failure), // all that is thrown in src is one
    };
    this.stages = new RemoteStages(executor, {
      pool: workers,
      pack: async (plan) => plan,
      balancer: () => balancer,
      keyOf,
      lease: { leaseMs: LEASE_MS, workerWindow: () => IN_FLIGHT, ...lease },
      name: "life1",
      refusals,
      observe: (event) => void this.events.push(event),
      tell: (text) => void this.told.push(text),
    });
  }

  /** Starts, and lets owners be chosen. */
  async start(): Promise<void> {
    const started = this.stages.start();
    started.catch(() => {}); // who awaits it hears of it
    await settle();
    this.clock.advance(GATHER_MS);
    await started;
    await settle();
  }

  item(text: string, more: Partial<Pick<Item, "barrier" | "finish">> = {}): Promise<Item> {
    return this.raw(Buffer.from(text), more);
  }

  async raw(bytes: Uint8Array, more: Partial<Pick<Item, "barrier" | "finish">> = {}): Promise<Item> {
    const seq = this.#seq++;
    const slot = await this.stages.slot(bytes.length, seq);
    slot.view.set(bytes);
    const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
    return { seq, id: `b${seq}`, epoch: 0, barrier: false, finish: false, ...more, slot, bytes: bytes.length, result };
  }

  /** One batch on its way; its result is kept in `results` and given back. */
  async put(text: string, more: Partial<Pick<Item, "barrier" | "finish">> = {}): Promise<string> {
    const item = await this.item(text, more);
    await this.stages.way.process(item);
    const result = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString();
    item.slot.release();
    this.results.set(item.seq, result);
    return result;
  }

  /** Everybody says how it is, again and again, while so much time passes. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passed));
      for (const worker of this.pool.workers.values()) this.pool.report(worker);
      await settle();
    }
  }

  named<Name extends DispatchEvent["event"]>(name: Name): Extract<DispatchEvent, { event: Name }>[] {
    return this.events.filter((each): each is Extract<DispatchEvent, { event: Name }> => each.event === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.stages.close();
    this.stages.release();
    this.pool.close();
  }
}
