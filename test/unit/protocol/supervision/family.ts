/**
 * A supervisor machine with pretended children that answer at once, as OTP's calls do: each call comes back when nothing
 * more happens by itself. Time stands still unless a test lets it pass.
 */
import {
  type ChildRequest,
  type ChildSpec,
  type ExitReason,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
} from "../../../../src/protocol/supervision/index.ts";

/** What a child does when it is spawned: serve, fail, say that it need not run, refuse, or say nothing. */
export type Start = "serve" | "fail" | "ignore" | "refuse" | "hang";
/** What a child does when it is asked to end. */
export type Obedience = "obeys" | "stubborn" | "crashes";
type RequestOf<Request> = Request extends ChildRequest ? Omit<Request, "request"> : never;

export const NORMAL: ExitReason = { kind: "normal", detail: "normal" };
export const ABNORMAL: ExitReason = { kind: "crash", detail: "died" };

const START_EXITS: Partial<Record<Start, ExitReason>> = {
  fail: { kind: "crash", detail: "cannot start", code: "test.start" },
  ignore: { kind: "ignored", detail: "ignore" },
  refuse: { kind: "refused", detail: "no" },
};

export class Family {
  readonly supervisor: Supervisor;
  /** Incarnation of each child that lives. */
  readonly alive = new Map<string, number>();
  /** `start a`, `shutdown a`, `kill a`, `end a`, `ready`, `escalate a`, `auto_shutdown a`, `stopped`. */
  readonly log: string[] = [];
  readonly starts = new Map<string, Start>();
  readonly obedience = new Map<string, Obedience>();
  readonly #pending: SupervisorInput[] = [];
  readonly #replies = new Map<number, string>();
  #requests = 0;
  nowMs = 0;

  constructor(specs: readonly ChildSpec[], options: Partial<SupervisorOptions> = {}) {
    this.supervisor = new Supervisor(specs, { maxRestarts: 2, restartPeriodMs: 3_600_000, ...options });
  }

  static started(specs: readonly ChildSpec[], options: Partial<SupervisorOptions> = {}): Family {
    const family = new Family(specs, options);
    family.give({ type: "start" });
    return family;
  }

  give(input: SupervisorInput): void {
    this.#pending.push(input);
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      if (next.type === "exited") this.alive.delete(next.id);
      for (const effect of this.supervisor.step(next, this.nowMs)) this.#carryOut(effect);
    }
  }

  /** The answer to a request; undefined while there is none. */
  call(request: RequestOf<ChildRequest>): string | undefined {
    const number = ++this.#requests;
    this.give({ ...request, request: number } as ChildRequest); // a request without its number, and the number
    return this.#replies.get(number);
  }

  startChild(child: ChildSpec | string): string | undefined {
    return this.call({ type: "start_child", child });
  }

  terminateChild(id: string): string | undefined {
    return this.call({ type: "terminate_child", id });
  }

  restartChild(id: string): string | undefined {
    return this.call({ type: "restart_child", id });
  }

  deleteChild(id: string): string | undefined {
    return this.call({ type: "delete_child", id });
  }

  /** A child ends by itself. */
  exit(id: string, reason: ExitReason = ABNORMAL): void {
    const incarnation = this.alive.get(id);
    if (incarnation === undefined) throw new Error(`${id} does not live`);
    this.log.push(`end ${id}`);
    this.give({ type: "exited", id, incarnation, reason });
  }

  stop(): void {
    this.give({ type: "stop" });
  }

  /** Lets time pass up to the next deadline; false when there is none. */
  pass(): boolean {
    const atMs = this.supervisor.nextDeadlineMs;
    if (atMs === undefined) return false;
    this.nowMs = Math.max(this.nowMs, atMs);
    this.give({ type: "tick" });
    return true;
  }

  passAll(): void {
    for (let guard = 0; this.pass(); guard++) if (guard > 1_000) throw new Error("there is always a next deadline");
  }

  /** `id state` of each child, in start order. */
  get children(): string[] {
    return this.supervisor.states().map(({ id, state }) => `${id} ${state}`);
  }

  /** OTP's [specs, active, supervisors, workers]. */
  get counts(): number[] {
    const { specs, active, supervisors, workers } = this.supervisor.countChildren();
    return [specs, active, supervisors, workers];
  }

  /** What was logged since the last look. */
  news(): string[] {
    return this.log.splice(0);
  }

  get isStopped(): boolean {
    return this.supervisor.phase === "stopped";
  }

  #carryOut(effect: SupervisorEffect): void {
    if (effect.type === "spawn") this.#spawn(effect.id, effect.incarnation);
    else if (effect.type === "terminate") this.#terminate(effect.id, effect.incarnation, effect.how);
    else if (effect.type === "reply") this.#replies.set(effect.request, effect.result);
    else this.log.push("id" in effect ? `${effect.type} ${effect.id}` : effect.type);
  }

  #spawn(id: string, incarnation: number): void {
    if (this.alive.has(id)) throw new Error(`${id} runs already`);
    this.alive.set(id, incarnation);
    this.log.push(`start ${id}`);
    const how = this.starts.get(id) ?? "serve";
    const reason = START_EXITS[how];
    if (how === "serve") this.#pending.push({ type: "started", id, incarnation });
    else if (reason) this.#pending.push({ type: "exited", id, incarnation, reason });
  }

  #terminate(id: string, incarnation: number, how: "shutdown" | "kill"): void {
    this.log.push(`${how} ${id}`);
    const obedience = this.obedience.get(id) ?? "obeys";
    if (how === "shutdown" && obedience === "stubborn") return;
    this.log.push(`end ${id}`);
    const reason: ExitReason = obedience === "crashes" ? ABNORMAL : { kind: "normal", detail: how };
    this.#pending.push({ type: "exited", id, incarnation, reason });
  }
}

/** A permanent worker, as most of OTP's cases have it. */
export function worker(id: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return { id, restart: "permanent", shutdown: { timeoutMs: 1_000 }, ...more };
}
