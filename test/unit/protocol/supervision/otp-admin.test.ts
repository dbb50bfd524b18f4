/** OTP's cases about requests, about restart loops that are interrupted, and about significant children. */
import { describe, expect } from "bun:test";
import type { AutoShutdown, Restart, Strategy } from "../../../../src/protocol/supervision/index.ts";
import { ABNORMAL, Family, NORMAL, worker } from "./family.ts";
import { otp } from "./otp-cases.ts";

const SIMPLE = { strategy: "simple_one_for_one" } as const;

describe("requests", () => {
  otp("child_adm", "step() answers every request as OTP does", () => {
    const family = Family.started([worker("child1")]);
    expect(family.startChild(worker("child1"))).toBe("already_started");
    expect(family.terminateChild("hej")).toBe("not_found");
    expect(family.terminateChild("child1")).toBe("ok");
    expect([family.children, family.counts]).toEqual([["child1 gone"], [1, 0, 0, 1]]);
    expect(family.terminateChild("child1")).toBe("ok");
    expect(family.startChild(worker("child1"))).toBe("already_present");
    expect(family.restartChild("child1")).toBe("ok");
    expect([family.children, family.counts]).toEqual([["child1 running"], [1, 1, 0, 1]]);
    expect(family.restartChild("child1")).toBe("running");
    expect(family.restartChild("child2")).toBe("not_found");
    expect(family.deleteChild("child1")).toBe("running");
    expect(family.deleteChild("hej")).toBe("not_found");
    expect(family.terminateChild("child1")).toBe("ok");
    expect(family.deleteChild("child1")).toBe("ok");
    expect(family.restartChild("child1")).toBe("not_found");
    expect([family.children, family.counts]).toEqual([[], [0, 0, 0, 0]]);
    expect(family.startChild(worker("child1"))).toBe("ok");
    expect(family.alive.get("child1")).toBe(3); // counts on: what the deleted one still says is not taken for it
  });

  otp("child_adm_simple", "step() starts and terminates instances, and restarts and deletes none", () => {
    const family = Family.started([worker("each")], SIMPLE);
    expect([family.children, family.counts]).toEqual([[], [1, 0, 0, 0]]);
    expect(family.startChild("a")).toBe("ok");
    expect(family.counts).toEqual([1, 1, 0, 1]);
    expect(family.startChild("b")).toBe("ok");
    expect(family.counts).toEqual([1, 2, 0, 2]);
    expect(family.startChild("b")).toBe("already_started");
    expect(family.startChild(worker("c"))).toBe("invalid_spec");
    expect(family.terminateChild("each")).toBe("not_found");
    expect(family.terminateChild("a")).toBe("ok");
    expect([family.children, family.counts]).toEqual([["b running"], [1, 1, 0, 1]]);
    expect(family.restartChild("b")).toBe("simple_one_for_one");
    expect(family.deleteChild("b")).toBe("simple_one_for_one");
  });

  otp("which_children", "states() follows each request", () => {
    const family = Family.started([]);
    expect(family.children).toEqual([]);
    family.startChild(worker("child1"));
    family.startChild(worker("child2", { type: "supervisor" }));
    expect(family.supervisor.states()).toEqual([
      { id: "child1", type: "worker", state: "running", incarnation: 1, restarts: 0 },
      { id: "child2", type: "supervisor", state: "running", incarnation: 1, restarts: 0 },
    ]);
    family.terminateChild("child1");
    expect(family.children).toEqual(["child1 gone", "child2 running"]);
    family.deleteChild("child1");
    expect(family.children).toEqual(["child2 running"]);
  });

  otp("which_children_simple_one_for_one", "states() names the instances, not the template", () => {
    const family = Family.started([worker("each")], SIMPLE);
    expect(family.children).toEqual([]);
    for (const id of ["a", "b"]) family.startChild(id);
    expect(family.children).toEqual(["a running", "b running"]);
    family.terminateChild("a");
    expect(family.children).toEqual(["b running"]);
  });

  otp("count_children", "countChildren() counts a thousand instances, and none when all have ended", () => {
    const family = Family.started([worker("each", { restart: "temporary" })], SIMPLE);
    for (let number = 0; number < 1_000; number++) family.startChild(`c${number}`);
    expect([family.children.length, family.counts]).toEqual([1_000, [1, 1_000, 0, 1_000]]);
    for (const id of [...family.alive.keys()]) family.exit(id);
    expect(family.counts).toEqual([1, 0, 0, 0]);
  });

  otp("count_children_supervisor", "countChildren() counts supervisors as such", () => {
    const family = Family.started([{ id: "each", restart: "temporary", type: "supervisor" }], SIMPLE);
    for (let number = 0; number < 1_000; number++) family.startChild(`c${number}`);
    expect(family.counts).toEqual([1, 1_000, 1_000, 0]);
    for (const id of [...family.alive.keys()]) family.exit(id);
    expect(family.counts).toEqual([1, 0, 0, 0]);
  });

  otp("count_restarting_children", "countChildren() counts who is being restarted as known, not as active", () => {
    const family = Family.started([worker("each", { shutdown: "brutal_kill" })], { ...SIMPLE, maxRestarts: 20 });
    for (const id of ["a", "b", "c"]) family.startChild(id);
    for (const id of ["a", "b", "c"]) family.exit(id);
    expect(family.counts).toEqual([1, 3, 0, 3]);
    family.starts.set("a", "fail").set("b", "fail");
    for (const id of ["a", "b"]) family.exit(id);
    expect(family.counts).toEqual([1, 1, 0, 3]);
    family.starts.clear();
    family.passAll();
    expect(family.counts).toEqual([1, 3, 0, 3]);
    for (const [index, id] of ["a", "b", "c"].entries()) {
      expect(family.terminateChild(id)).toBe("ok");
      expect(family.counts).toEqual([1, 2 - index, 0, 2 - index]);
    }
  });

  otp("child_unlink", "step() answers others while a child does not end, and kills that one", () => {
    const family = Family.started([worker("naughty"), worker("other")]);
    family.obedience.set("naughty", "stubborn");
    expect(family.terminateChild("naughty")).toBeUndefined();
    expect(family.restartChild("naughty")).toBe("running");
    expect(family.terminateChild("other")).toBe("ok");
    family.passAll();
    expect(family.children).toEqual(["naughty gone", "other gone"]);
    expect(family.log).toContain("kill naughty");
  });
});

