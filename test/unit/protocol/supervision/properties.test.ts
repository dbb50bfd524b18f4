/** What a supervisor promises under whatever happens, over all strategies; and that the checker sees each promise broken. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ChildSpec,
  type ExitReason,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
} from "../../../../src/protocol/supervision/index.ts";
import { Broken, Checker, type Machine } from "./checker.ts";
import { type Happening, type World, world } from "./world.ts";

const RUNS = Number(process.env.PROPERTY_RUNS ?? 3_000);
/** The rarest planted bug shows within 3,000. */
const SEARCH_RUNS = 30_000;
/** A planted bug is looked for with a seed of its own, so that the search is the same each time. */
const SEED = 20_261_121;

const EXITS: Partial<Record<Happening, ExitReason>> = {
  crash: { kind: "crash", detail: "" },
  normal: { kind: "normal", detail: "" },
  ignored: { kind: "ignored", detail: "" },
  refused: { kind: "refused", detail: "" },
  busy: { kind: "refused", detail: "", code: "test.busy" },
  done: { kind: "crash", detail: "", code: "test.done" },
  fatal: { kind: "crash", detail: "", code: "test.fatal" },
};

type Bend = (
  effects: readonly SupervisorEffect[],
  input: SupervisorInput,
  ids: readonly string[],
) => SupervisorEffect[];
type Make = (specs: readonly ChildSpec[], options: SupervisorOptions) => Machine;

function livesThrough(given: World, make: Make): void {
  const checker = new Checker(given, make);
  checker.give({ type: "start" });
  for (const { kind, passMs, pick } of given.events) {
    checker.nowMs += passMs;
    happen(checker, given, kind, pick);
  }
  checker.settle();
  checker.end();
}

function happen(checker: Checker, given: World, kind: Happening, pick: number): void {
  const living = [...checker.alive];
  const [id, child] = living[pick % Math.max(1, living.length)] ?? [];
  const reason = EXITS[kind];
  if (kind === "stop" || kind === "abort" || kind === "tick") checker.give({ type: kind });
  else if (kind === "deadline") {
    checker.nowMs = Math.max(checker.nowMs, checker.machine.nextDeadlineMs ?? 0);
    checker.give({ type: "tick" });
  } else if (kind === "started") starts(checker, pick);
  else if (reason !== undefined) {
    if (id !== undefined) checker.give({ type: "exited", id, incarnation: child!.incarnation, reason });
  } else {
    const spec = given.specs[pick % given.specs.length]!;
    checker.ask(kind as "start_child", `c${pick % 7}`, spec); // the four requests are what is left of the kinds
  }
}

function starts(checker: Checker, pick: number): void {
  const starting = [...checker.alive].filter(([, { serves, asked }]) => !serves && !asked);
  const [id, child] = starting[pick % Math.max(1, starting.length)] ?? [];
  if (id !== undefined) checker.give({ type: "started", id, incarnation: child!.incarnation });
}

describe("Supervisor properties", () => {
  test("step() keeps every promise whatever happens", () => {
    const property = fc.property(world, (given) => livesThrough(given, (...made) => new Supervisor(...made)));
    fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
  });
});

function event(kind: Happening, pick = 0): World["events"][number] {
  return { kind, pick, passMs: 0 };
}

const KILLED: ChildSpec = { id: "", restart: "permanent", shutdown: "brutal_kill", significant: false };
const SIGNIFICANT: ChildSpec = { ...KILLED, restart: "transient", significant: true };

/** Found by the property above, once in many ten thousands; shrunk. */
const FOUND: Readonly<Record<string, World>> = {
  "the last significant child but one who is being terminated, and a restart that takes that one along": {
    strategy: "rest_for_one",
    autoShutdown: "all_significant",
    together: true,
    specs: [SIGNIFICANT, KILLED, KILLED, SIGNIFICANT, KILLED].map((spec, index) => ({ ...spec, id: `c${index}` })),
    events: [event("crash", 2), event("terminate_child", 3), event("busy", 1), event("crash", 1), event("normal")],
  },
  "the end of who leads a restart whose time has come but that waits for one in front to start": {
    strategy: "rest_for_one",
    autoShutdown: "never",
    together: false,
    specs: [{ ...KILLED, restart: "transient" as const }, KILLED, KILLED].map((spec, index) => {
      return { ...spec, id: `c${index}` };
    }),
    events: [
      ...[event("normal"), event("started"), event("crash"), event("crash"), event("restart_child")],
      ...[event("crash"), event("deadline"), event("terminate_child", 1)],
    ],
  },
};

