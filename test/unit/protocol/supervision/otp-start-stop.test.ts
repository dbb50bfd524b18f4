/** OTP's cases about starting, about specs and flags, and about stopping. */
import { describe, expect } from "bun:test";
import {
  type ChildSpec,
  Supervisor,
  validateChild,
  validateSupervisor,
} from "../../../../src/protocol/supervision/index.ts";
import { ABNORMAL, Family, NORMAL, worker } from "./family.ts";
import { otp } from "./otp-cases.ts";

const LIMITS = { maxRestarts: 2, restartPeriodMs: 3_600_000 };

function messages(specs: unknown, options: unknown = LIMITS): string[] {
  return validateSupervisor(specs, options).map(({ path, message }) => `${path}: ${message}`);
}

describe("start", () => {
  otp("sup_start_normal", "step() starts and stops a supervisor without children", () => {
    const family = Family.started([]);
    expect(family.supervisor.phase).toBe("running");
    family.stop();
    expect(family.news()).toEqual(["ready", "stopped"]);
    expect(family.supervisor.outcome).toEqual({ kind: "normal", detail: "shutdown" });
  });

  otp("sup_start_ignore_child", "step() keeps a permanent child that need not run", () => {
    const family = Family.started([]);
    family.starts.set("child1", "ignore");
    expect(family.startChild(worker("child1"))).toBe("ok");
    expect(family.startChild(worker("child2"))).toBe("ok");
    expect(family.children).toEqual(["child1 gone", "child2 running"]);
    expect(family.counts).toEqual([2, 1, 0, 2]);
  });

  otp("sup_start_ignore_temporary_child", "step() forgets a temporary child that need not run", () => {
    const specs = [worker("child1", { restart: "temporary" }), worker("child2", { restart: "temporary" })];
    const family = new Family(specs);
    family.starts.set("child1", "ignore");
    family.give({ type: "start" });
    expect(family.children).toEqual(["child2 running"]);
    expect(family.counts).toEqual([1, 1, 0, 1]);
    expect(family.log).toContain("ready");
  });

  otp("sup_start_ignore_temporary_child_start_child", "step() forgets it when it was added later, too", () => {
    const family = Family.started([]);
    family.starts.set("child1", "ignore");
    expect(family.startChild(worker("child1", { restart: "temporary" }))).toBe("ok");
    expect(family.startChild(worker("child2", { restart: "temporary" }))).toBe("ok");
    expect(family.children).toEqual(["child2 running"]);
  });

  otp("sup_start_ignore_temporary_child_start_child_simple", "step() forgets an instance that need not run", () => {
    const family = Family.started([worker("each", { restart: "temporary" })], { strategy: "simple_one_for_one" });
    family.starts.set("a", "ignore");
    expect(family.startChild("a")).toBe("ok");
    expect(family.startChild("b")).toBe("ok");
    expect(family.children).toEqual(["b running"]);
    expect(family.counts).toEqual([1, 1, 0, 1]);
  });

  otp(
    "sup_start_ignore_permanent_child_start_child_simple",
    "step() forgets a permanent one too, and stops well",
    () => {
      const family = Family.started([worker("each")], { strategy: "simple_one_for_one" });
      family.starts.set("a", "ignore");
      expect(family.startChild("a")).toBe("ok");
      expect(family.startChild("b")).toBe("ok");
      expect(family.counts).toEqual([1, 1, 0, 1]);
      family.stop();
      expect(family.isStopped).toBe(true);
      expect(family.alive.size).toBe(0);
    },
  );

  otp("sup_start_error_return", "constructor refuses what is no supervisor at all", () => {
    expect(() => new Supervisor("invalid" as never, "invalid" as never)).toThrow(
      'options: "invalid", an object is required; children: "invalid", a list of child specs is required',
    );
  });

  otp("sup_start_child_returns_error", "step() answers start_failed and keeps no child that cannot start", () => {
    const family = Family.started([]);
    family.starts.set("child1", "fail").set("child2", "refuse");
    expect(family.startChild(worker("child1"))).toBe("start_failed");
    expect(family.startChild(worker("child2"))).toBe("start_failed");
    expect(family.children).toEqual([]);
    expect(family.supervisor.phase).toBe("running");
    expect(family.pass()).toBe(false);
  });

  otp("sup_start_restart_child_returns_error", "step() keeps a child that cannot be restarted on request", () => {
    const family = Family.started([worker("child1")]);
    expect(family.terminateChild("child1")).toBe("ok");
    family.starts.set("child1", "fail");
    expect(family.restartChild("child1")).toBe("start_failed");
    expect(family.children).toEqual(["child1 gone"]);
    expect(family.pass()).toBe(false);
  });

  otp("sup_start_child_returns_error_simple", "step() keeps no instance that cannot start", () => {
    const family = Family.started([worker("each")], { strategy: "simple_one_for_one" });
    family.starts.set("a", "fail");
    expect(family.startChild("a")).toBe("start_failed");
    expect(family.children).toEqual([]);
  });
});

