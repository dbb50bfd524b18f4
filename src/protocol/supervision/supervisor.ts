/**
 * The supervisor as a machine: an input and `now` go in, an ordered list of effects comes out, and the time at which it
 * wants a tick. Children are started in order, one after the other, and stopped in the exact reverse; who exits is
 * started again, alone or with others as the strategy says, within the restart intensity, after a delay that grows while
 * it keeps failing.
 *
 * It never has two incarnations of one child at once: a child is started again only after its exit was seen. Inputs
 * about an incarnation that is gone are ignored, so that a late message cannot be taken for a new child's.
 * Not here: processes, timers, what a child does.
 */
import { assert } from "../../base/errors.ts";
import { type ChildSpec, completeSpec, type ExitReason } from "./child-spec.ts";
import { type Child, ChildTable, isAlive } from "./child-table.ts";
import { decideOnExit } from "./failure-rules.ts";
import { GroupRestart } from "./group-restart.ts";
import type {
  ChildCounts,
  ChildInfo,
  ChildRequest,
  ReplyResult,
  SupervisorEffect,
  SupervisorInput,
  SupervisorPhase,
} from "./messages.ts";
import type { Strategy, SupervisorOptions } from "./options.ts";
import { escalationOf, exhaustionOf, KILLED, SHUTDOWN } from "./outcomes.ts";
import { idOf, refusalOf } from "./requests.ts";
import { RestartWindow } from "./restart-window.ts";
import { assertValidSupervisor, textOf, validateChild } from "./validate.ts";

export class Supervisor {
  readonly #children = new ChildTable();
  readonly #options: SupervisorOptions;
  readonly #strategy: Strategy;
  readonly #template: ChildSpec | undefined;
  readonly #window: RestartWindow;
  #phase: SupervisorPhase = "idle";
  #outcome: ExitReason | undefined;
  #group: GroupRestart | undefined;
  /** Those still to be stopped, in start order: the last one is next. */
  #toStop: Child[] = [];
  #effects: SupervisorEffect[] = [];
  #nowMs = 0;

  constructor(specs: readonly ChildSpec[], options: SupervisorOptions) {
    assertValidSupervisor(specs, options);
    this.#options = options;
    this.#strategy = options.strategy ?? "one_for_one";
    this.#window = new RestartWindow(options.maxRestarts, options.restartPeriodMs);
    if (this.#isSimple) this.#template = completeSpec(specs[0]!);
    else for (const spec of specs) this.#children.add(spec, false, undefined);
  }

  get phase(): SupervisorPhase {
    return this.#phase;
  }

  /** What its parent is told once it has stopped: a crash when it gave up, normal when it was to stop. */
  get outcome(): ExitReason | undefined {
    return this.#outcome;
  }

  /** Children started again so far. */
  get restarts(): number {
    return this.#children.restarts;
  }

  /** When a tick is due at the latest; undefined when nothing is timed. */
  get nextDeadlineMs(): number | undefined {
    const childMs = this.#children.nextDeadlineMs;
    const groupMs = this.#group && this.#isStill ? this.#group.atMs : undefined;
    return groupMs === undefined ? childMs : Math.min(groupMs, childMs ?? Infinity);
  }

  /** Each child, in start order: OTP's which_children. */
  states(): readonly ChildInfo[] {
    return this.#children.infos();
  }

  countChildren(): ChildCounts {
    const counts = this.#children.counts();
    return this.#isSimple ? { ...counts, specs: 1 } : counts;
  }

  /** With its defaults filled in; undefined when there is no such child. */
  childSpec(id: string): ChildSpec | undefined {
    return this.#children.get(id)?.spec;
  }

  step(input: SupervisorInput, nowMs: number): readonly SupervisorEffect[] {
    this.#effects = [];
    this.#nowMs = nowMs;
    if (input.type === "start") this.#start();
    else if (input.type === "started") this.#started(input.id, input.incarnation);
    else if (input.type === "exited") this.#exited(input.id, input.incarnation, input.reason);
    else if (input.type === "stop") this.#stop(SHUTDOWN);
    else if (input.type === "abort") this.#abort();
    else if (input.type === "tick") this.#tick();
    else this.#request(input);
    return this.#effects;
  }

  get #isSimple(): boolean {
    return this.#strategy === "simple_one_for_one";
  }

