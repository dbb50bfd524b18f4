/** OTP's cases about who is restarted, and with whom. */
import { describe, expect } from "bun:test";
import type { ChildSpec, ExitReason, Restart, Strategy } from "../../../../src/protocol/supervision/index.ts";
import { ABNORMAL, Family, NORMAL, worker } from "./family.ts";
import { otp } from "./otp-cases.ts";

const SHUTDOWN: ExitReason = { kind: "normal", detail: "shutdown" };

/** One child of this kind, added to a running supervisor, that ends in this way: its children then. */
function afterExit(restart: Restart, reason: ExitReason): Family {
  const family = Family.started([]);
  family.startChild(worker("child1", { restart }));
  family.exit("child1", reason);
  return family;
}

describe("who is restarted", () => {
  otp("permanent_normal", "step() restarts a permanent child that ended normally", () => {
    const family = afterExit("permanent", NORMAL);
    expect(family.children).toEqual(["child1 running"]);
    expect(family.counts).toEqual([1, 1, 0, 1]);
  });

  otp("transient_normal", "step() leaves a transient child that ended normally", () => {
    const family = afterExit("transient", NORMAL);
    expect(family.children).toEqual(["child1 gone"]);
    expect(family.counts).toEqual([1, 0, 0, 1]);
  });

  otp("temporary_normal", "step() forgets a temporary child that ended normally", () => {
    const family = afterExit("temporary", NORMAL);
    expect(family.children).toEqual([]);
    expect(family.counts).toEqual([0, 0, 0, 0]);
  });

  otp("permanent_shutdown", "step() restarts a permanent child that was shut down, again and again", () => {
    const family = afterExit("permanent", SHUTDOWN);
    expect(family.children).toEqual(["child1 running"]);
    family.exit("child1", SHUTDOWN);
    expect(family.counts).toEqual([1, 1, 0, 1]);
  });

  otp("transient_shutdown", "step() leaves a transient child that was shut down; it can be restarted", () => {
    const family = afterExit("transient", SHUTDOWN);
    expect(family.children).toEqual(["child1 gone"]);
    expect(family.restartChild("child1")).toBe("ok");
    family.exit("child1", SHUTDOWN);
    expect(family.counts).toEqual([1, 0, 0, 1]);
  });

  otp("temporary_shutdown", "step() forgets a temporary child that was shut down; its id is free again", () => {
    const family = afterExit("temporary", SHUTDOWN);
    expect(family.children).toEqual([]);
    expect(family.startChild(worker("child1", { restart: "temporary" }))).toBe("ok");
    family.exit("child1", SHUTDOWN);
    expect(family.counts).toEqual([0, 0, 0, 0]);
  });

  otp("permanent_abnormal", "step() restarts a permanent child that crashed", () => {
    expect(afterExit("permanent", ABNORMAL).children).toEqual(["child1 running"]);
  });

  otp("transient_abnormal", "step() restarts a transient child that crashed", () => {
    expect(afterExit("transient", ABNORMAL).children).toEqual(["child1 running"]);
  });

  otp("temporary_abnormal", "step() forgets a temporary child that crashed", () => {
    expect(afterExit("temporary", ABNORMAL).children).toEqual([]);
  });

  otp(
    "temporary_bystander",
    "step() stops a temporary bystander for a group restart and does not start it again",
    () => {
      for (const strategy of ["one_for_all", "rest_for_one"] as const) {
        const family = Family.started([], { strategy });
        family.startChild(worker("child1"));
        family.startChild(worker("child2", { restart: "temporary" }));
        family.exit("child1", NORMAL);
        expect([strategy, family.children]).toEqual([strategy, ["child1 running"]]);
        expect(family.log).toContain("end child2");
        expect(family.supervisor.phase).toBe("running");
      }
    },
  );

  otp("multiple_restarts", "step() restarts without end when the intensity is never exceeded", () => {
    const family = Family.started([], { maxRestarts: 1, restartPeriodMs: 1_000 });
    family.startChild(worker("child1", { shutdown: "brutal_kill" }));
    for (const atMs of [0, 2_100, 4_200, 6_300]) {
      family.nowMs = atMs;
      family.exit("child1");
    }
    expect(family.children).toEqual(["child1 running"]);
    expect(family.terminateChild("child1")).toBe("ok");
    expect(family.deleteChild("child1")).toBe("ok");
  });

  otp(
    "do_not_save_child_specs_for_temporary_children",
    "step() keeps all specs but those of temporary children",
    () => {
      const ends: Record<string, (family: Family) => void> = {
        kill: (family) => family.exit("child", { kind: "crash", detail: "killed" }),
        normal: (family) => family.exit("child", NORMAL),
        abnormal: (family) => family.exit("child", ABNORMAL),
        supervisor: (family) => void family.terminateChild("child"),
      };
      for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const)
        for (const restart of ["permanent", "transient", "temporary"] as const)
          for (const [how, end] of Object.entries(ends)) {
            const family = Family.started([], { strategy });
            family.startChild(worker("child", { restart }));
            end(family);
            const isDown = how === "supervisor" || (how === "normal" && restart === "transient");
            const kept = isDown ? "already_present" : "already_started";
            const answer = family.startChild(worker("child", { restart }));
            expect([strategy, restart, how, answer]).toEqual([
              strategy,
              restart,
              how,
              restart === "temporary" ? "ok" : kept,
            ]);
          }
    },
  );
});

