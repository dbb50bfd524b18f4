/**
 * Other stages for a run under way. Where only code and parameters differ, the stage swaps its processes in place. Otherwise
 * a new chain is made beside the running one: who stays keeps its processes, who is new or has other neighbours gets new ones,
 * started before anything moves. Then an empty batch, the *fence*, is sent behind the last batch of the old chain, and what
 * follows goes through the new one. A stage with state hands it over when the fence has left it. Nothing is lost, doubled
 * or reordered: each batch goes through one chain from end to end, and the committer keeps the order.
 */
import { Failure, messageOf } from "../../../base/errors.ts";
import { alignChain, isSamePlan, isSwap, type Link } from "./chain.ts";
import type { Edge } from "./edge.ts";
import type { StageLink } from "./stage-link.ts";
import type { SwapReport } from "./stage-swap.ts";
import type { Fence, StagePlan } from "./types.ts";

export interface LiveChangePorts {
  readonly source: Edge;
  newEdge(): Edge;
  /** A stage that has not been started. */
  build(link: Link<Edge>): StageLink;
  /**
   * Sends the fence through the present chain; from then on batches go through `links`. Gives the fence's number once it is on
   * its way. Fails with `pipeline.ending` when no further batch will come.
   */
  switchTo(links: readonly StageLink[], fence: Fence): Promise<number>;
  /** Resolves when the fence and everything before it is committed. */
  committed(seq: number): Promise<void>;
  /** The pipeline cannot go on. */
  failed(reason: unknown): void;
  dropEdge(edge: Edge): void;
  /** Fails when it cannot run; it is gone then. */
  start(link: StageLink, state?: Uint8Array): Promise<void>;
  /** In order: its plugins clean up. Also a link that was never started. */
  stop(link: StageLink): Promise<void>;
}

export interface ChangeReport {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Other code, parameters or options. */
  readonly changed: readonly string[];
  /** The same, with new processes, because their neighbours are others. */
  readonly moved: readonly string[];
  readonly unchanged: readonly string[];
  /** Of each changed stage. */
  readonly swaps: readonly StageSwap[];
}

/** The last two only where the processes were exchanged in place. */
export type StageSwap = Pick<SwapReport, "stage" | "from" | "to" | "lanes" | "state"> &
  Partial<Pick<SwapReport, "heldMs" | "trial">>;

/** Changes the run to the wanted stages, or fails and leaves it as it was. Gives the links that are at work afterwards. */
export async function changeStages(
  current: readonly StageLink[],
  wanted: readonly StagePlan[],
  ports: LiveChangePorts,
): Promise<{ readonly links: readonly StageLink[]; readonly report: ChangeReport }> {
  const isSwapOnly = current.length === wanted.length && current.every((link, at) => isSwap(link.plan, wanted[at]!));
  if (isSwapOnly) {
    const report = reportOf(current, wanted, new Set(current));
    return { links: current, report: { ...report, swaps: await swapAll(current, wanted) } };
  }
  const { links, kept } = await plan(current, wanted, ports);
  await new Rebuild(current, links, kept, ports).run();
  return { links, report: reportOf(current, wanted, kept) };
}

/** The links of the next chain, the new ones built. What was made for it goes when not all can be. */
async function plan(current: readonly StageLink[], wanted: readonly StagePlan[], ports: LiveChangePorts) {
  const edges: Edge[] = [];
  const built: StageLink[] = [];
  const newEdge = (): Edge => {
    const edge = ports.newEdge();
    edges.push(edge);
    return edge;
  };
  const build = (link: Link<Edge>): StageLink => {
    const made = ports.build(link);
    built.push(made);
    return made;
  };
  try {
    const { kept, links } = alignChain(current, wanted, ports.source, newEdge);
    return { kept, links: links.map((link) => (kept.has(link as StageLink) ? (link as StageLink) : build(link))) }; // kept holds links of `current`
  } catch (thrown) {
    await Promise.allSettled(built.map((link) => ports.stop(link)));
    for (const edge of edges) ports.dropEdge(edge);
    throw thrown;
  }
}

/** One stage after the other; when one refuses, those that have changed change back. */
async function swapAll(current: readonly StageLink[], wanted: readonly StagePlan[]): Promise<readonly SwapReport[]> {
  const changed = current.map(({ at, plan }, index) => ({ at, from: plan, to: wanted[index]! }));
  const reports: SwapReport[] = [];
  const done: typeof changed = [];
  for (const each of changed.filter(({ from, to }) => !isSamePlan(from, to))) {
    try {
      reports.push(await each.at.swap(each.to));
      done.push(each);
    } catch (thrown) {
      for (const { at, from } of done.reverse()) await at.swap(from);
      throw thrown;
    }
  }
  return reports;
}

