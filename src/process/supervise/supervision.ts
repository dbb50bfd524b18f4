/**
 * Binds the supervision machine to real children: carries its effects out, feeds it what happened, wakes it when it
 * wants a tick. It knows child specs and a way to start a child, nothing of what the child is.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import {
  type ChildSpec,
  type ExitReason,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
} from "../../protocol/supervision/index.ts";

/** One incarnation of a child, being started or running. */
export interface RunningChild {
  /** Resolves when the child serves; may never, when it exits before. */
  readonly started: Promise<void>;
  /** Resolves once, when nothing of it runs any more. Never rejects. */
  readonly exited: Promise<ExitReason>;
  terminate(how: "shutdown" | "kill"): void;
}

export interface SupervisionPorts {
  readonly clock: Clock;
  spawn(id: string, incarnation: number): RunningChild;
  /** The restart intensity was exceeded, or a child refused to run: the supervisor stops its children. */
  escalated(id: string, reason: string): void;
}

export class Supervision {
  readonly #machine: Supervisor;
  readonly #ports: SupervisionPorts;
  readonly #children = new Map<string, RunningChild>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #timer: Timer | undefined;
  #restarts = 0;

  constructor(specs: readonly ChildSpec[], options: SupervisorOptions, ports: SupervisionPorts) {
    this.#machine = new Supervisor(specs, options);
    this.#ports = ports;
    this.#ready.promise.catch(() => {}); // whoever awaits start() hears of it; nobody else has to
  }

  /** Children started again so far. */
  get restarts(): number {
    return this.#restarts;
  }

  states() {
    return this.#machine.states();
  }

  /** Resolves when every child serves; rejects when the supervisor gave up before. */
  start(): Promise<void> {
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

  #feed(input: SupervisorInput): void {
    for (const effect of this.#machine.step(input, this.#ports.clock.monotonic())) this.#carryOut(effect);
    this.#schedule();
  }

  #carryOut(effect: SupervisorEffect): void {
    if (effect.type === "spawn") this.#spawn(effect.id, effect.incarnation);
    else if (effect.type === "terminate") this.#children.get(effect.id)?.terminate(effect.how);
    else if (effect.type === "ready") this.#ready.resolve();
    else if (effect.type === "stopped") this.#stopped.resolve();
    else {
      this.#ready.reject(new Error(effect.reason));
      this.#ports.escalated(effect.id, effect.reason);
    }
  }

  #spawn(id: string, incarnation: number): void {
    if (incarnation > 1) this.#restarts++;
    const child = this.#spawnOrFail(id, incarnation);
    this.#children.set(id, child);
    child.started.then(
      () => this.#feed({ type: "started", id, incarnation }),
      () => {}, // its exit tells
    );
    void child.exited.then((reason) => this.#feed({ type: "exited", id, incarnation, reason }));
  }

  #spawnOrFail(id: string, incarnation: number): RunningChild {
    try {
      return this.#ports.spawn(id, incarnation);
    } catch (thrown) {
      const reason = { kind: "crash", detail: messageOf(thrown) } as const;
      return { started: new Promise(() => {}), exited: Promise.resolve(reason), terminate() {} };
    }
  }

  #schedule(): void {
    this.#timer?.cancel();
    const { clock } = this.#ports;
    const at = this.#machine.nextDeadlineMs;
    this.#timer =
      at === undefined
        ? undefined
        : clock.after(Math.max(0, at - clock.monotonic()), () => this.#feed({ type: "tick" }));
  }
}
