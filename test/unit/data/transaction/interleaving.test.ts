import { expect, test } from "bun:test";
import fc from "fast-check";
import { type DistributedResult, recover, runDistributed } from "../../../../src/data/transaction/index.ts";
import { type Fate, markOf, transferPart, turns, World } from "./world.ts";

const GROUPS = ["a", "b", "c"];
const NEVER = new AbortController().signal;
const TIMEOUT_MS = 500;
const START = 100;

const group = fc.constantFrom(...GROUPS);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("begin" as const),
      from: group,
      to: group,
      coordinator: group,
      amount: fc.integer({ min: 1, max: 80 }),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constant("settle" as const),
      pick: fc.nat(),
      fate: fc.constantFrom<Fate>("delivered", "delivered", "delivered", "delivered", "lost", "answer lost", "twice"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("kill" as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("pass" as const), group, ms: fc.constantFrom(10, 300, 3_000) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("recover" as const), group }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), group }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Begun {
  readonly id: string;
  readonly participants: readonly string[];
  result?: DistributedResult;
}

class Run {
  readonly world = new World(...GROUPS);
  readonly begun: Begun[] = [];
  #driver = 0;

  constructor() {
    for (const { counters } of this.world.groups.values()) {
      counters.set({ type: "counter.set", counter: "account", to: START }, { nowMs: 0, index: 0 });
    }
  }

  async take(each: Step): Promise<void> {
    const { world } = this;
    if (each.type === "begin") this.#begin(each);
    else if (each.type === "settle") await world.settle(each.pick % Math.max(1, world.sent.length), each.fate);
    else if (each.type === "kill") world.kill(each.pick % Math.max(1, this.#driver));
    else if (each.type === "pass") world.group(each.group).pass(each.ms);
    else if (each.type === "restart") world.group(each.group).restart();
    else this.#recover(each.group);
    await turns();
    this.#checkNow();
  }

  #begin({ from, to, coordinator, amount }: Extract<Step, { type: "begin" }>): void {
    if (from === to) return;
    const id = `t${this.begun.length}`;
    const parts = new Map([
      [from, transferPart(id, "account", -amount)],
      [to, transferPart(id, "account", amount)],
    ]);
    const begun: Begun = { id, participants: [from, to] };
    this.begun.push(begun);
    const running = runDistributed(
      { id, coordinator, parts, timeoutMs: TIMEOUT_MS },
      this.world.ports(this.#driver++),
      NEVER,
    );
    running.then(
      (result) => {
        begun.result = result;
      },
      ({ code }) => expect(["link.lost", "data.distributed.undecided"]).toContain(code),
    );
  }

  #recover(name: string): void {
    const { transactions, nowMs } = this.world.group(name);
    void recover(name, transactions.due(nowMs, { afterMs: 0 }), this.world.ports(this.#driver++), NEVER);
  }

  /** Nothing is done twice, and no account holds less than nothing. */
  #checkNow(): void {
    for (const { counters } of this.world.groups.values()) {
      expect(counters.get("account")).toBeGreaterThanOrEqual(0);
      for (const { id } of this.begun) expect(counters.get(markOf(id))).toBeLessThanOrEqual(1);
    }
  }

  /** Everybody is up, and nothing is lost any more. */
  async heal(): Promise<void> {
    await this.world.settleAll();
    for (let round = 0; round < 4; round++) {
      for (const each of this.world.groups.values()) each.pass(10 * TIMEOUT_MS);
      for (const name of GROUPS) this.#recover(name);
      await turns();
      await this.world.settleAll();
    }
  }

  checkEnd(): void {
    for (const each of this.world.groups.values()) expect(each.isQuiet).toBe(true);
    expect(this.world.total(() => ["account"])).toBe(START * GROUPS.length);
    for (const { id, participants, result } of this.begun) {
      const marks = participants.map((name) => this.world.group(name).counters.get(markOf(id)));
      expect(marks[1]).toBe(marks[0]!);
      if (result !== undefined) expect(marks[0]).toBe(result.decision === "commit" ? 1 : 0);
    }
  }
}

test("transactions are all or nothing and none stays prepared when messages, drivers and nodes come and go at random", async () => {
  let commits = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 250, size: "max" }), async (steps) => {
      const run = new Run();
      for (const each of steps) await run.take(each);
      await run.heal();
      run.checkEnd();
      commits += run.begun.filter(({ result }) => result?.decision === "commit").length;
    }),
    { numRuns: 150 },
  );
  // Otherwise it has shown nothing.
  expect(commits).toBeGreaterThan(50);
});