  get #isServing(): boolean {
    return this.#phase === "starting" || this.#phase === "running";
  }

  /** Nobody is being stopped for the group restart, nor has to be. */
  get #isStill(): boolean {
    return this.#children.stopping === 0 && this.#group?.nextToStop() === undefined;
  }

  #start(): void {
    assert(this.#phase === "idle", `start of a supervisor that is ${this.#phase}`);
    this.#phase = "starting";
    this.#startOn();
  }

  /** Starts whoever's turn it is, until all have been started. */
  #startOn(): void {
    if (!this.#isServing || this.#group) return;
    const oneByOne = this.#options.startup !== "together";
    if (this.#children.unsettled > 0)
      for (const child of this.#children) {
        if (child.state.kind === "waiting") this.#spawn(child);
        if (oneByOne && !child.settled) return;
      }
    if (this.#children.unsettled > 0 || this.#phase === "running") return;
    this.#phase = "running";
    this.#effects.push({ type: "ready" });
  }

  #started(id: string, incarnation: number): void {
    const child = this.#children.get(id);
    if (child?.state.kind !== "starting" || child.incarnation !== incarnation) return;
    this.#children.set(child, { kind: "running", sinceMs: this.#nowMs });
    if (!this.#group?.has(child)) this.#children.settle(child); // else it is to be stopped and started once more
    this.#answerStart(child, "ok");
    this.#startOn();
  }

  #exited(id: string, incarnation: number, reason: ExitReason): void {
    const child = this.#children.get(id);
    if (child === undefined || !isAlive(child) || child.incarnation !== incarnation) return;
    const before = child.state;
    this.#children.set(child, { kind: "gone" });
    if (!this.#isServing) this.#answerTerminate(child);
    else if (before.kind === "stopping") this.#leave(child);
    else if (before.kind === "starting" && reason.kind === "ignored") this.#endStart(child, "ok");
    else if (before.kind === "starting" && child.startRequest !== undefined)
      this.#endStart(child, "start_failed", reason.detail);
    else this.#endedByItself(child, before, reason);
    this.#stopOn();
    this.#restartGroupOn();
  }

  #endedByItself(child: Child, before: Child["state"], reason: ExitReason): void {
    const decision = decideOnExit(child.spec, reason, this.#options.onFailure);
    if (decision === "escalate") this.#giveUp(child, escalationOf(child.spec, reason));
    else if (this.#group?.has(child))
      this.#leave(child); // it was to be stopped and started again anyway
    else if (decision === "stop") this.#endedForGood(child);
    else if (this.#window.admit(this.#nowMs)) this.#restart(child, before);
    else this.#giveUp(child, exhaustionOf(child.spec, reason, this.#options));
  }

  /** A start that ends without a running child, and is not to be tried again. */
  #endStart(child: Child, result: ReplyResult, detail?: string): void {
    const isNew = child.addedBy !== undefined && child.addedBy === child.startRequest;
    this.#answerStart(child, result, detail);
    if (result === "ok" || !isNew) return this.#leave(child);
    this.#forget(child);
    this.#startOn();
  }

  /** A child that has come to its end by itself; it may take the supervisor along. */
  #endedForGood(child: Child): void {
    const { autoShutdown = "never" } = this.#options;
    const others = autoShutdown === "all_significant" ? [...this.#children] : [];
    const isAwaited = others.some(({ spec, state }) => spec.significant && state.kind !== "gone");
    if (!child.spec.significant || autoShutdown === "never" || isAwaited) return this.#leave(child);
    this.#effects.push({ type: "auto_shutdown", id: child.spec.id });
    this.#stop(SHUTDOWN);
  }

  /** A child that is gone and not waited for; whoever's turn comes after it may start. */
  #leave(child: Child): void {
    this.#answerTerminate(child);
    const isSpent = this.#isSimple || child.spec.restart === "temporary";
    if (this.#group?.interrupts(child) && !isSpent) this.#children.set(child, { kind: "waiting" });
    else {
      this.#answerStart(child, "start_failed", "it was stopped before it had started");
      if (isSpent) this.#forget(child);
      else if (!this.#group?.has(child)) this.#children.settle(child); // else gone until the group starts
    }
    this.#startOn();
  }

  #forget(child: Child): void {
    this.#group?.leaveOut(child);
    this.#children.remove(child);
  }

  #restart(child: Child, before: Child["state"]): void {
    const { restartPeriodMs, restartDelayMs = () => 0, stableAfterMs = restartPeriodMs } = this.#options;
    const wasWell = before.kind === "running" && this.#nowMs - before.sinceMs >= stableAfterMs;
    child.failures = wasWell ? 1 : child.failures + 1;
    const atMs = this.#nowMs + Math.max(0, restartDelayMs(child.failures));
    // A start that failed is tried again on a tick only, so that a stop can come in between (OTP: through the mailbox).
    const atOnce = atMs <= this.#nowMs && before.kind !== "starting";
    if (this.#strategy === "one_for_all" || this.#strategy === "rest_for_one") this.#beginGroup(child, atMs, atOnce);
    else if (atOnce) this.#spawn(child);
    else this.#children.set(child, { kind: "restarting", atMs });
  }

  #beginGroup(lead: Child, atMs: number, atOnce: boolean): void {
    const members = this.#strategy === "one_for_all" ? [...this.#children] : this.#children.from(lead);
    for (const member of members) this.#children.settle(member, false);
    this.#children.set(lead, { kind: "restarting", atMs: undefined });
    const mayAtOnce = atOnce && (this.#group === undefined || this.#group.atMs === undefined);
    const laterMs = Math.max(atMs, this.#group?.atMs ?? 0);
    this.#group = new GroupRestart(lead, members, mayAtOnce ? undefined : laterMs, this.#group);
  }

  /** Stops the last member that runs; when none does and the delay is over, they start again in order. */
  #restartGroupOn(isTick = false): void {
    const group = this.#group;
    if (group === undefined || this.#children.stopping > 0) return;
    const next = group.nextToStop();
    if (next) return this.#askToEnd(next);
    if (group.atMs !== undefined && !(isTick && group.atMs <= this.#nowMs)) return;
    this.#group = undefined;
    for (const member of group.members) this.#children.set(member, { kind: "waiting" }); // OTP: who was gone comes back
    this.#startOn();
  }

  #giveUp(child: Child, outcome: ExitReason): void {
    this.#effects.push({ type: "escalate", id: child.spec.id, reason: outcome.detail });
    this.#stop(outcome);
  }

  #stop(outcome: ExitReason): void {
    if (!this.#endServing(outcome)) return;
    this.#toStop = this.#children.alive();
    if (this.#isSimple) for (const child of [...this.#toStop].reverse()) this.#askToEnd(child);
    this.#stopOn();
  }

  /** Ends the last child that lives; the one before it only when this one is gone. */
  #stopOn(): void {
    if (this.#phase !== "stopping" || this.#children.stopping > 0) return;
    let last = this.#toStop.pop();
    while (last && !isAlive(last)) last = this.#toStop.pop();
    if (last) return this.#askToEnd(last);
    this.#phase = "stopped";
    this.#effects.push({ type: "stopped" });
  }

  #askToEnd(child: Child): void {
    if (child.state.kind === "stopping") return;
    const { shutdown } = child.spec;
    const killAtMs = typeof shutdown === "string" ? undefined : this.#nowMs + shutdown.timeoutMs;
    this.#terminate(child, shutdown === "brutal_kill" ? "kill" : "shutdown", killAtMs);
  }

  #abort(): void {
    if (this.#phase === "stopped") return;
    this.#endServing(KILLED);
    for (const child of this.#children.alive().reverse()) this.#terminate(child, "kill", undefined);
    this.#stopOn();
  }

  /** From here on nobody is started any more. False when that was so already. */
  #endServing(outcome: ExitReason): boolean {
    if (this.#phase === "stopping" || this.#phase === "stopped") return false;
    this.#phase = "stopping";
    this.#outcome = outcome;
    this.#group = undefined;
    for (const child of this.#children) {
      this.#answerStart(child, "not_running", "the supervisor stops");
      if (!isAlive(child)) this.#children.set(child, { kind: "gone" });
    }
    return true;
  }

  #tick(): void {
    for (const child of this.#children.timed) {
      const { state } = child;
      if (state.kind === "restarting" && (state.atMs ?? Infinity) <= this.#nowMs) this.#spawn(child);
      if (state.kind === "stopping" && (state.killAtMs ?? Infinity) <= this.#nowMs)
        this.#terminate(child, "kill", undefined);
    }
    this.#restartGroupOn(true);
  }

  #spawn(child: Child): void {
    const incarnation = this.#children.begin(child);
    this.#effects.push({ type: "spawn", id: child.spec.id, incarnation });
  }

  #terminate(child: Child, how: "shutdown" | "kill", killAtMs: number | undefined): void {
    this.#children.set(child, { kind: "stopping", killAtMs });
    this.#effects.push({ type: "terminate", id: child.spec.id, incarnation: child.incarnation, how });
  }

  #request(input: ChildRequest): void {
    const { request, type } = input;
    const id = idOf(input);
    const child = this.#children.get(id);
    if (!this.#isServing) return this.#reply(request, id, "not_running", `it is ${this.#phase}`);
    if (type === "start_child") return this.#startChild(request, id, input.child);
    const refusal = refusalOf(type, child, this.#isSimple);
    if (refusal !== undefined || child === undefined) return this.#reply(request, id, refusal ?? "not_found");
    if (type === "terminate_child") return this.#terminateChild(child, request);
    if (type === "restart_child") return this.#startInTurn(child, request);
    this.#forget(child);
    this.#reply(request, id, "ok");
  }

  #startChild(request: number, id: string, given: ChildSpec | string): void {
    const spec = this.#template && typeof given === "string" ? { ...this.#template, id: given } : given;
    const faults = validateChild(spec, this.#options.autoShutdown);
    const isForm = typeof given === "string" ? this.#isSimple : !this.#isSimple;
    const form = this.#isSimple ? "an id is required, the spec is the template's" : "a child spec is required";
    if (typeof spec === "string" || !isForm) return this.#reply(request, id, "invalid_spec", form);
    if (faults.length > 0) return this.#reply(request, id, "invalid_spec", textOf(faults));
    const refusal = refusalOf("start_child", this.#children.get(id), this.#isSimple);
    if (refusal !== undefined) return this.#reply(request, id, refusal);
    this.#startInTurn(this.#children.add(spec, true, request), request);
  }

  /** At once; while others are being started in order it takes its place among them. */
  #startInTurn(child: Child, request: number): void {
    child.startRequest = request;
    if (this.#children.unsettled === 0) return this.#spawn(child);
    this.#children.settle(child, false);
    this.#children.set(child, { kind: "waiting" });
    this.#startOn();
  }

  #terminateChild(child: Child, request: number): void {
    child.terminateRequests.push(request);
    this.#answerStart(child, "start_failed", "it was terminated before it had started");
    if (this.#group?.lead === child) this.#callOffGroup(this.#group);
    this.#group?.leaveOut(child);
    if (isAlive(child)) return this.#askToEnd(child);
    this.#children.set(child, { kind: "gone" });
    this.#leave(child);
  }

  /** OTP's way: who runs goes on running, who was stopped for the restart stays so. */
  #callOffGroup(group: GroupRestart): void {
    this.#group = undefined;
    for (const member of group.members) {
      const { kind } = member.state;
      if (kind === "starting" || (kind === "waiting" && member.restarts < 0)) continue; // its first start goes on
      this.#children.settle(member);
      if (isAlive(member)) continue;
      this.#answerStart(member, "start_failed", `it was stopped before it had started, with ${group.lead.spec.id}`);
      this.#children.set(member, { kind: "gone" });
    }
  }

  #answerStart(child: Child, result: ReplyResult, detail?: string): void {
    if (child.startRequest !== undefined) this.#reply(child.startRequest, child.spec.id, result, detail);
    child.startRequest = undefined;
  }

  #answerTerminate(child: Child): void {
    for (const request of child.terminateRequests.splice(0)) this.#reply(request, child.spec.id, "ok");
  }

  #reply(request: number, id: string, result: ReplyResult, detail?: string): void {
    this.#effects.push({ type: "reply", request, id, result, ...(detail !== undefined && { detail }) });
  }
}
