/** The strategies over real processes: who is ended with a kill -9 of whom, in which order, and who goes on. */
import { describe, expect, test } from "bun:test";
import { isAlive, killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { ProcessFamily, STEADY, STUBBORN } from "./supervisor-family.ts";

describe("strategies with processes", () => {
  test("one_for_all ends all in reverse and starts all in order when one is killed", async () => {
    await using family = new ProcessFamily({ strategy: "one_for_all", children: { a: STEADY, b: STEADY, c: STEADY } });
    await family.root.start();
    const before = [...family.pids.values()];
    family.news();
    killHard(family.pid("b"));
    await family.untilServing("all run again", { a: family.pid("a"), b: family.pid("b"), c: family.pid("c") });
    const events = ["b ended", "shutdown c", "c ended", "shutdown a", "a ended", "a 2", "b 2", "c 2"];
    expect(family.news()).toEqual(events);
    expect(before.some(isAlive)).toBe(false);
    await family.root.stop();
    expect(family.anyAlive).toBe(false);
  });

  test("one_for_all with all killed at once starts each once and counts one restart", async () => {
    await using family = new ProcessFamily({
      strategy: "one_for_all",
      maxRestarts: 1,
      children: { a: STEADY, b: STEADY, c: STEADY },
    });
    await family.root.start();
    const before = Object.fromEntries(family.pids);
    family.news();
    for (const pid of Object.values(before)) killHard(pid);
    await family.untilServing("all run again", before);
    expect(family.events.filter((each) => /^\w \d$/.test(each))).toEqual(["a 2", "b 2", "c 2"]);
    expect(family.events.filter((each) => each.startsWith("escalated"))).toEqual([]);
    await family.root.stop();
  });

  test("rest_for_one ends those behind in reverse, and those in front go on", async () => {
    await using family = new ProcessFamily({
      strategy: "rest_for_one",
      children: { a: STEADY, b: STEADY, c: STEADY, d: STEADY },
    });
    await family.root.start();
    const a = family.pid("a");
    family.news();
    killHard(family.pid("b"));
    await family.untilServing("b, c and d run again", { b: family.pid("b"), c: family.pid("c"), d: family.pid("d") });
    expect(family.news()).toEqual(["b ended", "shutdown d", "d ended", "shutdown c", "c ended", "b 2", "c 2", "d 2"]);
    expect([family.pid("a"), isAlive(a)]).toEqual([a, true]);
    await family.root.stop();
  });

  test("a group restart kills a member that ignores SIGTERM, and waits until it is gone", async () => {
    await using family = new ProcessFamily({
      strategy: "rest_for_one",
      children: { a: STEADY, b: { script: STUBBORN, shutdown: { timeoutMs: 100 } } },
    });
    await family.root.start();
    family.news();
    const before = { a: family.pid("a"), b: family.pid("b") };
    killHard(before.a);
    await family.untilServing("both run again", before);
    expect(family.news()).toEqual(["a ended", "shutdown b", "kill b", "b ended", "a 2", "b 2"]);
    await family.root.abort();
  });

  test("simple_one_for_one starts instances on request, restarts one alone, and asks all at once in the end", async () => {
    await using family = new ProcessFamily({ strategy: "simple_one_for_one", children: { each: STEADY } });
    await family.root.start();
    for (const id of ["a", "b", "c"]) await family.root.startChild(id);
    const [a, b] = [family.pid("a"), family.pid("b")];
    killHard(b);
    await family.untilServing("b runs again", { b });
    expect(family.pid("a")).toBe(a);
    await family.root.terminateChild("a");
    expect(isAlive(a)).toBe(false);
    family.news();
    await family.root.stop();
    expect(family.news().slice(0, 2)).toEqual(["shutdown c", "shutdown b"]);
    expect(family.anyAlive).toBe(false);
  });

  test("the normal end of a significant child ends the supervisor and all its processes", async () => {
    await using family = new ProcessFamily({
      autoShutdown: "any_significant",
      children: { server: STEADY, job: { script: STEADY, restart: "transient", significant: true } },
    });
    await family.root.start();
    family.news();
    process.kill(family.pid("job"), "SIGTERM");
    await until("the supervisor has ended", () => family.root.tree().state === "stopped");
    expect(family.news()).toEqual(["job ended", "shutdown server", "server ended"]);
    expect(family.anyAlive).toBe(false);
  });

  test("a failure is left or escalated as the rules say", async () => {
    await using family = new ProcessFamily({
      onFailure: [{ match: "*", decision: "stop" }],
      children: { a: STEADY, b: STEADY },
    });
    await family.root.start();
    killHard(family.pid("a"));
    await until("a is left", () => family.root.states()[0]!.state === "gone");
    expect(isAlive(family.pid("b"))).toBe(true);
    expect(family.root.lastExit("a")).toMatchObject({ signal: "SIGKILL" });
    await family.root.stop();
  });
});