class Rebuild {
  readonly #ports: LiveChangePorts;
  readonly #current: readonly StageLink[];
  readonly #links: readonly StageLink[];
  readonly #fresh: readonly StageLink[];
  readonly #leaving: readonly StageLink[];
  /** Handed over by stages of the old chain, for heirs that start only when those have cleaned up. */
  readonly #states = new Map<string, Uint8Array>();

  constructor(
    current: readonly StageLink[],
    links: readonly StageLink[],
    kept: ReadonlySet<StageLink>,
    ports: LiveChangePorts,
  ) {
    this.#ports = ports;
    this.#current = current;
    this.#links = links;
    this.#fresh = links.filter((link) => !kept.has(link));
    this.#leaving = current.filter((link) => !kept.has(link));
  }

  async run(): Promise<void> {
    const seq = await this.#startAndSwitch();
    await this.#ports.committed(seq);
    try {
      await Promise.all(this.#leaving.map((link) => this.#ports.stop(link)));
      const late = this.#fresh.filter((link) => this.#startOf(link) === "after");
      await Promise.all(late.map((link) => this.#ports.start(link, this.#states.get(link.plan.name))));
    } catch (thrown) {
      this.#ports.failed(thrown);
      throw thrown;
    }
    this.#dropEdges(this.#current, this.#links);
  }

  async #startAndSwitch(): Promise<number> {
    try {
      const early = this.#fresh.filter((link) => this.#startOf(link) === "before");
      await Promise.all(early.map((link) => this.#ports.start(link)));
      return await this.#ports.switchTo(this.#links, { passed: (stage, state) => this.#passed(stage, state) });
    } catch (thrown) {
      await Promise.allSettled(this.#fresh.map((link) => this.#ports.stop(link)));
      this.#dropEdges(this.#links, this.#current);
      throw new Failure("reload.refused", `the stages stay as they are: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  /** Before anything moves; with the state, when the fence brings it; or after an exclusive predecessor has cleaned up. */
  #startOf({ plan }: StageLink): "before" | "fence" | "after" {
    if (plan.exclusive && this.#leaving.some((link) => link.plan.exclusive)) return "after";
    return plan.stateful && this.#leaving.some((link) => link.plan.name === plan.name) ? "fence" : "before";
  }

  /** The fence has left a stage of the old chain: whoever has its name in the new one goes on from its state. */
  #passed(stage: string, state: Uint8Array | undefined): void {
    const heir = this.#fresh.find(({ plan }) => plan.name === stage && plan.stateful);
    if (!heir) return;
    if (state) this.#states.set(stage, state);
    if (this.#startOf(heir) !== "fence") return;
    this.#ports.start(heir, state).catch((thrown: unknown) => this.#ports.failed(thrown));
  }

  #dropEdges(from: readonly StageLink[], stay: readonly StageLink[]): void {
    const edges = new Set(stay.map(({ output }) => output));
    for (const { output } of from) if (!edges.has(output)) this.#ports.dropEdge(output);
  }
}

function reportOf(
  current: readonly StageLink[],
  wanted: readonly StagePlan[],
  kept: ReadonlySet<StageLink>,
): ChangeReport {
  const before = new Map(current.map((link) => [link.plan.name, link]));
  const names = wanted.map(({ name }) => name);
  const stayed = wanted.filter(({ name }) => before.has(name));
  const same = stayed.filter((plan) => isSamePlan(before.get(plan.name)!.plan, plan)).map(({ name }) => name);
  const changed = stayed.filter(({ name }) => !same.includes(name));
  const isKept = (name: string): boolean => kept.has(before.get(name)!);
  return {
    added: names.filter((name) => !before.has(name)),
    removed: current.map(({ plan }) => plan.name).filter((name) => !names.includes(name)),
    changed: changed.map(({ name }) => name),
    moved: same.filter((name) => !isKept(name)),
    unchanged: same.filter(isKept),
    swaps: changed.map((plan) => swapOf(before.get(plan.name)!.plan, plan)),
  };
}

function swapOf(from: StagePlan, to: StagePlan): StageSwap {
  const kept = to.stateful ? "restored" : "dropped";
  const state = from.stateful ? kept : "none";
  return { stage: to.name, from: from.library, to: to.library, lanes: to.lanes, state };
}