describe("Supervisor in cases that were found", () => {
  for (const [found, given] of Object.entries(FOUND))
    test(`step() keeps every promise at ${found}`, () => {
      expect(() => livesThrough(given, (...made) => new Supervisor(...made))).not.toThrow();
    });
});

/** A supervisor that is wrong in one way: `bend` changes the effects of a step. */
function bent(bend: Bend): Make {
  return (specs, options) => {
    const machine = new Supervisor(specs, options);
    return {
      step: (input, nowMs) =>
        bend(
          machine.step(input, nowMs),
          input,
          machine.states().map(({ id }) => id),
        ),
      get nextDeadlineMs() {
        return machine.nextDeadlineMs;
      },
    };
  };
}

const STOPPED: SupervisorEffect = { type: "stopped" };

const BUGS: Readonly<Record<string, { readonly make: Make; readonly seen: readonly string[] }>> = {
  "restarts once more than it may": {
    make: (specs, options) => new Supervisor(specs, { ...options, maxRestarts: options.maxRestarts + 1 }),
    seen: ["it gives up when it must, and only then"],
  },
  "gives up one restart early": {
    make: (specs, options) => new Supervisor(specs, { ...options, maxRestarts: options.maxRestarts - 1 }),
    seen: ["it gives up when it must, and only then"],
  },
  "forgets a restart after half of the period": {
    make: (specs, options) => new Supervisor(specs, { ...options, restartPeriodMs: options.restartPeriodMs / 2 }),
    seen: ["it gives up when it must, and only then"],
  },
  "starts in reverse order, and so stops in order": {
    make: (specs, options) => new Supervisor([...specs].reverse(), options),
    seen: ["they are ended in reverse order", "nobody is started before those in front"],
  },
  "ends the first child first": {
    make: bent((effects, _input, ids) =>
      effects.map((effect) => (effect.type === "terminate" ? { ...effect, id: ids[0]!, incarnation: 1 } : effect)),
    ),
    seen: ["only who runs is ended", "they are ended in reverse order"],
  },
  "starts a child again while it is being ended": {
    make: bent((effects) =>
      effects.flatMap((effect): SupervisorEffect[] =>
        effect.type === "terminate"
          ? [effect, { type: "spawn", id: effect.id, incarnation: effect.incarnation + 1 }]
          : [effect],
      ),
    ),
    seen: ["no child runs twice", "nobody is started while it stops"],
  },
  "takes an exit for granted": {
    make: bent((effects, input) => (input.type === "stop" ? [...effects, STOPPED] : [...effects])),
    seen: ["it stops when nobody runs", "nothing follows the end"],
  },
  "forgets to start a child again": {
    make: bent((effects) => effects.filter((effect) => effect.type !== "spawn" || effect.incarnation !== 2)),
    seen: ["those who are wanted run, and nobody else"],
  },
  "forgets to end a child": {
    make: bent((effects) => effects.filter((effect) => effect.type !== "terminate" || effect.incarnation !== 1)),
    seen: ["it says that it has stopped", "those who are wanted run, and nobody else"],
  },
  "forgets to answer": {
    make: bent((effects) => effects.filter((effect) => effect.type !== "reply" || effect.request % 3 !== 0)),
    seen: ["every request is answered"],
  },
  "restarts one alone where all belong together": {
    make: (specs, options) => new Supervisor(specs, { ...options, strategy: alone(options) }),
    seen: ["nobody is started before those in front", "those who are wanted run, and nobody else"],
  },
  "does not shut down with its significant children": {
    make: (specs, options) => {
      const plain = specs.map((spec) => ({ ...spec, significant: false }));
      return new Supervisor(plain, options);
    },
    seen: ["it shuts down with significant children"],
  },
};

function alone({ strategy = "one_for_one" }: SupervisorOptions): NonNullable<SupervisorOptions["strategy"]> {
  return strategy === "one_for_all" || strategy === "rest_for_one" ? "one_for_one" : strategy;
}

describe("Checker", () => {
  for (const [bug, { make, seen }] of Object.entries(BUGS))
    test(`give() sees a supervisor that ${bug}`, () => {
      const property = fc.property(world, (given) => livesThrough(given, make));
      const found = fc.check(property, { numRuns: SEARCH_RUNS, seed: SEED });
      expect(found.failed).toBe(true);
      const { errorInstance } = found;
      if (!(errorInstance instanceof Broken)) throw errorInstance;
      expect(seen.some((promise) => errorInstance.message.startsWith(promise)) ? "" : errorInstance.message).toBe("");
    });
});
