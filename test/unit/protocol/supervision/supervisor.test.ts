import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ChildSpec, Supervisor } from "../../../../src/protocol/supervision/index.ts";
import { ABNORMAL, Family, NORMAL, worker } from "./family.ts";
import { run } from "./transcript.ts";

const TRANSCRIPTS = join(import.meta.dir, "transcripts");

describe("Supervisor transcripts", () => {
  for (const name of readdirSync(TRANSCRIPTS)) {
    test(`step() writes ${name} when replayed`, () => {
      const path = join(TRANSCRIPTS, name);
      const golden = readFileSync(path, "utf8");
      const replayed = run(golden);
      if (process.env.UPDATE_TRANSCRIPTS === "1") writeFileSync(path, replayed);
      else expect(replayed).toBe(golden);
    });
  }
});

const LIMITS = { maxRestarts: 3, restartPeriodMs: 50 };

describe("Supervisor", () => {
  test("constructor throws one Failure with all faults when specs or options are wrong", () => {
    const spec: ChildSpec = { id: "a", restart: "permanent", shutdown: "infinity" };
    const faulty = () => new Supervisor([spec, spec], { ...LIMITS, maxRestarts: -1 });
    expect(faulty).toThrow(
      "cannot build the supervisor: options.maxRestarts: -1, a whole number from 0 is required; " +
        'children[1].id: "a" is the id of children[0] already, ids must differ',
    );
    expect(faulty).toThrow(expect.objectContaining({ code: "supervision.invalid_spec" }));
  });

  test("step() throws when it is started twice", () => {
    const supervisor = new Supervisor([], LIMITS);
    supervisor.step({ type: "start" }, 0);
    expect(() => supervisor.step({ type: "start" }, 0)).toThrow("start of a supervisor");
  });

  test("step() ignores what is said about a child that it does not know", () => {
    const supervisor = new Supervisor([], LIMITS);
    expect(supervisor.step({ type: "started", id: "x", incarnation: 1 }, 0)).toEqual([]);
    const reason = { kind: "crash", detail: "" } as const;
    expect(supervisor.step({ type: "exited", id: "x", incarnation: 1, reason }, 0)).toEqual([]);
  });

  test("outcome tells the parent how it ended when it gave up, refused, was stopped, or was killed", () => {
    const ended = (how: "crash" | "refused" | "stop" | "abort"): unknown => {
      const supervisor = new Supervisor([{ id: "a" }], { ...LIMITS, maxRestarts: 0 });
      supervisor.step({ type: "start" }, 0);
      const reason = { kind: how as "crash", detail: "why" };
      if (how === "stop" || how === "abort") supervisor.step({ type: how }, 1);
      else supervisor.step({ type: "exited", id: "a", incarnation: 1, reason }, 1);
      return supervisor.outcome;
    };
    const exhausted = "a ended (why) and 0 restarts within 50 ms are used up";
    expect(ended("crash")).toEqual({ kind: "crash", detail: exhausted, code: "supervision.intensity" });
    expect(ended("refused")).toEqual({ kind: "refused", detail: "a refused to run: why", code: "supervision.refused" });
    expect(ended("stop")).toEqual({ kind: "normal", detail: "shutdown" });
    expect(ended("abort")).toEqual({ kind: "crash", detail: "killed", code: "supervision.killed" });
  });

  test("restarts counts the restarts of all children, deleted ones too", () => {
    const supervisor = new Supervisor([{ id: "each" }], { ...LIMITS, strategy: "simple_one_for_one" });
    const reason = { kind: "crash", detail: "" } as const;
    supervisor.step({ type: "start" }, 0);
    supervisor.step({ type: "start_child", request: 1, child: "a" }, 0);
    supervisor.step({ type: "started", id: "a", incarnation: 1 }, 0);
    supervisor.step({ type: "exited", id: "a", incarnation: 1, reason }, 0);
    supervisor.step({ type: "terminate_child", request: 2, id: "a" }, 0);
    supervisor.step({ type: "exited", id: "a", incarnation: 2, reason }, 0);
    expect([supervisor.restarts, supervisor.states()]).toEqual([1, []]);
  });

  test("step() waits for the longer delay when a failure in front joins a restart of others", () => {
    const restartDelayMs = (failures: number): number => (failures - 1) * 50;
    const options = { strategy: "rest_for_one", maxRestarts: 9, restartPeriodMs: 1_000, restartDelayMs } as const;
    const family = Family.started([worker("a"), worker("b")], options);
    family.exit("b");
    family.exit("b");
    expect(family.supervisor.nextDeadlineMs).toBe(50);
    family.news();
    family.nowMs = 10;
    family.exit("a");
    expect([family.news(), family.supervisor.nextDeadlineMs]).toEqual([["end a"], 50]);
    family.pass();
    expect([family.news(), family.nowMs]).toEqual([["start a", "start b"], 50]);
  });
});

/** a and d are significant; d takes its time to end, and a restart waits, so that more can happen meanwhile. */
function slowToEnd(): Family {
  const significant = { restart: "transient", significant: true } as const;
  const specs = [worker("a", significant), worker("b"), worker("c"), worker("d", significant)];
  const options = { strategy: "rest_for_one", autoShutdown: "all_significant", restartDelayMs: () => 50 } as const;
  const family = Family.started(specs, { maxRestarts: 9, ...options });
  family.obedience.set("d", "stubborn");
  return family;
}

describe("Supervisor with significant children while a restart of others waits", () => {
  test("step() does not wait for one that was being terminated on request when the restart began", () => {
    const family = slowToEnd();
    family.terminateChild("d");
    family.exit("b", ABNORMAL);
    family.exit("d", NORMAL);
    expect(family.children).toEqual(["a running", "b restarting", "c waiting", "d gone"]);
    family.news();
    family.exit("a", NORMAL);
    expect(family.news()).toEqual(["end a", "auto_shutdown a", "stopped"]);
  });

  test("step() does not wait for one that was being stopped for a restart that was called off", () => {
    const family = slowToEnd();
    family.exit("c", ABNORMAL);
    family.terminateChild("c");
    family.exit("b", ABNORMAL);
    family.exit("d", NORMAL);
    family.news();
    family.exit("a", NORMAL);
    expect(family.news()).toEqual(["end a", "auto_shutdown a", "stopped"]);
  });

  test("step() waits for one that is stopped for the restart, when a failure in front joins it too", () => {
    const family = slowToEnd();
    family.exit("c", ABNORMAL);
    family.exit("b", ABNORMAL);
    family.exit("d", NORMAL);
    family.exit("a", NORMAL);
    family.passAll();
    expect(family.children).toEqual(["a gone", "b running", "c running", "d running"]);
  });

  test("step() starts one that was being terminated on request with the others, when nothing comes between", () => {
    const family = slowToEnd();
    family.terminateChild("d");
    family.exit("b", ABNORMAL);
    family.exit("d", NORMAL);
    family.passAll();
    expect(family.children).toEqual(["a running", "b running", "c running", "d running"]);
  });
});
