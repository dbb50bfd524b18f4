/**
 * Binds the supervision machine to real children: carries its effects out, feeds it what happened, wakes it when it
 * wants a tick. It knows child specs and a way to start a child, nothing of what the child is: a process, or another
 * Supervision (`asChild`), which makes trees.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  type ChildCounts,
  type ChildSpec,
  type ExitReason,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
} from "../../protocol/supervision/index.ts";
import { Incarnations, type RunningChild } from "./incarnations.ts";
import { Requests } from "./requests.ts";
import { nodeOfChild, nodeOfSupervisor } from "./to-tree.ts";
import type { LastExit, TreeNode } from "./tree-node.ts";

export interface SupervisionPorts {
  readonly clock: Clock;
  /** Starts an incarnation of a child. What it throws counts as a crash. */
  spawn(id: string, incarnation: number): RunningChild;
  /** The restart intensity was exceeded, or a child refused to run: the supervisor stops its children. */
  escalated(id: string, reason: string): void;
  /** What the owner knows of a child beyond the supervisor: its process, memory, the children of a nested supervisor. */
  describe?(id: string): Partial<TreeNode> | undefined;
}

export interface SupervisionOptions extends SupervisorOptions {
  /** In the tree. */
  readonly name?: string;
}

/** A longer delay makes the timer of the platform fire at once. The tick that comes too early only sets the next one. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class Supervision {
  readonly #machine: Supervisor;
  readonly #ports: SupervisionPorts;
  readonly #options: SupervisionOptions;
  readonly #incarnations: Incarnations;
  readonly #requests = new Requests();
  readonly #ready = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #inputs: SupervisorInput[] = [];
  #isFeeding = false;
  #timer: Timer | undefined;
  #timerAtMs: number | undefined;
  #startedMs: number | undefined;

  /** Throws a Failure `supervision.invalid_spec` that names all faults of specs and options. */
  constructor(specs: readonly ChildSpec[], options: SupervisionOptions, ports: SupervisionPorts) {
    this.#machine = new Supervisor(specs, options);
    this.#options = options;
    this.#ports = ports;
    this.#incarnations = new Incarnations(ports.clock);
    this.#ready.promise.catch(() => {}); // whoever awaits start() hears of it; nobody else has to
  }

  /** Children started again so far. */
  get restarts(): number {
    return this.#machine.restarts;
  }

  states() {
    return this.#machine.states();
  }

  countChildren(): ChildCounts {
    return this.#machine.countChildren();
  }

  /** How a child that is still known ended last. */
  lastExit(id: string): LastExit | undefined {
    return this.#incarnations.lastExit(id);
  }

  /** Resolves when every child serves; rejects when the supervisor gave up or was stopped before. */
  start(): Promise<void> {
    this.#startedMs = this.#ports.clock.monotonic();
    this.#feed({ type: "start" });
    return this.#ready.promise;
  }

  /** Stops the children in reverse order; resolves when nothing runs. */
  stop(): Promise<void> {
    if (this.#machine.phase === "idle") return Promise.resolve();
    this.#feed({ type: "stop" });
    return this.#stopped.promise;
  }

  /** Kills all children at once; resolves when nothing runs. */
  abort(): Promise<void> {
    if (this.#machine.phase === "idle") return Promise.resolve();
    this.#feed({ type: "abort" });
    return this.#stopped.promise;
  }

  /** Adds a child behind the others (under simple_one_for_one: one more of its kind) and starts it; resolves when it serves. */
  startChild(child: ChildSpec | string): Promise<void> {
    return this.#ask(`start child ${typeof child === "string" ? child : child.id}`, (request) => {
      return { type: "start_child", request, child };
    });
  }

  /** Stops a child and leaves it so; resolves when it is really gone. */
  terminateChild(id: string): Promise<void> {
    return this.#ask(`terminate child ${id}`, (request) => ({ type: "terminate_child", request, id }));
  }

  /** Starts a child that does not run; resolves when it serves. */
  restartChild(id: string): Promise<void> {
    return this.#ask(`restart child ${id}`, (request) => ({ type: "restart_child", request, id }));
  }

  /** Forgets a child that does not run. */
  deleteChild(id: string): Promise<void> {
    return this.#ask(`delete child ${id}`, (request) => ({ type: "delete_child", request, id }));
  }

  /**
   * Starts it as a child of another supervisor: it has started when all its children serve, it crashes when it gives up,
   * and it ends normally when it was stopped or shut itself down. It lives once: a restart needs a new Supervision, so the
   * parent's `spawn` builds one.
   */
  asChild(): RunningChild {
    const exited = this.#stopped.promise.then((): ExitReason => this.#machine.outcome!); // set before it stops
    const started = this.start();
    const terminate: RunningChild["terminate"] = (how) => void (how === "kill" ? this.abort() : this.stop());
    return { started, exited, terminate };
  }

  /** The supervisor and all below it, as far as `describe` tells of that. */
  tree(): TreeNode {
    const { clock } = this.#ports;
    const uptimeMs = this.#startedMs === undefined ? undefined : clock.monotonic() - this.#startedMs;
    const children = this.#machine.states().map((info) => {
      const { uptimeMs, lastExit } = this.#incarnations.facts(info.id);
      return nodeOfChild(info, uptimeMs, lastExit, this.#ports.describe?.(info.id));
    });
    return nodeOfSupervisor(this.#options, this.#machine.phase, uptimeMs, children);
  }

  #ask(action: string, input: (request: number) => SupervisorInput): Promise<void> {
    const { request, answered } = this.#requests.open(action);
    this.#feed(input(request));
    return answered;
  }

  /** What a port does while effects are carried out is heard after them: the machine's order is kept. */
  #feed(input: SupervisorInput): void {
    this.#inputs.push(input);
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift())
        for (const effect of this.#machine.step(next, this.#ports.clock.monotonic())) this.#carryOut(effect);
    } finally {
      this.#isFeeding = false;
    }
    this.#schedule();
  }

  #carryOut(effect: SupervisorEffect): void {
    if (effect.type === "spawn") this.#spawn(effect.id, effect.incarnation);
    else if (effect.type === "terminate") this.#incarnations.child(effect.id)?.terminate(effect.how);
    else if (effect.type === "ready") this.#ready.resolve();
    else if (effect.type === "reply") this.#answer(effect);
    else if (effect.type === "stopped") this.#end();
    else if (effect.type === "escalate") this.#escalate(effect.id, effect.reason);
  }

  #spawn(id: string, incarnation: number): void {
    const child = this.#spawnOrFail(id, incarnation);
    this.#incarnations.begin(id, incarnation, child);
    child.started.then(
      () => {
        this.#incarnations.started(id, incarnation);
        this.#feed({ type: "started", id, incarnation });
      },
      () => {}, // its exit tells
    );
    void child.exited.then((reason) => {
      this.#incarnations.exited(id, reason);
      this.#feed({ type: "exited", id, incarnation, reason });
      if (this.#machine.childSpec(id) === undefined) this.#incarnations.forget(id);
    });
  }

  #spawnOrFail(id: string, incarnation: number): RunningChild {
    try {
      return this.#ports.spawn(id, incarnation);
    } catch (thrown) {
      const code = thrown instanceof Failure ? { code: thrown.code } : {};
      const reason = { kind: "crash", detail: messageOf(thrown), ...code } as const;
      return { started: new Promise(() => {}), exited: Promise.resolve(reason), terminate() {} };
    }
  }

  #answer(reply: Extract<SupervisorEffect, { type: "reply" }>): void {
    if (this.#machine.childSpec(reply.id) === undefined) this.#incarnations.forget(reply.id);
    this.#requests.settle(reply.request, reply.result, reply.detail);
  }

  #escalate(id: string, reason: string): void {
    this.#ready.reject(new Failure(this.#machine.outcome?.code ?? "supervision.escalated", reason));
    this.#ports.escalated(id, reason);
  }

  #end(): void {
    const name = this.#options.name ?? "the supervisor";
    this.#ready.reject(
      new Failure("supervision.stopped", `cannot start ${name}: it was stopped before all children served`),
    );
    this.#stopped.resolve();
  }

  #schedule(): void {
    const { clock } = this.#ports;
    const atMs = this.#machine.nextDeadlineMs;
    if (atMs === this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    if (atMs === undefined) return;
    const delayMs = Math.min(Math.max(0, atMs - clock.monotonic()), TIMER_MS_MAX);
    this.#timer = clock.after(delayMs, () => {
      this.#timerAtMs = undefined;
      this.#feed({ type: "tick" });
    });
  }
}
