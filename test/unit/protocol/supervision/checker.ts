/**
 * The outside of a supervisor that trusts it in nothing: carries its effects out on pretended children, keeps a dumb model
 * of what ought to be (who is wanted, which failures count), and throws a Broken at the first difference.
 */
import type {
  ChildRequest,
  ChildSpec,
  ExitReason,
  FailureDecision,
  SupervisorEffect,
  SupervisorInput,
  SupervisorOptions,
} from "../../../../src/protocol/supervision/index.ts";
import { MAX_RESTARTS, PERIOD_MS, RULES, type World } from "./world.ts";

export interface Machine {
  step(input: SupervisorInput, nowMs: number): readonly SupervisorEffect[];
  readonly nextDeadlineMs: number | undefined;
}

export class Broken extends Error {}

interface Living {
  readonly incarnation: number;
  serves: boolean;
  /** To end. */
  asked: boolean;
  readonly byRequest: boolean;
}

interface Group {
  readonly lead: string;
  readonly members: Set<string>;
  /** Those of them who did not run, and come back with the others. */
  readonly joining: readonly string[];
}

type Exited = Extract<SupervisorInput, { type: "exited" }>;

export class Checker {
  readonly machine: Machine;
  readonly alive = new Map<string, Living>();
  /** Known children in start order. */
  readonly specs = new Map<string, ChildSpec>();
  readonly #world: World;
  readonly #template: ChildSpec;
  readonly #wanted = new Set<string>();
  readonly #incarnations = new Map<string, number>();
  readonly #haveRun = new Set<string>();
  readonly #open = new Map<number, ChildRequest>();
  readonly #startRequests = new Map<string, { readonly request: number; readonly isNew: boolean }>();
  readonly #countedMs: number[] = [];
  /** A group restart; it ends when its members may start: all are gone and it waits for no time any more. */
  #group: Group | undefined;
  #requests = 0;
  serving = true;
  stopped = false;
  nowMs = 0;

  constructor(world: World, make: (specs: readonly ChildSpec[], options: SupervisorOptions) => Machine) {
    this.#world = world;
    this.#template = world.specs[0]!;
    this.machine = make(world.specs, {
      strategy: world.strategy,
      maxRestarts: MAX_RESTARTS,
      restartPeriodMs: PERIOD_MS,
      restartDelayMs: (failures) => failures - 1,
      startup: world.together ? "together" : "one_by_one",
      autoShutdown: world.autoShutdown,
      onFailure: RULES,
    });
    if (!this.#isSimple) for (const spec of world.specs) this.#add(spec);
  }

  get #isSimple(): boolean {
    return this.#world.strategy === "simple_one_for_one";
  }