describe("restart loops", () => {
  otp("hanging_restart_loop", "step() lets a request and a stop into a restart loop", () => {
    const family = Family.started([], { maxRestarts: 8, restartPeriodMs: 10_000 });
    family.startChild(worker("child1", { shutdown: "brutal_kill" }));
    family.starts.set("child1", "fail");
    family.exit("child1");
    expect(family.startChild(worker("child1"))).toBe("already_present");
    expect(family.restartChild("child1")).toBe("restarting");
    expect(family.deleteChild("child1")).toBe("restarting");
    expect([family.children, family.counts]).toEqual([["child1 restarting"], [1, 0, 0, 1]]);
    expect(family.terminateChild("child1")).toBe("ok");
    expect(family.children).toEqual(["child1 gone"]);
    family.starts.clear();
    expect(family.restartChild("child1")).toBe("ok");
    family.starts.set("child1", "fail");
    family.exit("child1");
    family.stop();
    expect(family.isStopped).toBe(true);
    expect(family.log).not.toContain("escalate child1");
  });

  otp(
    "hanging_restart_loop_rest_for_one",
    "step() calls the restart of a group off when its child is terminated",
    () => {
      const ids = ["child1", "child2", "child3"];
      const options = { strategy: "rest_for_one", maxRestarts: 8 } as const;
      const family = Family.started(
        ids.map((id) => worker(id, { shutdown: "brutal_kill" })),
        options,
      );
      family.starts.set("child2", "fail");
      family.exit("child2");
      expect(family.startChild(worker("child2"))).toBe("already_present");
      expect(family.restartChild("child2")).toBe("restarting");
      expect(family.deleteChild("child2")).toBe("restarting");
      expect(family.children).toEqual(["child1 running", "child2 restarting", "child3 waiting"]);
      expect(family.counts).toEqual([3, 1, 0, 3]);
      expect(family.terminateChild("child2")).toBe("ok");
      expect(family.children).toEqual(["child1 running", "child2 gone", "child3 gone"]);
      family.starts.clear();
      expect(family.restartChild("child2")).toBe("ok");
      family.starts.set("child2", "fail");
      family.exit("child2");
      family.stop();
      expect([family.isStopped, family.alive.size]).toEqual([true, 0]);
    },
  );

  otp("hanging_restart_loop_simple", "step() forgets an instance that is terminated in its restart loop", () => {
    const family = Family.started([worker("each", { shutdown: "brutal_kill" })], { ...SIMPLE, maxRestarts: 8 });
    family.startChild("a");
    family.starts.set("a", "fail");
    family.exit("a");
    expect(family.restartChild("a")).toBe("simple_one_for_one");
    expect(family.deleteChild("a")).toBe("simple_one_for_one");
    expect([family.children, family.counts]).toEqual([["a restarting"], [1, 0, 0, 1]]);
    expect(family.terminateChild("a")).toBe("ok");
    expect(family.children).toEqual([]);
    family.starts.clear();
    expect(family.startChild("a")).toBe("ok");
    family.starts.set("a", "fail");
    family.exit("a");
    family.stop();
    expect(family.isStopped).toBe(true);
  });
});

