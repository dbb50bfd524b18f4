/** Trees of supervisors: OTP's cases about them, and what holds for any tree. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RunningChild } from "../../../../src/process/supervise/index.ts";
import type { Restart, Strategy } from "../../../../src/protocol/supervision/index.ts";
import { otp } from "../../protocol/supervision/otp-cases.ts";
import { CRASH, Forest, NORMAL, type Plan, turn } from "./forest.ts";

async function started(plan: Plan): Promise<Forest> {
  const forest = new Forest(plan);
  await forest.root.start();
  forest.news();
  return forest;
}

function counts(forest: Forest, path: string): number[] {
  const { specs, active, supervisors, workers } = forest.at(path).countChildren();
  return [specs, active, supervisors, workers];
}

describe("trees", () => {
  otp("tree", "asChild() restarts a subtree without the children that were added to it", async () => {
    const empty: Plan = { maxRestarts: 4, children: [] };
    const forest = await started({
      strategy: "one_for_all",
      maxRestarts: 4,
      children: [
        { id: "sup1", plan: { maxRestarts: 4, children: [{ id: "child1" }, { id: "child2" }] } },
        { id: "sup2", plan: empty },
        { id: "sup3", restart: "transient", plan: empty },
      ],
    });
    await forest.root.terminateChild("sup3");
    expect([counts(forest, ""), counts(forest, "sup1"), counts(forest, "sup2")]).toEqual([
      [3, 2, 3, 0],
      [2, 2, 0, 2],
      [0, 0, 0, 0],
    ]);
    await forest.at("sup2").startChild({ id: "child3" });
    await forest.at("sup2").startChild({ id: "child4" });
    const bystanders = [forest.worker("sup1/child1"), forest.worker("sup2/child3")];
    await forest.exit("sup2/child4", CRASH);
    expect([forest.worker("sup1/child1"), forest.worker("sup2/child3")]).toEqual(bystanders);
    forest.starts.set("sup2/child3", "fail");
    await forest.exit("sup2/child3", CRASH);
    for (let tries = 0; tries < 4; tries++) {
      forest.clock.advance(1);
      await turn();
    }
    expect(forest.log).toContain("escalated sup2/child3");
    expect([counts(forest, ""), counts(forest, "sup1"), counts(forest, "sup2"), counts(forest, "sup3")]).toEqual([
      [3, 3, 3, 0],
      [2, 2, 0, 2],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(forest.faults).toEqual([]);
  });

  otp(
    "simple_global_supervisor",
    "asChild() gives a new subtree when supervisor or worker is killed, ends, or is restarted",
    async () => {
      const child = { id: "child", shutdown: { timeoutMs: 2_000 } };
      const middle: Plan = { strategy: "one_for_all", maxRestarts: 3, children: [child] };
      const forest = await started({
        strategy: "one_for_all",
        maxRestarts: 3,
        children: [{ id: "middle", plan: middle }],
      });
      const replaced = async (act: () => Promise<void>): Promise<boolean[]> => {
        const [worker, supervision] = [forest.worker("middle/child"), forest.at("middle")];
        await act();
        await turn();
        return [forest.worker("middle/child") !== worker, forest.at("middle") !== supervision];
      };
      expect(await replaced(() => forest.at("middle").abort())).toEqual([true, true]);
      expect(await replaced(() => forest.exit("middle/child", CRASH))).toEqual([true, false]);
      expect(await replaced(() => forest.exit("middle/child", NORMAL))).toEqual([true, false]);
      const restart = async (): Promise<void> => {
        await forest.at("middle").terminateChild("child");
        await forest.at("middle").restartChild("child");
      };
      expect(await replaced(restart)).toEqual([true, false]);
      await forest.root.abort();
      expect([forest.alive.size, forest.faults]).toEqual([0, []]);
    },
  );

  otp(
    "significant_escalation",
    "asChild() ends a significant supervisor normally, and its parent with it",
    async () => {
      const worker = { id: "child1", restart: "transient" as const, significant: true };
      const inner: Plan = { autoShutdown: "any_significant", children: [worker] };
      const plan = (significant: boolean): Plan => ({
        autoShutdown: "any_significant",
        children: [{ id: "sup1", restart: "transient", significant, plan: inner }, { id: "other" }],
      });
      const all = await started(plan(true));
      await all.exit("sup1/child1", NORMAL);
      expect(all.root.tree().state).toBe("stopped");
      const one = await started(plan(false));
      await one.exit("sup1/child1", NORMAL);
      expect(one.states).toEqual(["sup1 stopped", "sup1/child1 stopped", "other running"]);
      expect(one.root.lastExit("sup1")).toEqual({ code: null, signal: null, reason: "shutdown", atMs: 0 });
    },
  );

  otp("faulty_application_shutdown", "start() of a tree rejects with what its innermost child said", async () => {
    const forest = new Forest({ children: [{ id: "ok" }, { id: "sup", plan: { children: [{ id: "faulty" }] } }] });
    forest.starts.set("sup/faulty", "refuse");
    await expect(forest.root.start()).rejects.toThrow("sup refused to run: faulty refused to run: no");
    await forest.root.stop();
    expect([forest.alive.size, forest.faults]).toEqual([0, []]);
  });

  test("asChild() crashes with supervision.intensity when the nested supervisor gives up, after its children are gone", async () => {
    const child = (forest: Forest): RunningChild => forest.root.asChild();
    const forest = new Forest({ maxRestarts: 0, children: [{ id: "a" }, { id: "b" }] });
    const { exited, started: serves } = child(forest);
    await serves;
    forest.worker("a").stubborn = true;
    await forest.exit("b", CRASH);
    expect(forest.states).toEqual(["a stopping", "b stopped"]);
    forest.worker("a").exit(NORMAL);
    expect(await exited).toEqual({
      kind: "crash",
      code: "supervision.intensity",
      detail: "b ended (died) and 0 restarts within 3600000 ms are used up",
    });
  });

  test("terminateChild() stops a subtree in reverse, restartChild() builds it anew", async () => {
    const inner: Plan = { children: [{ id: "a" }, { id: "b" }] };
    const forest = await started({
      children: [
        { id: "one", plan: inner },
        { id: "two", plan: inner },
      ],
    });
    await forest.root.terminateChild("one");
    expect(forest.news()).toEqual(["end one/b", "end one/a", "ended one"]);
    expect(forest.states).toEqual([
      ...["one stopped", "one/a stopped", "one/b stopped"],
      ...["two running", "two/a running", "two/b running"],
    ]);
    await forest.root.restartChild("one");
    expect(forest.news()).toEqual(["start one", "start one/a", "start one/b"]);
    expect(forest.states.filter((each) => !each.endsWith(" running"))).toEqual([]);
  });

  test("abort() of the root kills through all levels", async () => {
    const forest = await started({
      children: [{ id: "one", plan: { children: [{ id: "a", shutdown: "infinity" }] } }],
    });
    forest.worker("one/a").stubborn = true;
    const stopping = forest.root.stop();
    await turn();
    expect([...forest.alive.keys()]).toEqual(["one/a"]);
    await forest.root.abort();
    await stopping;
    expect(forest.alive.size).toBe(0);
  });
});

const RUNS = 150;
const SEED = 20_261_121;

interface Schedule {
  readonly plan: Plan;
  readonly events: readonly {
    readonly pick: number;
    readonly kind: "crash" | "normal" | "pass" | "terminate" | "restart";
  }[];
}

const strategy = fc.constantFrom<Strategy[]>("one_for_one", "one_for_all", "rest_for_one");
const restart = fc.constantFrom<Restart[]>("permanent", "permanent", "transient", "temporary");
const named = <T extends object>(children: readonly T[]): (T & { id: string })[] =>
  children.map((child, index) => ({ ...child, id: `c${index}` }));

function plans(depth: number): fc.Arbitrary<Plan> {
  const leaf = fc.record({ restart });
  const nested = fc.record({ restart, plan: depth > 1 ? plans(depth - 1) : fc.constant<Plan>({ children: [] }) });
  const child = depth > 1 ? fc.oneof(leaf, nested) : leaf;
  const children = fc.array(child, { minLength: 1, maxLength: 3, size: "max" }).map(named);
  return fc.record({ strategy, maxRestarts: fc.integer({ min: 0, max: 3 }), children });
}

const schedule: fc.Arbitrary<Schedule> = fc.record({
  plan: plans(3),
  events: fc.array(
    fc.record({
      pick: fc.nat(),
      kind: fc.constantFrom("crash", "crash", "crash", "normal", "pass", "terminate", "restart"),
    }),
    { maxLength: 30, size: "max" },
  ),
});

async function livesThrough({ events, plan }: Schedule, endsTooEarly: boolean): Promise<void> {
  const forest = new Forest(plan, endsTooEarly);
  void forest.root.start().catch(() => {});
  await turn();
  for (const { kind, pick } of events) await happen(forest, kind, pick);
  await escalate(forest);
  expect([forest.faults, [...forest.alive.keys()], forest.root.tree().state]).toEqual([[], [], "stopped"]);
}

async function happen(forest: Forest, kind: Schedule["events"][number]["kind"], pick: number): Promise<void> {
  const living = [...forest.alive.keys()];
  const path = living[pick % Math.max(1, living.length)];
  const [id, ...above] = (path ?? "none").split("/").toReversed();
  const supervision = forest.at(above.toReversed().join("/"));
  if (kind === "pass" || path === undefined) forest.clock.advance(10);
  else if (kind === "crash" || kind === "normal") forest.worker(path).exit(kind === "crash" ? CRASH : NORMAL);
  else if (kind === "terminate") void supervision.terminateChild(id!).catch(() => {});
  else void supervision.restartChild(id!).catch(() => {});
  await turn();
}

/** Crashes whoever lives until the root has given up, or nobody lives who could; then it is stopped. */
async function escalate(forest: Forest): Promise<void> {
  for (let guard = 0; forest.alive.size > 0 && guard < 300; guard++) {
    for (const worker of [...forest.alive.values()]) worker.exit(CRASH);
    await turn();
    forest.clock.advance(1);
    await turn();
  }
  await forest.root.stop();
}

describe("any tree", () => {
  test("asChild() ends everything below when it gives up, and never has a worker twice", async () => {
    const property = fc.asyncProperty(schedule, (given) => livesThrough(given, false));
    await fc.assert(property, { numRuns: RUNS });
  });

  test("the faults above are seen when a nested supervisor says too early that it has ended", async () => {
    const property = fc.asyncProperty(schedule, (given) => livesThrough(given, true));
    const found = await fc.check(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toContain("ended before its children");
  });
});
