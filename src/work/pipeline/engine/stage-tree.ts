/**
 * The pipeline's supervisor: its children are the stages, each a supervisor of its own hosts. A stage that gives up takes
 * the pipeline with it (no restarts at this level: what a fresh stage could cure, fresh hosts have not). Stages may be added
 * and taken out while the others run; during a change two stages of one name live side by side.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { type RunningChild, Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import type { StageLink } from "./stage-link.ts";

interface Child {
  readonly link: StageLink;
  readonly exited: PromiseWithResolvers<ExitReason>;
  /** To go on from. */
  readonly state: Uint8Array | undefined;
}

/** Any number of restarts is too many, whatever the period. */
const NO_RESTARTS = { maxRestarts: 0, restartPeriodMs: 1 } as const;

export class StageTree {
  readonly #supervision: Supervision;
  readonly #children = new Map<string, Child>();
  #made = 0;

  constructor(pipeline: string, links: readonly StageLink[], clock: Clock) {
    const specs = links.map((link) => ({ id: this.#adopt(link, undefined), type: "supervisor" as const }));
    this.#supervision = new Supervision(
      specs,
      { ...NO_RESTARTS, name: pipeline, strategy: "one_for_all", startup: "together" },
      {
        clock,
        spawn: (id) => this.#spawn(this.#children.get(id)!),
        escalated: () => {}, // the stage itself has said why
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
      await this.#supervision.startChild({ id, type: "supervisor" });
    } catch (thrown) {
      await this.#supervision.deleteChild(id).catch(() => {}); // a child that never served may be forgotten already
      this.#children.delete(id);
      throw thrown instanceof Failure && thrown.cause instanceof Failure ? thrown.cause : thrown;
    }
  }

  async remove(link: StageLink): Promise<void> {
    const id = this.#idOf(link);
    if (id === undefined) return;
    await this.#supervision.terminateChild(id);
    await this.#supervision.deleteChild(id);
    this.#children.delete(id);
  }

  /** A stage cannot go on: it is ended, and with it the pipeline. */
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

  #spawn({ exited, link, state }: Child): RunningChild {
    const { hosts } = link.at;
    const started = hosts.start(state);
    started.catch(async (thrown: unknown) => {
      await hosts.abort();
      const { code, message } = toFailure(thrown, "plugin.start");
      exited.resolve({ kind: "crash", detail: message, code });
    });
    const terminate: RunningChild["terminate"] = async (how) => {
      await (how === "kill" ? hosts.abort() : hosts.stop());
      exited.resolve({ kind: "normal", detail: "was stopped" });
    };
    return { started, exited: exited.promise, terminate };
  }
}