const MODES: readonly AutoShutdown[] = ["any_significant", "all_significant"];

/** child1 and child2 significant, child3 not. */
function significant(restart: Restart, autoShutdown: AutoShutdown): Family {
  const specs = ["child1", "child2", "child3"].map((id) => worker(id, { restart, significant: id !== "child3" }));
  return Family.started(specs, { maxRestarts: 5, autoShutdown });
}

describe("significant children", () => {
  otp("nonsignificant_temporary", "step() goes on when a temporary child that is not significant ends", () => {
    for (const autoShutdown of ["never", ...MODES] as const) {
      const family = Family.started([], { autoShutdown });
      const child = worker("child1", { restart: "temporary" });
      for (const end of [NORMAL, ABNORMAL]) {
        family.startChild(child);
        family.exit("child1", end);
      }
      family.startChild(child);
      family.terminateChild("child1");
      expect([autoShutdown, family.supervisor.phase]).toEqual([autoShutdown, "running"]);
    }
  });

  otp("nonsignificant_transient", "step() goes on when a transient child that is not significant ends", () => {
    for (const autoShutdown of ["never", ...MODES] as const) {
      const family = Family.started([worker("child1", { restart: "transient" })], { autoShutdown });
      family.terminateChild("child1");
      expect(family.restartChild("child1")).toBe("ok");
      family.exit("child1", ABNORMAL);
      expect(family.children).toEqual(["child1 running"]);
      family.exit("child1", NORMAL);
      expect([autoShutdown, family.supervisor.phase]).toEqual([autoShutdown, "running"]);
    }
  });

  otp("significant_temporary", "step() shuts down when temporary significant children end by themselves", () => {
    const asked = significant("temporary", "any_significant");
    asked.terminateChild("child1");
    expect(asked.supervisor.phase).toBe("running");
    for (const end of [NORMAL, ABNORMAL]) {
      const any = significant("temporary", "any_significant");
      any.exit("child1", end);
      expect([any.isStopped, any.alive.size]).toEqual([true, 0]);
      expect(any.supervisor.outcome).toEqual({ kind: "normal", detail: "shutdown" });
    }
    const all = significant("temporary", "all_significant");
    all.exit("child1", NORMAL);
    expect(all.children).toEqual(["child2 running", "child3 running"]);
    all.news();
    all.exit("child2", NORMAL);
    expect(all.news()).toEqual(["end child2", "auto_shutdown child2", "shutdown child3", "end child3", "stopped"]);
  });

  otp("significant_transient", "step() shuts down when transient significant children end normally", () => {
    const any = significant("transient", "any_significant");
    any.terminateChild("child1");
    expect(any.supervisor.phase).toBe("running");
    any.restartChild("child1");
    any.exit("child1", ABNORMAL);
    expect(any.children).toEqual(["child1 running", "child2 running", "child3 running"]);
    any.exit("child1", NORMAL);
    expect([any.isStopped, any.alive.size]).toEqual([true, 0]);
    const all = significant("transient", "all_significant");
    all.exit("child1", NORMAL);
    expect(all.supervisor.phase).toBe("running");
    all.exit("child2", NORMAL);
    expect(all.isStopped).toBe(true);
  });

  otp("significant_bystander", "step() does not shut down for significant children that a restart stops", () => {
    for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as Strategy[])
      for (const autoShutdown of MODES) {
        const ids = ["child1", "child2", "child3"];
        const specs = ids.map((id) => worker(id, { restart: "transient", significant: id !== "child2" }));
        const family = Family.started(specs, { strategy, maxRestarts: 5, autoShutdown });
        family.exit("child2");
        const running = ids.map((id) => `${id} running`);
        expect([strategy, autoShutdown, family.children]).toEqual([strategy, autoShutdown, running]);
      }
  });
});