describe("specs and flags", () => {
  otp("sup_start_map", "childSpec() gives the spec with its defaults", () => {
    const specs: ChildSpec[] = [
      { id: "child1" },
      { id: "child2", shutdown: "brutal_kill" },
      { id: "child3", type: "supervisor" },
    ];
    const { supervisor } = Family.started(specs);
    const common = { restart: "permanent", significant: false } as const;
    const spec = (id: string): ChildSpec | undefined => supervisor.childSpec(id);
    expect(spec("child1")).toEqual({ ...common, id: "child1", shutdown: { timeoutMs: 5000 }, type: "worker" });
    expect(spec("child2")).toEqual({ ...common, id: "child2", shutdown: "brutal_kill", type: "worker" });
    expect(spec("child3")).toEqual({ ...common, id: "child3", shutdown: "infinity", type: "supervisor" });
    expect(spec("child4")).toBeUndefined();
  });

  otp("sup_start_map_simple", "childSpec() gives each instance the template's spec", () => {
    const family = Family.started([{ id: "each", restart: "temporary" }], { strategy: "simple_one_for_one" });
    for (const id of ["a", "b", "c"]) expect(family.startChild(id)).toBe("ok");
    const spec = { restart: "temporary", significant: false, shutdown: { timeoutMs: 5000 }, type: "worker" } as const;
    for (const id of ["a", "b", "c"]) expect(family.supervisor.childSpec(id)).toEqual({ ...spec, id });
    expect(family.supervisor.childSpec("each")).toBeUndefined();
  });

  otp(
    "sup_start_map_faulty_specs",
    "validateSupervisor() names each fault, and leaves unknown keys to the owner",
    () => {
      expect(messages([{}])).toEqual(["children[0].id: is missing, a name is required"]);
      expect(messages([{ id: "child3", silly_flag: true }])).toEqual([]);
      expect(messages(["child4"])).toEqual(['children[0]: "child4", a child spec is required']);
    },
  );

  otp("child_specs", "validateSupervisor() refuses wrong specs, at start_child as well", () => {
    const family = Family.started([]);
    expect(family.startChild("hej")).toBe("invalid_spec");
    expect(family.startChild(null as never)).toBe("invalid_spec");
    const wrong = (more: object): string =>
      validateChild({ id: "child", ...more })
        .map(({ message }) => message)
        .join();
    expect(wrong({ restart: "prmanent" })).toBe('"prmanent", one of permanent, transient, temporary is required');
    expect(wrong({ shutdown: { timeoutMs: -10 } })).toStartWith('{"timeoutMs":-10}, brutal_kill, infinity or');
    expect(wrong({ type: "wrker" })).toBe('"wrker", one of worker, supervisor is required');
    expect(family.startChild(worker("child", { restart: "prmanent" as never }))).toBe("invalid_spec");
    expect(family.children).toEqual([]);
    expect(messages([worker("child"), worker("child")])).toEqual([
      'children[1].id: "child" is the id of children[0] already, ids must differ',
    ]);
    const simple = { ...LIMITS, strategy: "simple_one_for_one" };
    expect(messages([], simple)).toEqual(["children: 0 specs, simple_one_for_one requires exactly one, its template"]);
    expect(messages([worker("a"), worker("b")], simple)).toHaveLength(1);
  });

  otp("child_specs_map", "validateSupervisor() accepts every combination that OTP accepts, and no other", () => {
    for (const autoShutdown of ["never", "any_significant", "all_significant"])
      for (const restart of [undefined, "permanent", "transient", "temporary"])
        for (const shutdown of [undefined, { timeoutMs: 0 }, { timeoutMs: 1000 }, "infinity", "brutal_kill"])
          for (const type of [undefined, "worker", "supervisor"])
            for (const significant of [undefined, true, false]) {
              const spec = { id: "child", restart, shutdown, type, significant };
              const isWrong =
                significant === true && (autoShutdown === "never" || (restart ?? "permanent") === "permanent");
              expect([spec, messages([spec], { ...LIMITS, autoShutdown }).length > 0]).toEqual([spec, isWrong]);
            }
    expect(messages([{ id: "child", significant: "maybe" }])).toEqual([
      'children[0].significant: "maybe", true or false is required',
    ]);
  });

  otp("sup_flags", "validateSupervisor() refuses wrong flags", () => {
    const wrong = (more: object): string => messages([], { ...LIMITS, ...more }).join();
    expect(wrong({ strategy: "none_for_one" })).toStartWith('options.strategy: "none_for_one", one of one_for_one,');
    expect(wrong({ maxRestarts: "infinity" })).toBe(
      'options.maxRestarts: "infinity", a whole number from 0 is required',
    );
    expect(wrong({ restartPeriodMs: 0 })).toBe("options.restartPeriodMs: 0, milliseconds above 0 are required");
    expect(wrong({ restartPeriodMs: Infinity })).toBe(
      "options.restartPeriodMs: Infinity, milliseconds above 0 are required",
    );
    expect(wrong({ autoShutdown: "sometimes" })).toStartWith('options.autoShutdown: "sometimes", one of never,');
    expect(wrong({ silly_flag: true })).toBe("");
  });

  otp("significant_simple", "validateSupervisor() allows no automatic shutdown under simple_one_for_one", () => {
    const simple = { ...LIMITS, strategy: "simple_one_for_one" };
    for (const autoShutdown of ["any_significant", "all_significant"])
      expect(messages([worker("each")], { ...simple, autoShutdown })).toEqual([
        `options.autoShutdown: "${autoShutdown}", simple_one_for_one allows never only`,
      ]);
    expect(messages([worker("each")], { ...simple, autoShutdown: "never" })).toEqual([]);
  });
});

