/**
 * Random schedules of everything that can happen to the hosts of a stage: kills, swaps to good and bad plugins, lanes stopped
 * and started. Whatever the order, each batch comes out once, with the state that all batches before it have left.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/types.ts";
import { type FakeHost, FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

type Step =
  | { readonly do: "put"; readonly count: number }
  | { readonly do: "kill"; readonly which: number }
  | { readonly do: "swap"; readonly to: string }
  | { readonly do: "bounce"; readonly child: string }
  | { readonly do: "wait"; readonly ms: number };

const GOOD = ["good", "other"] as const;
const BAD = ["no load", "no init", "no restore", "no batch", "dies", "dies later", "fails later"] as const;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), which: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("swap" as const), to: fc.constantFrom(...GOOD, ...BAD) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("bounce" as const), child: fc.constantFrom("lane 0", "standby 0") }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(10, 60, 300, 20_000) }) },
);

function libraries(plan: Partial<StagePlan>): Record<string, FakeLibrary> {
  const { exclusive = false, sequential = false, stateful = false } = plan;
  const loaded = { exclusive, sequential, stateful };
  const batch = (text: string, host: FakeHost): string => (stateful ? `${++host.count}\n` : text);
  const failing = (verdict: "crash" | Error, every: number): FakeLibrary => {
    const random = seededRandom(every); // by chance: what fails at each third batch would fail for ever after a replay of two
    return { loaded, batch: (text, host) => (random.below(every) === 0 ? verdict : batch(text, host)) };
  };
  return {
    good: { loaded, batch },
    other: { loaded, batch },
    "no load": { loaded, batch, loadError: "no load" },
    "no init": { loaded, batch, initError: "no init" },
    "no restore": { ...failing(new Error("no batch"), 1), restoreError: "no restore" },
    "no batch": failing(new Error("no batch"), 1),
    dies: failing("crash", 1),
    "dies later": failing("crash", 3),
    "fails later": failing(new Error("fails later"), 3),
  };
}

class Schedule {
  readonly #rig: StageRig;
  readonly #fakes: FakeHosts;
  readonly #clock: SteppedClock;
  readonly #puts: Promise<string>[] = [];
  readonly #others: Promise<unknown>[] = [];
  readonly #isExclusive: boolean;

  constructor(rig: StageRig, fakes: FakeHosts, clock: SteppedClock) {
    this.#rig = rig;
    this.#fakes = fakes;
    this.#clock = clock;
    this.#isExclusive = rig.plan.exclusive;
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#rig.start();
    for (const each of steps) await this.#take(each);
    await this.#drive(Promise.allSettled(this.#others));
    await this.#drive(Promise.all(this.#puts));
  }

  async stop(): Promise<void> {
    await this.#drive(this.#rig.at.hosts.stop());
  }

  async #take(each: Step): Promise<void> {
    if (each.do === "put") for (let put = 0; put < each.count; put++) this.#put();
    else if (each.do === "kill") this.#living[each.which % this.#living.length]?.kill();
    else if (each.do === "swap") this.#later(this.#rig.swap(each.to));
    else if (each.do === "bounce") this.#later(this.#bounce(each.child));
    else this.#clock.advance(each.ms);
    await this.#turn();
  }

  #put(): void {
    this.#puts.push(this.#rig.put(`${this.#puts.length + 1}\n`));
  }

  async #bounce(child: string): Promise<void> {
    await this.#rig.at.hosts.stopChild(child);
    await this.#rig.at.hosts.restartChild(child);
  }

  #later(work: Promise<unknown>): void {
    work.catch(() => {});
    this.#others.push(work);
  }

  get #living(): FakeHost[] {
    return this.#fakes.all.filter(({ alive }) => alive);
  }

  async #turn(): Promise<void> {
    await new Promise(setImmediate);
    if (this.#isExclusive) expect(this.#living.filter(({ initialised }) => initialised).length).toBeLessThan(2);
  }

  async #drive(work: Promise<unknown>): Promise<void> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    work.then(end, end);
    for (let turn = 0; !settled; turn++) {
      if (turn > 20_000) throw new Error("it does not come to an end");
      await this.#turn();
      this.#clock.advance(20);
    }
    await work;
  }
}

async function obeys(plan: Partial<StagePlan>, steps: readonly Step[]): Promise<void> {
  const clock = new SteppedClock();
  const fakes = new FakeHosts(libraries(plan));
  await using rig = new StageRig({
    plan: { library: "good", maxRetries: 1_000, ...plan },
    fakes,
    clock,
    swapWindowMs: 10_000,
    maxRestarts: 100_000,
  });
  const schedule = new Schedule(rig, fakes, clock);
  await schedule.run(steps);
  expect(rig.failure).toBeUndefined();
  expect(rig.outputs).toEqual(rig.outputs.map((_, index) => `${index + 1}\n`));
  await schedule.stop();
  expect(fakes.all.filter(({ alive }) => alive)).toEqual([]);
}

const RUNS = 150;

describe("a stage under any schedule of kills, swaps and stops", () => {
  for (const [what, plan] of [
    ["without state, on two lanes", { lanes: 2, standby: 1 }],
    ["with state", { stateful: true, sequential: true, standby: 1 }],
    ["with state and exclusive", { stateful: true, sequential: true, exclusive: true, standby: 1 }],
  ] as const) {
    test(`every batch comes out once, in order, from the right state: ${what}`, async () => {
      const schedules = fc.array(step, { minLength: 1, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(schedules, (steps) => obeys(plan, steps)),
        { numRuns: RUNS },
      );
    }, 60_000);
  }
});