/** Two more failures after the first: the third is too many for an intensity of 2. */
function failUntilStopped(family: Family, ...ids: readonly string[]): void {
  for (const id of ids) {
    expect(family.isStopped).toBe(false);
    family.exit(id);
  }
  expect(family.isStopped).toBe(true);
  expect(family.supervisor.outcome).toMatchObject({ kind: "crash", code: "supervision.intensity" });
}

/** `child1` fails once, and from then on it cannot start: the supervisor gives up, and stops `child2`. */
function escalates(strategy: Strategy, specs: readonly ChildSpec[], failing: string): Family {
  const family = Family.started(specs, { strategy, maxRestarts: 4 });
  if (strategy === "simple_one_for_one") for (const id of ["child1", "child2"]) family.startChild(id);
  family.starts.set(failing, "fail");
  family.exit("child1");
  family.passAll();
  expect(family.isStopped).toBe(true);
  expect(family.alive.size).toBe(0);
  expect(family.log).toContain(`escalate ${failing}`);
  expect(family.log.filter((each) => each === `start ${failing}`)).toHaveLength(1 + 4);
  return family;
}

const TWO = [worker("child1"), worker("child2")];

describe("strategies", () => {
  otp("one_for_one", "step() restarts the one that failed alone, up to the intensity", () => {
    const family = Family.started(TWO);
    const before = family.alive.get("child2");
    family.exit("child1");
    expect(family.children).toEqual(["child1 running", "child2 running"]);
    expect(family.alive.get("child2")).toBe(before!);
    expect(family.counts).toEqual([2, 2, 0, 2]);
    failUntilStopped(family, "child2", "child1");
  });

  otp("one_for_one_escalation", "step() gives up on a child that cannot be restarted", () => {
    expect(escalates("one_for_one", TWO, "child1").log).toContain("end child2");
  });

  otp("one_for_all", "step() restarts all when one fails, up to the intensity", () => {
    const family = Family.started(TWO, { strategy: "one_for_all" });
    family.news();
    family.exit("child1");
    expect(family.news()).toEqual(["end child1", "shutdown child2", "end child2", "start child1", "start child2"]);
    expect(family.counts).toEqual([2, 2, 0, 2]);
    failUntilStopped(family, "child2", "child1");
  });

  otp("one_for_all_escalation", "step() gives up when another child cannot be restarted", () => {
    escalates("one_for_all", TWO, "child2");
  });

  otp(
    "one_for_all_other_child_fails_restart",
    "step() stops those that were restarted when a later one fails, and tries again",
    () => {
      const family = Family.started(TWO, { strategy: "one_for_all", maxRestarts: 3 });
      family.starts.set("child2", "fail");
      family.news();
      family.exit("child1");
      expect(family.news()).toEqual([
        ...["end child1", "shutdown child2", "end child2", "start child1", "start child2"],
        ...["shutdown child1", "end child1"],
      ]);
      family.starts.delete("child2");
      family.passAll();
      expect(family.news()).toEqual(["start child1", "start child2"]);
      expect(family.children).toEqual(["child1 running", "child2 running"]);
    },
  );

  otp("rest_for_one", "step() restarts the one that failed and those after it, up to the intensity", () => {
    const family = Family.started([...TWO, worker("child3")], { strategy: "rest_for_one" });
    const before = family.alive.get("child1");
    family.news();
    family.exit("child2");
    expect(family.news()).toEqual(["end child2", "shutdown child3", "end child3", "start child2", "start child3"]);
    expect(family.alive.get("child1")).toBe(before!);
    expect(family.counts).toEqual([3, 3, 0, 3]);
    failUntilStopped(family, "child3", "child2");
  });

  otp("rest_for_one_escalation", "step() gives up when a later child cannot be restarted", () => {
    escalates("rest_for_one", TWO, "child2");
  });

  otp(
    "rest_for_one_other_child_fails_restart",
    "step() lets those run that were restarted before the one that fails",
    () => {
      const family = Family.started(TWO, { strategy: "rest_for_one", maxRestarts: 3 });
      family.starts.set("child2", "fail");
      family.exit("child1");
      const before = family.alive.get("child1");
      family.news();
      family.starts.delete("child2");
      family.passAll();
      expect(family.news()).toEqual(["start child2"]);
      expect(family.alive.get("child1")).toBe(before!);
    },
  );

  otp("simple_one_for_one", "step() restarts the instance that failed alone, up to the intensity", () => {
    const family = Family.started([worker("each")], { strategy: "simple_one_for_one" });
    for (const id of ["a", "b"]) family.startChild(id);
    family.exit("a");
    expect(family.children).toEqual(["a running", "b running"]);
    expect(family.counts).toEqual([1, 2, 0, 2]);
    failUntilStopped(family, "b", "a");
  });

  otp("simple_one_for_one_shutdown", "step() gives every instance the template's shutdown time", () => {
    const family = Family.started([worker("each", { shutdown: { timeoutMs: 2_000 } })], {
      strategy: "simple_one_for_one",
    });
    for (const id of ["a", "b", "c"]) family.startChild(id);
    for (const id of ["a", "b", "c"]) family.obedience.set(id, "stubborn");
    family.stop();
    family.nowMs = 1_000;
    for (const id of ["a", "b"]) family.exit(id, NORMAL);
    expect(family.isStopped).toBe(false);
    family.passAll();
    expect(family.nowMs).toBe(2_000);
    expect(family.log.filter((each) => each.startsWith("kill"))).toEqual(["kill c"]);
    expect(family.isStopped).toBe(true);
  });

  otp("simple_one_for_one_escalation", "step() gives up on an instance that cannot be restarted", () => {
    expect(escalates("simple_one_for_one", [worker("each")], "child1").log).toContain("end child2");
  });

  otp("simple_one_for_one_corruption", "step() keeps nothing of temporary instances, the first and later ones", () => {
    const family = Family.started([worker("each", { restart: "temporary" })], { strategy: "simple_one_for_one" });
    for (let round = 0; round < 3; round++) {
      expect(family.startChild("a")).toBe("ok");
      family.exit("a");
      expect([family.children, family.counts]).toEqual([[], [1, 0, 0, 0]]);
    }
  });

  otp(
    "simple_one_for_one_restart_ignore",
    "step() forgets an instance that says at its restart that it need not run",
    () => {
      for (const restart of ["transient", "permanent"] as const) {
        const family = Family.started([worker("each", { restart })], {
          strategy: "simple_one_for_one",
          maxRestarts: 10,
        });
        family.startChild("a");
        family.exit("a");
        expect(family.children).toEqual(["a running"]);
        family.starts.set("a", "ignore");
        family.exit("a");
        expect(family.children).toEqual([]);
        family.stop();
        expect(family.isStopped).toBe(true);
      }
    },
  );

  otp(
    "simple_one_for_one_scale_many_temporary_children",
    "step() takes ten thousand instances and lets them go",
    () => {
      const family = Family.started([worker("each", { restart: "temporary" })], { strategy: "simple_one_for_one" });
      const ids = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
      for (const id of ids) family.startChild(id);
      expect(family.counts).toEqual([1, 10_000, 0, 10_000]);
      for (const id of ids) if (family.terminateChild(id) !== "ok") throw new Error(`${id} was not terminated`);
      expect([family.counts, family.alive.size]).toEqual([[1, 0, 0, 0], 0]);
    },
  );

  otp("scale_start_stop_many_children", "step() takes ten thousand named children and stops them in reverse", () => {
    const family = Family.started([]);
    const ids = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
    for (const id of ids) family.startChild(worker(id));
    expect(family.counts).toEqual([10_000, 10_000, 0, 10_000]);
    family.news();
    family.stop();
    expect(family.log.filter((each) => each.startsWith("end"))).toEqual(ids.toReversed().map((id) => `end ${id}`));
    expect(family.isStopped).toBe(true);
  });
});
