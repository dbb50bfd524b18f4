/**
 * The pipeline's supervisor: its children are the stages, each a supervisor of its own hosts. There are no restarts at this
 * level: what a fresh stage could cure, fresh hosts have not. A stage at work that gives up ends the run, which its owner
 * decides; one that was only added, and not at work yet, ends alone. During a change two stages of one name live side by side.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { type RunningChild, Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import type { StageLink } from "./stage-link.ts";

interface Child {
  readonly link: StageLink;
  readonly exited: PromiseWithResolvers<ExitReason>;
  /** Why it could not start. */
  failure?: Failure;
  /** To go on from. */
  readonly state: Uint8Array | undefined;
}

/** A temporary child is never restarted: the limits say nothing. */
const NO_RESTARTS = { maxRestarts: 0, restartPeriodMs: 1 } as const;
const STAGE = { type: "supervisor", restart: "temporary" } as const;

export class StageTree {
  readonly #supervision: Supervision;
  readonly #children = new Map<string, Child>();
  #made = 0;

  constructor(pipeline: string, links: readonly StageLink[], clock: Clock) {
    const specs = links.map((link) => ({ id: this.#adopt(link, undefined), ...STAGE }));
    this.#supervision = new Supervision(
      specs,
      { ...NO_RESTARTS, name: pipeline, startup: "together" },
      {
        clock,
        spawn: (id) => this.#spawn(this.#children.get(id)!),
        escalated: () => {}, // temporary children never do
        describe: (id) => this.#children.get(id)?.link.at.describe(),
      },
    );
  }

  /** Starts all stages at once; fails when one of them cannot run. */
  start(): Promise<void> {
    return this.#supervision.start();
  }

  /** Last stage first. */
  stop(): Promise<void> {
    return this.#supervision.stop();
  }

  abort(): Promise<void> {
    return this.#supervision.abort();
  }

  /** One stage more. Fails when it cannot run; it is gone then. */
  async add(link: StageLink, state?: Uint8Array): Promise<void> {
    const id = this.#adopt(link, state);
    try {
      await this.#supervision.startChild({ id, ...STAGE });
    } catch (thrown) {
      const failure = this.#children.get(id)?.failure;
      this.#children.delete(id);
      throw failure ?? thrown;
    }
  }

  /** Ends it in order, or what there is of it when it was never added. */
  async remove(link: StageLink): Promise<void> {
    const id = this.#idOf(link);
    if (id === undefined) return link.at.hosts.abort();
    try {
      await this.#supervision.terminateChild(id);
    } catch (thrown) {
      if (!isOver(thrown)) throw thrown;
      await link.at.hosts.abort();
    }
    this.#children.delete(id);
  }

  /** A stage cannot go on: its hosts are ended. */
  gaveUp(link: StageLink, reason: string): void {
    const child = this.#children.get(this.#idOf(link) ?? "");
    void link.at.hosts.abort().then(() => child?.exited.resolve({ kind: "crash", detail: reason }));
  }

  /** The stages named, in that order, under the names that people know. */
  tree(chain: readonly StageLink[]): TreeNode {
    const tree = this.#supervision.tree();
    const nodes = new Map(tree.children.map((node) => [this.#children.get(node.name)?.link, node]));
    const inOrder = [...chain, ...[...this.#links()].filter((link) => !chain.includes(link))];
    const children = inOrder.flatMap((link) => {
      const node = nodes.get(link);
      return node ? [{ ...node, name: link.plan.name }] : [];
    });
    return { ...tree, children };
  }

  *#links(): Generator<StageLink> {
    for (const { link } of this.#children.values()) yield link;
  }

  #adopt(link: StageLink, state: Uint8Array | undefined): string {
    const id = `${link.plan.name}#${++this.#made}`;
    this.#children.set(id, { link, state, exited: Promise.withResolvers() });
    return id;
  }

  #idOf(link: StageLink): string | undefined {
    for (const [id, child] of this.#children) if (child.link === link) return id;
    return undefined;
  }

  #spawn(child: Child): RunningChild {
    const { exited, link, state } = child;
    const { hosts } = link.at;
    const started = hosts.start(state);
    started.catch(async (thrown: unknown) => {
      const { code, message } = toFailure(thrown, "plugin.start");
      child.failure ??= new Failure(code, `stage ${link.plan.name}: ${message}`, { cause: thrown });
      await hosts.abort();
      exited.resolve({ kind: "crash", detail: message, code });
    });
    const terminate: RunningChild["terminate"] = async (how) => {
      await (how === "kill" ? hosts.abort() : hosts.stop());
      exited.resolve({ kind: "normal", detail: "was stopped" });
    };
    return { started, exited: exited.promise, terminate };
  }
}

/** It ended by itself, or with the whole pipeline: what was asked for has happened. */
function isOver(thrown: unknown): boolean {
  return thrown instanceof Failure && /^supervision\.(not_found|not_running)$/.test(thrown.code);
}
