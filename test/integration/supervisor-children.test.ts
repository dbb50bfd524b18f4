/** Supervision of real processes: they crash, end too often, refuse to start or to stop, and leave in the right order. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { type RunningChild, Supervision } from "../../src/process/supervise/index.ts";
import type { ChildSpec, ExitReason } from "../../src/protocol/supervision/index.ts";
import { isAlive, isGone, killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";

/** Waits in the shell itself and for moments only: a signal that comes just before a wait is heard after it. */
const WAIT = "while :; do read -r -t 0.05 <> <(:); done";
/** Serves until it is asked to end. */
const STEADY = `trap 'exit 0' TERM; echo ready; ${WAIT}`;
const STUBBORN = `trap '' TERM; echo ready; ${WAIT}`;
const CRASHING = "echo ready; exit 3";
const NEVER_READY = "exit 4";

class Family implements AsyncDisposable {
  readonly events: string[] = [];
  readonly pids = new Map<string, number>();
  readonly supervision: Supervision;
  readonly #scripts: ReadonlyMap<string, string>;
  readonly #all: number[] = [];

  constructor(children: Readonly<Record<string, string>>, specs: Partial<ChildSpec> = {}, maxRestarts = 5) {
    this.#scripts = new Map(Object.entries(children));
    const list = Object.keys(children).map((id) => ({
      id,
      restart: "permanent" as const,
      shutdown: { timeoutMs: 5_000 },
      ...specs,
    }));
    const options = { maxRestarts, restartPeriodMs: 60_000, restartDelayMs: () => 0 };
    this.supervision = new Supervision(list, options, {
      clock: systemClock,
      spawn: (id, incarnation) => this.#spawn(id, incarnation),
      escalated: (id) => void this.events.push(`escalated ${id}`),
    });
  }

  count(event: string): number {
    return this.events.filter((each) => each === event).length;
  }

  get anyAlive(): boolean {
    return this.#all.some(isAlive);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#all) if (isAlive(pid)) killHard(pid);
    await until("all children are gone", () => this.#all.every(isGone));
  }

  #spawn(id: string, incarnation: number): RunningChild {
    const started = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<ExitReason>();
    const child = Bun.spawn(["bash", "-c", this.#scripts.get(id)!], {
      stdio: ["ignore", "pipe", "ignore"],
      onExit: (_child, code, signal) => {
        this.events.push(`${id} ended`);
        exited.resolve({ kind: code === 0 ? "normal" : "crash", detail: String(signal ?? code) });
      },
    });
    this.events.push(`${id} ${incarnation}`);
    this.pids.set(id, child.pid);
    this.#all.push(child.pid);
    void child.stdout
      .getReader()
      .read()
      .then(({ done }) => !done && started.resolve());
    const terminate: RunningChild["terminate"] = (how) => {
      this.events.push(`${how} ${id}`);
      child.kill(how === "kill" ? "SIGKILL" : "SIGTERM");
    };
    return { started: started.promise, exited: exited.promise, terminate };
  }
}

describe("Supervision with processes", () => {
  test("start() starts one after the other, stop() stops in reverse and leaves nothing alive", async () => {
    await using family = new Family({ a: STEADY, b: STEADY, c: STEADY });
    await family.supervision.start();
    expect(family.events).toEqual(["a 1", "b 1", "c 1"]);
    await family.supervision.stop();
    const stopping = ["shutdown c", "c ended", "shutdown b", "b ended", "shutdown a", "a ended"];
    expect(family.events.slice(3)).toEqual(stopping);
    expect(family.anyAlive).toBe(false);
  });

  test("a killed child is started again, alone", async () => {
    await using family = new Family({ a: STEADY, b: STEADY });
    await family.supervision.start();
    const [a, b] = [family.pids.get("a")!, family.pids.get("b")!];
    killHard(a);
    await until(
      "a runs again",
      () => family.pids.get("a") !== a && family.supervision.states()[0]!.state === "running",
    );
    expect(family.events.slice(2)).toEqual(["a ended", "a 2"]);
    expect(family.pids.get("b")).toBe(b);
    expect(isAlive(b)).toBe(true);
    expect(family.supervision.restarts).toBe(1);
    await family.supervision.stop();
  });

  test("a child that keeps crashing uses up the restarts; then the others are stopped in reverse", async () => {
    await using family = new Family({ a: STEADY, b: STEADY, c: CRASHING }, {}, 4);
    await family.supervision.start();
    await until("the supervisor gives up", () => family.count("escalated c") === 1);
    await family.supervision.stop();
    expect(family.events.filter((each) => /^c \d/.test(each))).toEqual(["c 1", "c 2", "c 3", "c 4", "c 5"]);
    expect(family.events.slice(-5)).toEqual(["escalated c", "shutdown b", "b ended", "shutdown a", "a ended"]);
    expect(family.anyAlive).toBe(false);
  });

  test("start() rejects when a child never becomes ready", async () => {
    await using family = new Family({ a: STEADY, b: NEVER_READY }, {}, 2);
    await expect(family.supervision.start()).rejects.toThrow("2 restarts within 60000 ms are used up");
    await family.supervision.stop();
    expect(family.anyAlive).toBe(false);
  });

  test("stop() kills a child that does not end within its shutdown time, and no other", async () => {
    await using family = new Family({ a: STEADY, b: STUBBORN }, { shutdown: { timeoutMs: 100 } });
    await family.supervision.start();
    await family.supervision.stop();
    expect(family.events.slice(2)).toEqual(["shutdown b", "kill b", "b ended", "shutdown a", "a ended"]);
  });

  test("stop() kills at once when the spec says brutal_kill", async () => {
    await using family = new Family({ a: STUBBORN }, { shutdown: "brutal_kill" });
    await family.supervision.start();
    await family.supervision.stop();
    expect(family.events).toEqual(["a 1", "kill a", "a ended"]);
  });

  test("abort() kills all children at once, stubborn ones too", async () => {
    await using family = new Family({ a: STUBBORN, b: STEADY, c: STUBBORN });
    await family.supervision.start();
    await family.supervision.abort();
    expect(family.events.slice(3, 6)).toEqual(["kill c", "kill b", "kill a"]);
    expect(family.anyAlive).toBe(false);
  });

  test("a transient child is not started again after a normal end, a crashed one is", async () => {
    await using family = new Family({ a: STEADY }, { restart: "transient" });
    await family.supervision.start();
    const pid = family.pids.get("a")!;
    killHard(pid);
    await until(
      "a runs again",
      () => family.pids.get("a") !== pid && family.supervision.states()[0]!.state === "running",
    );
    process.kill(family.pids.get("a")!, "SIGTERM");
    await until("a has ended", () => family.count("a ended") === 2 && family.supervision.states()[0]!.state === "gone");
    expect(family.count("a 3")).toBe(0);
    await family.supervision.stop();
  });
});
