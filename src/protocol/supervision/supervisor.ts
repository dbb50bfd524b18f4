/**
 * The supervisor as a machine: an input and `now` go in, an ordered list of effects comes out, and the time at which it
 * wants a tick. Strategy one_for_one: a child that exits is started again alone, within the restart intensity, after a
 * delay that grows while it keeps failing. Started in order, stopped in the exact reverse, one after the other.
 *
 * It never has two incarnations of one child at once: a child is started again only after its exit was seen. Inputs
 * about an incarnation that is gone are ignored, so that a late message cannot be taken for a new child's.
 * Not here: processes, timers, what a child does.
 */
import { assert } from "../../base/errors.ts";
import type { ChildSpec, ExitReason } from "./child-spec.ts";
import { RestartWindow } from "./restart-window.ts";

export interface SupervisorOptions {
  readonly maxRestarts: number;
  readonly restartPeriodMs: number;
  /** Delay before the restart after this many failures in a row (from 1). */
  readonly restartDelayMs: (failures: number) => number;
  /** A child that ran this long is well: its next failure is a first one. Default: the restart period. */
  readonly stableAfterMs?: number;
  /** one_by_one: the next child is started when the one before says so (OTP). together: all at once. */
  readonly startup?: "one_by_one" | "together";
}

export type SupervisorInput =
  | { readonly type: "start" }
  | { readonly type: "started"; readonly id: string; readonly incarnation: number }
  | { readonly type: "exited"; readonly id: string; readonly incarnation: number; readonly reason: ExitReason }
  /** Stop in order. */
  | { readonly type: "stop" }
  /** Kill everything at once, in whatever phase. */
  | { readonly type: "abort" }
  | { readonly type: "tick" };

export type SupervisorEffect =
  | { readonly type: "spawn"; readonly id: string; readonly incarnation: number }
  /** shutdown: ask it to end. kill: end it. */
  | { readonly type: "terminate"; readonly id: string; readonly incarnation: number; readonly how: "shutdown" | "kill" }
  /** Every child has been started once (or has come to its end). Once. */
  | { readonly type: "ready" }
  /** The supervisor gives up and stops its children. At most once. */
  | { readonly type: "escalate"; readonly id: string; readonly reason: string }
  /** Nothing runs any more. The last effect. */
  | { readonly type: "stopped" };

export type SupervisorPhase = "idle" | "starting" | "running" | "stopping" | "stopped";

type ChildState =
  | { readonly kind: "waiting" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly sinceMs: number }
  | { readonly kind: "restarting"; readonly atMs: number }
  | { readonly kind: "stopping"; readonly killAtMs: number | undefined }
  | { readonly kind: "gone" };

interface Child {
  readonly spec: ChildSpec;
  state: ChildState;
  incarnation: number;
  /** In a row. */
  failures: number;
  /** Has been started once, or never will be. */
  settled: boolean;
}

export class Supervisor {
  readonly #children: readonly Child[];
  readonly #options: SupervisorOptions;
  readonly #window: RestartWindow;
  #phase: SupervisorPhase = "idle";
  #effects: SupervisorEffect[] = [];

