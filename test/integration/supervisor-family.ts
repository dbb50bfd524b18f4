/** Trees of supervisors over real processes: bash scripts that serve, crash, refuse to end. */
import { systemClock } from "../../src/base/clock.ts";
import {
  type RunningChild,
  Supervision,
  type SupervisionOptions,
  type TreeNode,
} from "../../src/process/supervise/index.ts";
import type { ChildSpec, ExitReason } from "../../src/protocol/supervision/index.ts";
import { isAlive, isGone, killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";

/** Waits in the shell itself and for moments only: a signal that comes just before a wait is heard after it. */
const WAIT = "while :; do read -r -t 0.05 <> <(:); done";
/** Serves until it is asked to end. */
export const STEADY = `trap 'exit 0' TERM; echo ready; ${WAIT}`;
export const STUBBORN = `trap '' TERM; echo ready; ${WAIT}`;
export const CRASHING = "echo ready; exit 3";
export const NEVER_READY = "exit 4";

/** A script, or a supervisor of its own. */
export interface Member extends Partial<ChildSpec> {
  readonly script?: string;
  readonly family?: FamilyPlan;
}

export interface FamilyPlan extends Partial<SupervisionOptions> {
  readonly children: Readonly<Record<string, Member | string>>;
  /** What the instances of a simple_one_for_one supervisor run. */
  readonly instances?: string;
}

const SHUTDOWN_MS = 5_000;

export class ProcessFamily implements AsyncDisposable {
  /** `PATH INCARNATION`, `shutdown PATH`, `kill PATH`, `PATH ended`, `escalated PATH`. */
  readonly events: string[] = [];
  /** By path. */
  readonly pids = new Map<string, number>();
  readonly root: Supervision;
  readonly #supervisions = new Map<string, Supervision>();
  readonly #all: number[] = [];

  constructor(plan: FamilyPlan) {
    this.root = this.#build(plan, "");
  }

  pid(path: string): number {
    const pid = this.pids.get(path);
    if (pid === undefined) throw new Error(`${path} was never started`);
    return pid;
  }

  at(path: string): Supervision {
    return this.#supervisions.get(path)!;
  }

  news(): string[] {
    return this.events.splice(0);
  }

  count(event: string): number {
    return this.events.filter((each) => each === event).length;
  }

  get anyAlive(): boolean {
    return this.#all.some(isAlive);
  }

  /** Everything that is not stopped for good serves, these paths with other processes than these. */
  async untilServing(what: string, before: Readonly<Record<string, number>>): Promise<void> {
    const isNew = (): boolean => Object.entries(before).every(([path, pid]) => this.pids.get(path) !== pid);
    await until(what, () => isNew() && isServing(this.root.tree()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#all) if (isAlive(pid)) killHard(pid);
    await this.root.abort();
    await until("all children are gone", () => this.#all.every(isGone));
  }

  #build({ children, instances, ...options }: FamilyPlan, path: string): Supervision {
    const pathOf = (id: string): string => (path === "" ? id : `${path}/${id}`);
    const members = new Map(Object.entries(children).map(([id, member]) => [id, memberOf(member)]));
    const specs = [...members].map(([id, member]) => specOf(id, member));
    const complete = { name: "root", maxRestarts: 5, restartPeriodMs: 60_000, ...options };
    const supervision = new Supervision(specs, complete, {
      clock: systemClock,
      spawn: (id, incarnation) => {
        const member = members.get(id) ?? { script: instances ?? STEADY };
        this.events.push(`${pathOf(id)} ${incarnation}`);
        if (member.family) return this.#build(member.family, pathOf(id)).asChild();
        return this.#spawn(pathOf(id), member.script ?? STEADY);
      },
      escalated: (id) => void this.events.push(`escalated ${pathOf(id)}`),
      describe: (id) => this.#supervisions.get(pathOf(id))?.tree() ?? { pid: this.pid(pathOf(id)) },
    });
    this.#supervisions.set(path, supervision);
    return supervision;
  }

  #spawn(path: string, script: string): RunningChild {
    const started = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<ExitReason>();
    const child = Bun.spawn(["bash", "-c", script], {
      stdio: ["ignore", "pipe", "ignore"],
      onExit: ({ signalCode }, exitCode) => {
        this.events.push(`${path} ended`);
        const signal = signalCode === null ? null : String(signalCode);
        const kind = exitCode === 0 ? "normal" : "crash";
        exited.resolve({ kind, detail: signal ?? String(exitCode), exitCode, signal });
      },
    });
    this.pids.set(path, child.pid);
    this.#all.push(child.pid);
    void child.stdout
      .getReader()
      .read()
      .then(({ done }) => !done && started.resolve());
    const terminate: RunningChild["terminate"] = (how) => {
      this.events.push(`${how} ${path}`);
      child.kill(how === "kill" ? "SIGKILL" : "SIGTERM");
    };
    return { started: started.promise, exited: exited.promise, terminate };
  }
}

function memberOf(member: Member | string): Member {
  return typeof member === "string" ? { script: member } : member;
}

function specOf(id: string, { script: _script, family, ...more }: Member): ChildSpec {
  return family ? { id, type: "supervisor", ...more } : { id, shutdown: { timeoutMs: SHUTDOWN_MS }, ...more };
}

/** Everything that is not stopped for good runs. */
function isServing({ children, state }: TreeNode): boolean {
  return state === "running" && children.every((child) => child.state === "stopped" || isServing(child));
}