  give(input: SupervisorInput): void {
    const wasServing = this.serving;
    const living = input.type === "exited" ? this.alive.get(input.id) : undefined;
    if (input.type === "exited") this.alive.delete(input.id);
    if (input.type === "started") this.alive.get(input.id)!.serves = true;
    const effects = this.machine.step(input, this.nowMs);
    this.serving &&= input.type !== "stop" && input.type !== "abort";
    if (input.type === "exited" && living && wasServing) this.#exited(input, living, effects);
    if (input.type === "terminate_child" && wasServing && this.specs.has(input.id)) this.#terminated(input.id);
    for (const effect of effects) this.#carryOut(effect, input);
    const deadlineMs = this.machine.nextDeadlineMs;
    if (this.#group && deadlineMs === undefined && this.#isStill(this.#group)) this.#released(this.#group);
    if (input.type === "tick")
      this.#hold(deadlineMs === undefined || deadlineMs > this.nowMs, "a tick leaves nothing due");
  }

  ask(type: ChildRequest["type"], id: string, spec: ChildSpec): void {
    const request = ++this.#requests;
    const child = this.#isSimple ? id : { ...spec, id };
    const input: ChildRequest = type === "start_child" ? { type, request, child } : { type, request, id };
    this.#open.set(request, input);
    const isNew = type === "start_child" && !this.specs.has(id);
    const isDown = type === "restart_child" && this.specs.has(id) && !this.alive.has(id) && !this.#wanted.has(id);
    if (this.serving && isNew) this.#add({ ...(this.#isSimple ? this.#template : spec), id });
    if (this.serving && isDown && !this.#isSimple) this.#wanted.add(id);
    if (this.serving && (isNew || (isDown && !this.#isSimple))) this.#startRequests.set(id, { request, isNew });
    this.give(input);
  }

  /** From here on all is well: children start and end as they are asked. Who is wanted runs then, and nobody else. */
  settle(): void {
    for (let guard = 0; this.#goOn(); guard++) this.#hold(guard < 1_000, "things come to rest");
    if (!this.serving) return;
    this.#same([...this.alive.keys()], [...this.#wanted], "those who are wanted run, and nobody else");
    for (const { serves } of this.alive.values()) this.#hold(serves, "those who run serve");
  }

  /** The orderly end: everybody is asked, everything is answered, nothing follows. */
  end(): void {
    this.give({ type: "stop" });
    for (let guard = 0; this.#goOn(); guard++) this.#hold(guard < 1_000, "a stop comes to its end");
    this.#hold(this.stopped, "it says that it has stopped");
    this.#hold(this.alive.size === 0, "nobody is forgotten");
    this.#hold(this.#open.size === 0, "every request is answered");
    this.#hold(this.machine.nextDeadlineMs === undefined, "nothing is timed after the end");
    this.#hold(this.machine.step({ type: "tick" }, this.nowMs + 1e6).length === 0, "nothing follows the end");
  }

  /** One thing that has to happen; false when there is none. */
  #goOn(): boolean {
    for (const [id, living] of this.alive) {
      const { asked, incarnation, serves } = living;
      if (asked) this.give({ type: "exited", id, incarnation, reason: { kind: "normal", detail: "" } });
      else if (!serves && !this.stopped) this.give({ type: "started", id, incarnation });
      else continue;
      return true;
    }
    const deadlineMs = this.machine.nextDeadlineMs;
    if (deadlineMs === undefined) return false;
    this.nowMs = Math.max(this.nowMs, deadlineMs);
    this.give({ type: "tick" });
    return true;
  }

  #carryOut(effect: SupervisorEffect, cause: SupervisorInput): void {
    this.#hold(!this.stopped || effect.type === "reply", "nothing follows the end");
    if (effect.type === "spawn") this.#spawned(effect.id, effect.incarnation);
    else if (effect.type === "terminate") this.#terminating(effect.id, effect.incarnation, cause);
    else if (effect.type === "reply") this.#replied(effect);
    else if (effect.type === "ready") this.#hold(this.serving, "a supervisor that stops is not ready");
    else if (effect.type === "stopped") {
      this.#hold(this.alive.size === 0, "it stops when nobody runs");
      this.#hold(!this.serving, "it stops for a reason");
      this.stopped = true;
    } else {
      this.#hold(this.serving && cause.type === "exited", "it gives up once, because of an exit");
      this.serving = false;
    }
  }

  #spawned(id: string, incarnation: number): void {
    this.#hold(this.serving, "nobody is started while it stops");
    this.#hold(!this.alive.has(id), "no child runs twice");
    if (this.#group) this.#released(this.#group);
    this.#hold(this.#wanted.has(id), "only those are started who are wanted");
    this.#hold(incarnation > (this.#incarnations.get(id) ?? 0), "incarnations count up");
    const byRequest = this.#startRequests.has(id);
    if (!byRequest) this.#startsInOrder(id);
    this.#incarnations.set(id, incarnation);
    this.#haveRun.add(id);
    this.alive.set(id, { incarnation, serves: false, asked: false, byRequest });
  }

  /** Nobody is being ended, and of its members nobody is left: it waits for its time only, or for those in front to start. */
  #isStill({ members }: Group): boolean {
    return ![...this.alive].some(([id, { asked }]) => asked || members.has(id));
  }

  #released({ joining, members }: Group): void {
    for (const each of joining) if (members.has(each)) this.#wanted.add(each);
    this.#group = undefined;
  }

  #startsInOrder(id: string): void {
    if (this.#world.strategy !== "one_for_all" && this.#world.strategy !== "rest_for_one") return;
    const behind = this.#behind(id).map((each) => this.alive.get(each));
    this.#hold(!behind.some((living) => living && !living.byRequest), "nobody is started before those in front");
    const starting = [...this.alive.values()].some(({ serves, asked, byRequest }) => !serves && !asked && !byRequest);
    this.#hold(this.#world.together || !starting, "one is started after the other");
  }

  #terminating(id: string, incarnation: number, cause: SupervisorInput): void {
    const living = this.alive.get(id);
    this.#hold(living?.incarnation === incarnation, "only who runs is ended");
    const wasAsked = living!.asked;
    living!.asked = true;
    const isOwn = cause.type === "terminate_child" && cause.id === id;
    if (wasAsked || isOwn || this.#isSimple || cause.type === "abort") return;
    this.#hold(!this.#behind(id).some((each) => this.alive.has(each)), "they are ended in reverse order");
    const others = [...this.alive].some(([each, { asked }]) => asked && each !== id);
    this.#hold(!others, "one is ended after the other");
  }

  #replied({ request, id, result }: Extract<SupervisorEffect, { type: "reply" }>): void {
    const asked = this.#open.get(request);
    this.#hold(asked !== undefined, "each request is answered once");
    this.#open.delete(request);
    if (this.#startRequests.get(id)?.request === request) this.#startRequests.delete(id);
    if (result !== "ok") return;
    if (asked?.type === "terminate_child") this.#hold(!this.alive.has(id), "who was terminated is gone");
    if (asked?.type === "delete_child") this.#forget(id);
  }

  /** What ought to follow an exit, by the simplest reading of the rules. */
  #exited({ id, reason }: Exited, living: Living, effects: readonly SupervisorEffect[]): void {
    const spec = this.specs.get(id)!;
    const isSpent = this.#isSimple || spec.restart === "temporary";
    const request = living.serves ? undefined : this.#startRequests.get(id);
    const failed = !living.serves && !living.asked && (reason.kind === "ignored" || request !== undefined);
    const decision = living.asked || failed ? "stop" : decide(spec, reason);
    const escalated = effects.some(({ type }) => type === "escalate");
    const isMember = this.#group?.members.has(id) === true;
    const counts = decision === "restart" && !isMember;
    const isTooMany = counts && this.#recent >= MAX_RESTARTS;
    this.#hold(escalated === (decision === "escalate" || isTooMany), "it gives up when it must, and only then");
    if (escalated) return;
    if (counts) this.#countFailure(id);
    else if (!isMember) this.#wanted.delete(id);
    const isEnd = decision === "stop" && !living.asked && !failed && !isMember;
    if (isSpent && !counts) this.#forget(id);
    else if (failed && request?.isNew && reason.kind !== "ignored") this.#forget(id);
    this.#shutsDown(spec, isEnd, effects);
  }

  #countFailure(id: string): void {
    this.#countedMs.push(this.nowMs);
    const ids = [...this.specs.keys()];
    const { strategy } = this.#world;
    if (strategy !== "one_for_all" && strategy !== "rest_for_one") return;
    const members = strategy === "one_for_all" ? ids : ids.slice(ids.indexOf(id));
    const joining = members.filter((each) => !this.#wanted.has(each));
    this.#group = { lead: id, members: new Set(members), joining };
  }

  #shutsDown({ significant }: ChildSpec, isEnd: boolean, effects: readonly SupervisorEffect[]): void {
    const { autoShutdown } = this.#world;
    const others = [...this.specs.values()].some(
      (spec) => spec.significant && (this.#wanted.has(spec.id) || this.alive.has(spec.id)),
    );
    const isDue = isEnd && significant === true && (autoShutdown === "any_significant" || !others);
    this.#same(
      [effects.some(({ type }) => type === "auto_shutdown")],
      [isDue],
      "it shuts down with significant children",
    );
  }

  #terminated(id: string): void {
    if (this.#group?.lead === id) {
      for (const member of this.#group.members) {
        const living = this.alive.get(member);
        const hasNeverRun = !this.#haveRun.has(member);
        if (living ? living.asked : !hasNeverRun) this.#wanted.delete(member);
      }
      this.#group = undefined;
    }
    this.#group?.members.delete(id);
    this.#wanted.delete(id);
    if (!this.alive.has(id) && (this.#isSimple || this.specs.get(id)?.restart === "temporary")) this.#forget(id);
  }

  get #recent(): number {
    return this.#countedMs.filter((timeMs) => this.nowMs - timeMs < PERIOD_MS).length;
  }

  #behind(id: string): string[] {
    const ids = [...this.specs.keys()];
    return ids.slice(ids.indexOf(id) + 1);
  }

  #add(spec: ChildSpec): void {
    this.specs.set(spec.id, spec);
    this.#wanted.add(spec.id);
  }

  #forget(id: string): void {
    this.specs.delete(id);
    this.#haveRun.delete(id);
    this.#wanted.delete(id);
    this.#group?.members.delete(id);
  }

  #hold(condition: boolean, promise: string): void {
    if (!condition) throw new Broken(promise);
  }

  #same(actual: readonly unknown[], expected: readonly unknown[], promise: string): void {
    const [is, ought] = [JSON.stringify(actual.toSorted()), JSON.stringify(expected.toSorted())];
    this.#hold(is === ought, `${promise}: ${is}, not ${ought}`);
  }
}

function decide(spec: ChildSpec, { kind, code }: ExitReason): FailureDecision {
  const isFailure = kind === "crash" || kind === "refused";
  const rule = isFailure ? RULES.find(({ match }) => match === code) : undefined;
  const wish = rule?.decision ?? (kind === "refused" ? "escalate" : "restart");
  const may = spec.restart === "permanent" || (spec.restart === "transient" && isFailure);
  return wish === "restart" && !may ? "stop" : wish;
}