  constructor(specs: readonly ChildSpec[], options: SupervisorOptions) {
    assert(new Set(specs.map(({ id }) => id)).size === specs.length, "child ids must differ");
    this.#children = specs.map((spec) => ({
      spec,
      state: { kind: "waiting" },
      incarnation: 0,
      failures: 0,
      settled: false,
    }));
    this.#options = options;
    this.#window = new RestartWindow(options.maxRestarts, options.restartPeriodMs);
  }

  get phase(): SupervisorPhase {
    return this.#phase;
  }

  /** When a tick is due at the latest; undefined when nothing is timed. */
  get nextDeadlineMs(): number | undefined {
    const deadlines = this.#children.map(({ state }) => deadlineOf(state)).filter((atMs) => atMs !== undefined);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  /** Each child's id and state, in start order: for people. */
  states(): readonly { readonly id: string; readonly state: ChildState["kind"]; readonly incarnation: number }[] {
    return this.#children.map(({ spec, state, incarnation }) => ({ id: spec.id, state: state.kind, incarnation }));
  }

  step(input: SupervisorInput, nowMs: number): readonly SupervisorEffect[] {
    this.#effects = [];
    if (input.type === "start") this.#start();
    else if (input.type === "started") this.#started(this.#child(input.id), input.incarnation, nowMs);
    else if (input.type === "exited") this.#exited(this.#child(input.id), input.incarnation, input.reason, nowMs);
    else if (input.type === "stop") this.#stop(nowMs);
    else if (input.type === "abort") this.#abort();
    else this.#tick(nowMs);
    return this.#effects;
  }

  #start(): void {
    assert(this.#phase === "idle", `start of a supervisor that is ${this.#phase}`);
    this.#phase = "starting";
    this.#startOn();
  }

  /** Starts whoever's turn it is, until all have been started once. */
  #startOn(): void {
    if (this.#phase !== "starting") return;
    const oneByOne = this.#options.startup !== "together";
    for (const child of this.#children) {
      if (child.state.kind === "waiting") this.#spawn(child);
      if (oneByOne && !child.settled) return;
    }
    if (!this.#children.every(({ settled }) => settled)) return;
    this.#phase = "running";
    this.#effects.push({ type: "ready" });
  }

  #started(child: Child, incarnation: number, nowMs: number): void {
    if (child.state.kind !== "starting" || child.incarnation !== incarnation) return;
    child.state = { kind: "running", sinceMs: nowMs };
    child.settled = true;
    this.#startOn();
  }

  #exited(child: Child, incarnation: number, reason: ExitReason, nowMs: number): void {
    if (!isAlive(child) || child.incarnation !== incarnation) return;
    const before = child.state;
    child.state = { kind: "gone" };
    if (this.#phase === "stopping") this.#stopOn(nowMs);
    else if (reason.kind === "refused") this.#giveUp(child, `${child.spec.id} refused to run: ${reason.detail}`, nowMs);
    else if (!wantsRestart(child.spec, reason)) this.#leave(child);
    else if (this.#window.admit(nowMs)) this.#restart(child, before, nowMs);
    else this.#giveUp(child, this.#tooMany(child, reason), nowMs);
  }

  /** A child that has come to its end; whoever waited for it to start may go on. */
  #leave(child: Child): void {
    child.settled = true;
    this.#startOn();
  }

  #restart(child: Child, before: ChildState, nowMs: number): void {
    const stableAfterMs = this.#options.stableAfterMs ?? this.#options.restartPeriodMs;
    const wasWell = before.kind === "running" && nowMs - before.sinceMs >= stableAfterMs;
    child.failures = wasWell ? 1 : child.failures + 1;
    const delayMs = this.#options.restartDelayMs(child.failures);
    if (delayMs <= 0) this.#spawn(child);
    else child.state = { kind: "restarting", atMs: nowMs + delayMs };
  }

  #tooMany(child: Child, reason: ExitReason): string {
    const { maxRestarts, restartPeriodMs } = this.#options;
    return `${child.spec.id} ended (${reason.detail}) and ${maxRestarts} restarts within ${restartPeriodMs} ms are used up`;
  }

  #giveUp(child: Child, reason: string, nowMs: number): void {
    this.#effects.push({ type: "escalate", id: child.spec.id, reason });
    this.#stop(nowMs);
  }

  #stop(nowMs: number): void {
    if (this.#phase === "stopping" || this.#phase === "stopped") return;
    this.#phase = "stopping";
    this.#dropWhoIsNotAlive();
    this.#stopOn(nowMs);
  }

  /** Ends the last child that lives; the one before it only when this one is gone. */
  #stopOn(nowMs: number): void {
    if (this.#children.some(({ state }) => state.kind === "stopping")) return;
    const last = this.#children.findLast(isAlive);
    if (last === undefined) this.#end();
    else this.#askToEnd(last, nowMs);
  }

  #askToEnd(child: Child, nowMs: number): void {
    const { shutdown } = child.spec;
    const killAtMs = typeof shutdown === "string" ? undefined : nowMs + shutdown.timeoutMs;
    this.#terminate(child, shutdown === "brutal_kill" ? "kill" : "shutdown", killAtMs);
  }

  #abort(): void {
    if (this.#phase === "stopped") return;
    this.#phase = "stopping";
    this.#dropWhoIsNotAlive();
    for (const child of this.#children.filter(isAlive).reverse()) this.#terminate(child, "kill", undefined);
    if (!this.#children.some(isAlive)) this.#end();
  }

  #tick(nowMs: number): void {
    for (const child of this.#children) {
      const { state } = child;
      if (state.kind === "restarting" && state.atMs <= nowMs) this.#spawn(child);
      if (state.kind === "stopping" && (state.killAtMs ?? Infinity) <= nowMs) this.#terminate(child, "kill", undefined);
    }
  }

  #spawn(child: Child): void {
    child.incarnation++;
    child.state = { kind: "starting" };
    this.#effects.push({ type: "spawn", id: child.spec.id, incarnation: child.incarnation });
  }

  #terminate(child: Child, how: "shutdown" | "kill", killAtMs: number | undefined): void {
    child.state = { kind: "stopping", killAtMs };
    this.#effects.push({ type: "terminate", id: child.spec.id, incarnation: child.incarnation, how });
  }

  #dropWhoIsNotAlive(): void {
    for (const child of this.#children) if (!isAlive(child)) child.state = { kind: "gone" };
  }

  #end(): void {
    this.#phase = "stopped";
    this.#effects.push({ type: "stopped" });
  }

  #child(id: string): Child {
    const child = this.#children.find(({ spec }) => spec.id === id);
    assert(child, `no child is named ${id}`);
    return child;
  }
}

function isAlive({ state }: Child): boolean {
  return state.kind === "starting" || state.kind === "running" || state.kind === "stopping";
}

function wantsRestart({ restart }: ChildSpec, reason: ExitReason): boolean {
  return restart === "permanent" || (restart === "transient" && reason.kind !== "normal");
}

function deadlineOf(state: ChildState): number | undefined {
  if (state.kind === "restarting") return state.atMs;
  return state.kind === "stopping" ? state.killAtMs : undefined;
}
