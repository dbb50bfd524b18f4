/** Supervision of real processes: they crash, end too often, refuse to start or to stop, and leave in the right order. */
import { describe, expect, test } from "bun:test";
import { isAlive, killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { CRASHING, NEVER_READY, ProcessFamily, STEADY, STUBBORN } from "./supervisor-family.ts";

describe("Supervision with processes", () => {
  test("start() starts one after the other, stop() stops in reverse and leaves nothing alive", async () => {
    await using family = new ProcessFamily({ children: { a: STEADY, b: STEADY, c: STEADY } });
    await family.root.start();
    expect(family.events).toEqual(["a 1", "b 1", "c 1"]);
    await family.root.stop();
    const stopping = ["shutdown c", "c ended", "shutdown b", "b ended", "shutdown a", "a ended"];
    expect(family.events.slice(3)).toEqual(stopping);
    expect(family.anyAlive).toBe(false);
  });

  test("a killed child is started again, alone", async () => {
    await using family = new ProcessFamily({ children: { a: STEADY, b: STEADY } });
    await family.root.start();
    const [a, b] = [family.pids.get("a")!, family.pids.get("b")!];
    killHard(a);
    await until("a runs again", () => family.pids.get("a") !== a && family.root.states()[0]!.state === "running");
    expect(family.events.slice(2)).toEqual(["a ended", "a 2"]);
    expect(family.pids.get("b")).toBe(b);
    expect(isAlive(b)).toBe(true);
    expect(family.root.restarts).toBe(1);
    await family.root.stop();
  });

  test("a child that keeps crashing uses up the restarts; then the others are stopped in reverse", async () => {
    await using family = new ProcessFamily({ maxRestarts: 4, children: { a: STEADY, b: STEADY, c: CRASHING } });
    await family.root.start();
    await until("the supervisor gives up", () => family.count("escalated c") === 1);
    await family.root.stop();
    expect(family.events.filter((each) => /^c \d/.test(each))).toEqual(["c 1", "c 2", "c 3", "c 4", "c 5"]);
    expect(family.events.slice(-5)).toEqual(["escalated c", "shutdown b", "b ended", "shutdown a", "a ended"]);
    expect(family.anyAlive).toBe(false);
  });

  test("start() rejects when a child never becomes ready", async () => {
    await using family = new ProcessFamily({ maxRestarts: 2, children: { a: STEADY, b: NEVER_READY } });
    await expect(family.root.start()).rejects.toThrow("2 restarts within 60000 ms are used up");
    await family.root.stop();
    expect(family.anyAlive).toBe(false);
  });

  test("stop() kills a child that does not end within its shutdown time, and no other", async () => {
    await using family = new ProcessFamily({
      children: { a: STEADY, b: { script: STUBBORN, shutdown: { timeoutMs: 100 } } },
    });
    await family.root.start();
    await family.root.stop();
    expect(family.events.slice(2)).toEqual(["shutdown b", "kill b", "b ended", "shutdown a", "a ended"]);
  });

  test("stop() kills at once when the spec says brutal_kill", async () => {
    await using family = new ProcessFamily({ children: { a: { script: STUBBORN, shutdown: "brutal_kill" } } });
    await family.root.start();
    await family.root.stop();
    expect(family.events).toEqual(["a 1", "kill a", "a ended"]);
  });

  test("abort() kills all children at once, stubborn ones too", async () => {
    await using family = new ProcessFamily({ children: { a: STUBBORN, b: STEADY, c: STUBBORN } });
    await family.root.start();
    await family.root.abort();
    expect(family.events.slice(3, 6)).toEqual(["kill c", "kill b", "kill a"]);
    expect(family.anyAlive).toBe(false);
  });

  test("a transient child is not started again after a normal end, a crashed one is", async () => {
    await using family = new ProcessFamily({ children: { a: { script: STEADY, restart: "transient" } } });
    await family.root.start();
    const pid = family.pids.get("a")!;
    killHard(pid);
    await until("a runs again", () => family.pids.get("a") !== pid && family.root.states()[0]!.state === "running");
    process.kill(family.pids.get("a")!, "SIGTERM");
    await until("a has ended", () => family.count("a ended") === 2 && family.root.states()[0]!.state === "gone");
    expect(family.count("a 3")).toBe(0);
    await family.root.stop();
  });
});
