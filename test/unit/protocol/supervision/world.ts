/** Random families of children and schedules of what happens to them, for the properties. */
import fc from "fast-check";
import type {
  AutoShutdown,
  ChildSpec,
  FailureRule,
  Restart,
  Shutdown,
  Strategy,
} from "../../../../src/protocol/supervision/index.ts";

export const MAX_RESTARTS = 3;
export const PERIOD_MS = 50;
/** A refusal of this class is to be tried again, this crash is to be left, that one to be escalated. */
export const RULES: readonly FailureRule[] = [
  { match: "test.busy", decision: "restart" },
  { match: "test.done", decision: "stop" },
  { match: "test.fatal", decision: "escalate" },
];

export type Happening =
  | "started"
  | "crash"
  | "normal"
  | "ignored"
  | "refused"
  | "busy"
  | "done"
  | "fatal"
  | "tick"
  | "deadline"
  | "start_child"
  | "terminate_child"
  | "restart_child"
  | "delete_child"
  | "stop"
  | "abort";

export interface World {
  readonly strategy: Strategy;
  readonly autoShutdown: AutoShutdown;
  readonly together: boolean;
  readonly specs: readonly ChildSpec[];
  readonly events: readonly { readonly pick: number; readonly kind: Happening; readonly passMs: number }[];
}

/** How often each happens: what ends everything is rare, so that runs are long. */
const WEIGHTS: Readonly<Record<Happening, number>> = {
  started: 16,
  crash: 8,
  deadline: 8,
  normal: 4,
  tick: 2,
  ignored: 1,
  refused: 1,
  busy: 2,
  done: 1,
  fatal: 1,
  start_child: 4,
  terminate_child: 4,
  restart_child: 4,
  delete_child: 2,
  stop: 1,
  abort: 1,
};

const spec = fc.record({
  restart: fc.constantFrom<Restart[]>("permanent", "permanent", "transient", "temporary"),
  shutdown: fc.constantFrom<Shutdown[]>("brutal_kill", "infinity", { timeoutMs: 5 }),
  significant: fc.boolean(),
});

const kind = fc.oneof(
  ...Object.entries(WEIGHTS).map(([each, weight]) => ({ weight, arbitrary: fc.constant(each as Happening) })),
);

export const world: fc.Arbitrary<World> = fc
  .record({
    strategy: fc.constantFrom<Strategy[]>("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"),
    autoShutdown: fc.constantFrom<AutoShutdown[]>("never", "never", "any_significant", "all_significant"),
    together: fc.boolean(),
    specs: fc.array(spec, { minLength: 1, maxLength: 5, size: "max" }),
    events: fc.array(fc.record({ pick: fc.nat(), kind, passMs: fc.nat({ max: 20 }) }), { maxLength: 100, size: "max" }),
  })
  .map(({ specs, ...more }) => {
    const isSimple = more.strategy === "simple_one_for_one";
    const autoShutdown = isSimple ? "never" : more.autoShutdown;
    const named = specs.slice(0, isSimple ? 1 : undefined).map((each, index) => {
      return { ...each, id: `c${index}`, significant: mayBeSignificant(each, autoShutdown) };
    });
    return { ...more, autoShutdown, specs: named };
  });

function mayBeSignificant(given: { restart: Restart; significant: boolean }, autoShutdown: AutoShutdown): boolean {
  return given.significant && given.restart !== "permanent" && autoShutdown !== "never";
}
