/** Supervisions with pretended workers, nested as a plan says, on a clock that a test moves. */
import {
  type RunningChild,
  Supervision,
  type SupervisionOptions,
  type TreeNode,
} from "../../../../src/process/supervise/index.ts";
import type { ChildSpec, ExitReason } from "../../../../src/protocol/supervision/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

export interface Plan extends Partial<SupervisionOptions> {
  /** A child with a plan is a supervisor of its own. */
  readonly children: readonly (ChildSpec & { readonly plan?: Plan })[];
}

export const CRASH: ExitReason = { kind: "crash", detail: "died", exitCode: 3, signal: null };
export const NORMAL: ExitReason = { kind: "normal", detail: "done", exitCode: 0, signal: null };

/** Lets everything happen that waits for nothing but its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class Worker implements RunningChild {
  readonly #started = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<ExitReason>();
  readonly started = this.#started.promise;
  readonly exited = this.#exited.promise;
  readonly asked: string[] = [];
  readonly #gone: () => void;
  stubborn = false;

  constructor(gone: () => void) {
    this.#gone = gone;
  }

  serve(): void {
    this.#started.resolve();
  }

  exit(reason: ExitReason): void {
    this.#gone();
    this.#exited.resolve(reason);
  }

  terminate(how: "shutdown" | "kill"): void {
    this.asked.push(how);
    if (how === "shutdown" && this.stubborn) return;
    this.exit({ kind: "normal", detail: how, exitCode: null, signal: how === "kill" ? "SIGKILL" : "SIGTERM" });
  }
}

export class Forest {
  readonly clock = new SteppedClock();
  /** By path. */
  readonly alive = new Map<string, Worker>();
  /** `start a/b`, `end a/b`, `escalated a/b`, `ended a`. */
  readonly log: string[] = [];
  readonly faults: string[] = [];
  /** What the workers of these paths do when they are started; the others serve. */
  readonly starts = new Map<string, "fail" | "refuse" | "throw" | "hang">();
  readonly #supervisions = new Map<string, Supervision>();
  readonly root: Supervision;
  /** The planted bug: a nested supervisor says that it has ended when it gives up, before its children are gone. */
  readonly #endsTooEarly: boolean;

  constructor(plan: Plan, endsTooEarly = false) {
    this.#endsTooEarly = endsTooEarly;
    this.root = this.#build(plan, "", () => {});
  }

  /** Of the supervisor at this path now: a restart builds another one. */
  at(path: string): Supervision {
    const supervision = this.#supervisions.get(path);
    if (!supervision) throw new Error(`there is no supervisor ${path}`);
    return supervision;
  }

  worker(path: string): Worker {
    const worker = this.alive.get(path);
    if (!worker) throw new Error(`${path} does not live: ${[...this.alive.keys()]}`);
    return worker;
  }

  async exit(path: string, reason: ExitReason): Promise<void> {
    this.worker(path).exit(reason);
    await turn();
  }

  news(): string[] {
    return this.log.splice(0);
  }

  /** `path state` of each node below the root. */
  get states(): string[] {
    const visit = (node: TreeNode, above: string): string[] =>
      node.children.flatMap((child) => {
        const path = above === "" ? child.name : `${above}/${child.name}`;
        return [`${path} ${child.state}`, ...visit(child, path)];
      });
    return visit(this.root.tree(), "");
  }

  #build({ children, ...options }: Plan, path: string, gaveUp: () => void): Supervision {
    const pathOf = (id: string): string => (path === "" ? id : `${path}/${id}`);
    const specs = children.map(({ plan, ...spec }) => (plan ? { type: "supervisor" as const, ...spec } : spec));
    const complete = { maxRestarts: 2, restartPeriodMs: 3_600_000, name: "root", ...options };
    const supervision = new Supervision(specs, complete, {
      clock: this.clock,
      spawn: (id) => {
        const plan = children.find((child) => child.id === id)?.plan;
        return plan ? this.#spawnNested(plan, pathOf(id)) : this.#spawnWorker(pathOf(id));
      },
      escalated: (id) => {
        this.log.push(`escalated ${pathOf(id)}`);
        gaveUp();
      },
      describe: (id) => this.#supervisions.get(pathOf(id))?.tree(),
    });
    this.#supervisions.set(path, supervision);
    return supervision;
  }

  #spawnNested(plan: Plan, path: string): RunningChild {
    if (this.#isInhabited(path)) this.faults.push(`${path} was started again before its children were gone`);
    this.log.push(`start ${path}`);
    const early = Promise.withResolvers<ExitReason>();
    const nested = this.#build(plan, path, () => this.#endsTooEarly && early.resolve(CRASH));
    const { exited, started, terminate } = nested.asChild();
    const ended = Promise.race([exited, early.promise]).then((reason) => {
      if (this.#isInhabited(path)) this.faults.push(`${path} ended before its children`);
      this.log.push(`ended ${path}`);
      return reason;
    });
    return { started, exited: ended, terminate };
  }

  #isInhabited(path: string): boolean {
    return [...this.alive.keys()].some((each) => each.startsWith(`${path}/`));
  }

  #spawnWorker(path: string): RunningChild {
    const how = this.starts.get(path);
    if (how === "throw") throw new Error(`${path} cannot be spawned`);
    if (this.alive.has(path)) this.faults.push(`${path} runs twice`);
    const worker = new Worker(() => {
      this.log.push(`end ${path}`);
      this.alive.delete(path);
    });
    this.alive.set(path, worker);
    this.log.push(`start ${path}`);
    if (how === undefined) worker.serve();
    else if (how === "fail") worker.exit(CRASH);
    else if (how === "refuse") worker.exit({ kind: "refused", detail: "no", code: "test.refused" });
    return worker;
  }
}
