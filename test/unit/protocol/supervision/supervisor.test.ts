import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  type ChildSpec,
  type Restart,
  type Shutdown,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
} from "../../../../src/protocol/supervision/index.ts";
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

describe("Supervisor", () => {
  test("constructor throws when two children share an id", () => {
    const spec: ChildSpec = { id: "a", restart: "permanent", shutdown: "infinity" };
    expect(() => new Supervisor([spec, spec], LIMITS)).toThrow("ids must differ");
  });

  test("step() throws when the child is unknown, or when it is started twice", () => {
    const supervisor = new Supervisor([], LIMITS);
    expect(() => supervisor.step({ type: "started", id: "x", incarnation: 1 }, 0)).toThrow("no child is named x");
    supervisor.step({ type: "start" }, 0);
    expect(() => supervisor.step({ type: "start" }, 0)).toThrow("start of a supervisor");
  });

  test("step() keeps its promises whatever the children do", () => {
    fc.assert(fc.property(world, livesThrough), { numRuns: 400 });
  });
});

const MAX_RESTARTS = 3;
const PERIOD_MS = 50;
const LIMITS = {
  maxRestarts: MAX_RESTARTS,
  restartPeriodMs: PERIOD_MS,
  restartDelayMs: (failures: number) => failures - 1,
};

const spec: fc.Arbitrary<Omit<ChildSpec, "id">> = fc.record({
  restart: fc.constantFrom<Restart[]>("permanent", "transient", "temporary"),
  shutdown: fc.constantFrom<Shutdown[]>("brutal_kill", "infinity", { timeoutMs: 5 }),
});
const event = fc.record({
  pick: fc.nat(),
  kind: fc.constantFrom("started", "started", "started", "crash", "normal", "refused", "tick", "tick", "stop", "abort"),
  passMs: fc.nat({ max: 20 }),
});
const world = fc.record({
  specs: fc.array(spec, { maxLength: 5 }),
  together: fc.boolean(),
  events: fc.array(event, { maxLength: 80 }),
});
type World = {
  specs: Omit<ChildSpec, "id">[];
  together: boolean;
  events: { pick: number; kind: string; passMs: number }[];
};

/** The outside of a supervisor: carries its effects out on pretended children and checks each promise. */
class Outside {
  readonly supervisor: Supervisor;
  /** Incarnation of each child that lives. */
  readonly alive = new Map<string, number>();
  readonly spawned = new Set<string>();
  /** Ids in the order in which they were asked to end, or killed. */
  readonly ended: string[] = [];
  readonly restartsMs: number[] = [];
  readonly ids: string[];
  escalated = false;
  stopped = false;
  nowMs = 0;

  constructor({ specs, together }: World) {
    const named = specs.map((each, index) => ({ ...each, id: `c${index}` }));
    this.ids = named.map(({ id }) => id);
    this.supervisor = new Supervisor(named, { ...LIMITS, startup: together ? "together" : "one_by_one" });
  }

  give(input: SupervisorInput): void {
    if (input.type === "exited") this.alive.delete(input.id);
    for (const effect of this.supervisor.step(input, this.nowMs)) this.carryOut(effect, input);
  }

  carryOut(effect: SupervisorEffect, cause: SupervisorInput): void {
    expect(this.stopped).toBe(false);
    if (effect.type === "spawn") {
      expect(this.alive.has(effect.id)).toBe(false);
      expect(this.escalated).toBe(false);
      this.alive.set(effect.id, effect.incarnation);
      this.spawned.add(effect.id);
    } else if (effect.type === "terminate") {
      expect(this.alive.get(effect.id)).toBe(effect.incarnation);
      if (!this.ended.includes(effect.id)) this.ended.push(effect.id);
    } else if (effect.type === "escalate") {
      expect(this.escalated).toBe(false);
      expect(cause.type).toBe("exited");
      this.escalated = true;
    } else if (effect.type === "stopped") {
      expect(this.alive.size).toBe(0);
      this.stopped = true;
    } else expect(this.ids.every((id) => this.spawned.has(id))).toBe(true);
  }

  /** How many children wait for their restart, or have been restarted: each was let through the window. */
  restarts(): number {
    const states = this.supervisor.states();
    return states.reduce(
      (sum, { incarnation, state }) => sum + Math.max(0, incarnation - 1) + Number(state === "restarting"),
      0,
    );
  }
}

function livesThrough(given: World): void {
  const outside = new Outside(given);
  outside.give({ type: "start" });
  for (const each of given.events) {
    outside.nowMs += each.passMs;
    const before = outside.restarts();
    happen(outside, each.kind, each.pick);
    const decided = outside.restarts() - before;
    for (let restart = 0; restart < decided; restart++) outside.restartsMs.push(outside.nowMs);
    const recent = outside.restartsMs.filter((timeMs) => outside.nowMs - timeMs < PERIOD_MS);
    expect(recent.length).toBeLessThanOrEqual(MAX_RESTARTS);
  }
  drain(outside);
}

function happen(outside: Outside, kind: string, pick: number): void {
  const living = [...outside.alive.entries()];
  const [id, incarnation] = living[pick % Math.max(1, living.length)] ?? ["", 0];
  if (kind === "stop" || kind === "abort" || kind === "tick") outside.give({ type: kind });
  else if (id === "") outside.give({ type: "tick" });
  else if (kind === "started") outside.give({ type: "started", id, incarnation });
  else outside.give({ type: "exited", id, incarnation, reason: { kind: kind as "crash", detail: "" } });
}

/** An orderly end, whatever came before: everybody who lives is asked in reverse order, and nobody is forgotten. */
function drain(outside: Outside): void {
  const wasStopping = outside.supervisor.phase === "stopping";
  const livingBefore = outside.ids.filter((id) => outside.alive.has(id));
  if (!wasStopping) outside.ended.length = 0;
  outside.give({ type: "stop" });
  for (let guard = 0; outside.alive.size > 0 && guard < 100; guard++) {
    outside.nowMs += 10;
    outside.give({ type: "tick" });
    const id = outside.ended.findLast((each) => outside.alive.has(each))!;
    outside.give({ type: "exited", id, incarnation: outside.alive.get(id)!, reason: { kind: "normal", detail: "" } });
  }
  expect(outside.stopped).toBe(true);
  if (!wasStopping) expect(outside.ended).toEqual(livingBefore.reverse());
  expect(outside.supervisor.nextDeadlineMs).toBeUndefined();
  expect(outside.supervisor.step({ type: "tick" }, outside.nowMs + 1e6)).toEqual([]);
}
