/** Trees of supervisors over real processes: escalation, subtrees that are stopped and restarted, what a tree tells. */
import { describe, expect, test } from "bun:test";
import { placesOf } from "../../src/app/control/tree-names.ts";
import { isAlive, isGone, killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { CRASHING, type FamilyPlan, ProcessFamily, STEADY, STUBBORN } from "./supervisor-family.ts";

const PAIR: FamilyPlan = { maxRestarts: 1, children: { x: STEADY, y: STEADY } };

async function served(plan: FamilyPlan): Promise<ProcessFamily> {
  const family = new ProcessFamily(plan);
  await family.root.start();
  family.news();
  return family;
}

describe("trees with processes", () => {
  test("a killed worker is replaced in its own supervisor; one kill too many rebuilds that subtree, and no other", async () => {
    await using family = await served({ children: { left: { family: PAIR }, right: { family: PAIR } } });
    const bystanders = ["left/y", "right/x", "right/y"].map((path) => family.pid(path));
    const first = family.pid("left/x");
    killHard(first);
    await family.untilServing("left/x runs again", { "left/x": first });
    expect(["left/y", "right/x", "right/y"].map((path) => family.pid(path))).toEqual(bystanders);
    const [second, y] = [family.pid("left/x"), family.pid("left/y")];
    killHard(second);
    await family.untilServing("left is built anew", { "left/x": second, "left/y": y });
    expect(family.count("escalated left/x")).toBe(1);
    expect(["right/x", "right/y"].map((path) => family.pid(path))).toEqual(bystanders.slice(1));
    expect(family.root.lastExit("left")?.reason).toContain("1 restarts within 60000 ms are used up");
    await family.root.stop();
    expect(family.anyAlive).toBe(false);
  });

  test("a worker that cannot stay up ends the whole tree, level by level", async () => {
    const inner: FamilyPlan = { maxRestarts: 2, children: { steady: STEADY, crashing: CRASHING } };
    await using family = new ProcessFamily({ maxRestarts: 1, children: { bystander: STEADY, sub: { family: inner } } });
    await family.root.start();
    await until("the root gives up", () => family.count("escalated sub") === 1);
    await family.root.stop();
    expect(family.events.filter((each) => /crashing \d$/.test(each))).toHaveLength((1 + 2) * (1 + 1));
    expect(family.count("escalated sub/crashing")).toBe(2);
    expect(family.anyAlive).toBe(false);
  });

  test("terminateChild() ends a subtree in reverse and leaves the rest; restartChild() brings it back", async () => {
    await using family = await served({ children: { left: { family: PAIR }, right: { family: PAIR } } });
    const left = ["left/x", "left/y"].map((path) => family.pid(path));
    const right = ["right/x", "right/y"].map((path) => family.pid(path));
    await family.root.terminateChild("left");
    expect(family.news()).toEqual(["shutdown left/y", "left/y ended", "shutdown left/x", "left/x ended"]);
    expect([left.every(isGone), right.every(isAlive)]).toEqual([true, true]);
    await family.root.restartChild("left");
    expect(family.news()).toEqual(["left 2", "left/x 1", "left/y 1"]);
    expect(isAlive(family.pid("left/x"))).toBe(true);
    expect(["right/x", "right/y"].map((path) => family.pid(path))).toEqual(right);
    await family.root.stop();
  });

  test("a child can be stopped and restarted inside a subtree", async () => {
    await using family = await served({ children: { left: { family: PAIR } } });
    const x = family.pid("left/x");
    await family.at("left").terminateChild("x");
    expect(isAlive(x)).toBe(false);
    await expect(family.at("left").deleteChild("y")).rejects.toThrow(
      "cannot delete child y: it runs; terminate it before",
    );
    await family.at("left").restartChild("x");
    expect(isAlive(family.pid("left/x"))).toBe(true);
    await family.root.stop();
  });

  test("stop() waits for a stubborn grandchild's time-out, then kills it, then goes on in order", async () => {
    const inner: FamilyPlan = { children: { a: STEADY, stubborn: { script: STUBBORN, shutdown: { timeoutMs: 100 } } } };
    await using family = await served({ children: { first: STEADY, sub: { family: inner }, last: STEADY } });
    await family.root.stop();
    expect(family.news()).toEqual([
      ...["shutdown last", "last ended"],
      ...["shutdown sub/stubborn", "kill sub/stubborn", "sub/stubborn ended", "shutdown sub/a", "sub/a ended"],
      ...["shutdown first", "first ended"],
    ]);
  });

  test("one_for_all over supervisors rebuilds all subtrees when one gives up", async () => {
    const once: FamilyPlan = { maxRestarts: 0, children: { w: STEADY } };
    await using family = await served({
      strategy: "one_for_all",
      children: { a: { family: once }, b: { family: once } },
    });
    const before = { "a/w": family.pid("a/w"), "b/w": family.pid("b/w") };
    killHard(before["b/w"]);
    await family.untilServing("both subtrees are new", before);
    expect(Object.values(before).every(isGone)).toBe(true);
    expect(family.news()).toEqual([
      ...["b/w ended", "escalated b/w", "shutdown a/w", "a/w ended"],
      ...["a 2", "a/w 1", "b 2", "b/w 1"],
    ]);
    await family.root.stop();
  });

  test("tree() shows processes, restarts and last exits at every level", async () => {
    await using family = await served({ name: "daemon", children: { left: { family: PAIR }, alone: STEADY } });
    const x = family.pid("left/x");
    killHard(x);
    await family.untilServing("left/x runs again", { "left/x": x });
    const tree = family.root.tree();
    expect(placesOf(tree).map(({ path, node }) => [path, node.kind, node.pid ?? 0, node.restarts])).toEqual([
      ["/daemon", "supervisor", 0, 0],
      ["/daemon/left", "supervisor", 0, 0],
      ["/daemon/left/x", "worker", family.pid("left/x"), 1],
      ["/daemon/left/y", "worker", family.pid("left/y"), 0],
      ["/daemon/alone", "worker", family.pid("alone"), 0],
    ]);
    const found = placesOf(tree).find(({ path }) => path === "/daemon/left/x");
    expect(found?.node.lastExit).toMatchObject({ signal: "SIGKILL" });
    expect(JSON.parse(JSON.stringify(tree))).toEqual(tree);
    await family.root.stop();
  });
});