describe("stop", () => {
  otp("sup_stop_infinity", "step() waits for a worker and for a supervisor without end", () => {
    const specs: ChildSpec[] = [
      worker("child1", { shutdown: "infinity", type: "supervisor" }),
      worker("child2", { shutdown: "infinity" }),
    ];
    const family = Family.started(specs);
    family.obedience.set("child2", "stubborn");
    family.news();
    family.stop();
    expect(family.pass()).toBe(false);
    expect(family.news()).toEqual(["shutdown child2"]);
    family.exit("child2", NORMAL);
    expect(family.news()).toEqual(["end child2", "shutdown child1", "end child1", "stopped"]);
  });

  otp("sup_stop_timeout", "step() kills who does not end in time, and asks the one before only then", () => {
    const family = Family.started([worker("child1"), worker("child2")]);
    family.obedience.set("child2", "stubborn");
    family.news();
    family.stop();
    expect(family.supervisor.nextDeadlineMs).toBe(1_000);
    expect(family.news()).toEqual(["shutdown child2"]);
    family.passAll();
    expect(family.news()).toEqual(["kill child2", "end child2", "shutdown child1", "end child1", "stopped"]);
  });

  otp("sup_stop_timeout_dynamic", "step() asks all instances at once and kills who does not end in time", () => {
    const family = Family.started([worker("each", { restart: "temporary" })], { strategy: "simple_one_for_one" });
    for (const id of ["a", "b"]) family.startChild(id);
    family.obedience.set("b", "stubborn");
    family.news();
    family.stop();
    expect(family.news()).toEqual(["shutdown b", "shutdown a", "end a"]);
    family.passAll();
    expect(family.news()).toEqual(["kill b", "end b", "stopped"]);
    expect(family.nowMs).toBe(1_000);
  });

  otp("sup_stop_brutal_kill", "step() kills without asking", () => {
    const family = Family.started([worker("child1"), worker("child2", { shutdown: "brutal_kill" })]);
    family.news();
    family.stop();
    expect(family.news()).toEqual(["kill child2", "end child2", "shutdown child1", "end child1", "stopped"]);
  });

  otp("sup_stop_brutal_kill_dynamic", "step() kills all instances at once without asking", () => {
    const template = worker("each", { restart: "temporary", shutdown: "brutal_kill" });
    const family = Family.started([template], { strategy: "simple_one_for_one" });
    const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
    for (const id of ids) family.startChild(id);
    family.news();
    family.stop();
    expect(family.log.filter((each) => each.startsWith("kill"))).toHaveLength(10);
    expect(family.log.filter((each) => each.startsWith("shutdown"))).toEqual([]);
    expect(family.isStopped).toBe(true);
  });

  otp("sup_stop_race", "step() stops well while children end by themselves, for whatever reason", () => {
    const restarts = ["temporary", "transient", "permanent"] as const;
    const specs = restarts.flatMap((restart) =>
      [NORMAL, ABNORMAL].map(({ kind }) => worker(`${restart} ${kind}`, { restart })),
    );
    const family = Family.started([worker("a"), ...specs, worker("z")]);
    family.obedience.set("z", "stubborn");
    family.news();
    family.stop();
    for (const { id } of specs) family.exit(id, id.endsWith("normal") ? NORMAL : ABNORMAL);
    family.passAll();
    expect(family.log.filter((each) => !each.startsWith("end"))).toEqual([
      "shutdown z",
      "kill z",
      "shutdown a",
      "stopped",
    ]);
  });

  otp("sup_stop_non_shutdown_exit_dynamic", "step() stops well whatever the instances end with", () => {
    for (const restart of ["temporary", "transient", "permanent"] as const) {
      const family = Family.started([worker("each", { restart })], { strategy: "simple_one_for_one" });
      for (const id of ["a", "b"]) family.startChild(id);
      family.obedience.set("a", "crashes");
      family.stop();
      expect([restart, family.isStopped, family.alive.size]).toEqual([restart, true, 0]);
    }
  });

  otp("order_of_children", "step() stops and starts in order, for a restart and at the end", () => {
    const ids = ["ch7", "ch3", "ch10", "ch2", "ch5"];
    const family = Family.started(
      ids.map((id) => worker(id)),
      { strategy: "rest_for_one" },
    );
    expect(family.news()).toEqual([...ids.map((id) => `start ${id}`), "ready"]);
    family.exit("ch10");
    expect(family.news()).toEqual([
      ...["end ch10", "shutdown ch5", "end ch5", "shutdown ch2", "end ch2"],
      ...["start ch10", "start ch2", "start ch5"],
    ]);
    family.stop();
    expect(family.news().filter((each) => each.startsWith("end"))).toEqual(ids.toReversed().map((id) => `end ${id}`));
  });
});
