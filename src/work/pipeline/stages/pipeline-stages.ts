/**
 * The stages of a run: built between their edges, started and stopped as one supervision tree, and exchanged under way. It
 * knows nothing of batches but where a fence must go.
 */
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { SharedMemory } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { Link } from "./chain.ts";
import { Edge, type Slot } from "./edge.ts";
import { EMPTY_BATCHES, type Executor, type ExecutorOptions, type FencePorts, type Way } from "./executor.ts";
import { type ChangeReport, changeStages } from "./live-change.ts";
import type { StageAtWork, StageProgress } from "./stage-at-work.ts";
import { buildLink, type StageLink } from "./stage-link.ts";
import { StageTree } from "./stage-tree.ts";
import type { Fence, Item, StagePlan } from "./types.ts";

export class PipelineStages implements Executor {
  /** Where the source's batches lie. */
  readonly #source: Edge;
  readonly #options: ExecutorOptions;
  readonly #memory = new SharedMemory();
  /** All that live: of the present chain, and of the next or the one before while the stages change. */
  readonly #edges = new Set<Edge>();
  readonly #links = new Set<StageLink>();
  /** Added, and given up before they were at work. */
  readonly #broken = new Map<StageLink, Failure>();
  /** Why a stage at work cannot go on. */
  #failure: Failure | undefined;
  readonly #tree: StageTree;
  #chain: readonly StageLink[];
  #changing: Promise<void> = Promise.resolve();
  /** Under way, or waiting for that. */
  #changes = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#source = this.#newEdge();
    this.#chain = this.#build(options.stages);
    this.#tree = new StageTree(options.pipeline, this.#chain, options.ports.clock);
  }

  get stages(): readonly StagePlan[] {
    return this.#chain.map(({ plan }) => plan);
  }

  slot(bytes: number, seq: number): Promise<Slot> {
    return this.#source.slot(bytes, seq, "source", this.#options.signal);
  }

  /** Where results lie, as long as the stages stay. */
  get results(): Edge {
    return this.#chain.at(-1)!.output;
  }

  get way(): Way {
    const chain = this.#chain;
    return { process: (item) => through(chain, item) };
  }

  async start(): Promise<void> {
    await this.#tree.start(); // for the tree, one that gave up has ended
    if (this.#failure) throw this.#failure;
  }

  stop(): Promise<void> {
    return this.#tree.stop();
  }

  refuseAll(reason: Failure): void {
    for (const { at } of this.#links) at.turns.end(reason);
  }

  close(): Promise<void> {
    return this.#tree.abort();
  }

  release(): void {
    for (const edge of this.#edges) edge.close();
    this.#edges.clear();
  }

  resume(): void {
    for (const { at } of this.#chain) {
      const stopped = at
        .describe()
        .children.filter(({ name, state }) => state === "stopped" && name.startsWith("lane "));
      for (const { name } of stopped) at.hosts.restartChild(name).catch((thrown) => this.#options.failed(thrown));
    }
  }

  progress(): readonly StageProgress[] {
    return this.#chain.map(({ at }) => at.progress());
  }

  /** The pipeline's supervisor and all below it. */
  tree(): TreeNode {
    return this.#tree.tree(this.#chain);
  }

  /** Its batches wait. Not while the stages change: a fence may have to go through them. */
  async stopChild(stage: string, host?: string): Promise<void> {
    if (this.#changes > 0)
      throw new Failure("reload.busy", `cannot stop ${stage}: the stages are being changed; try again`);
    const { hosts } = this.#find(stage).at;
    await (host === undefined ? hosts.stopAll() : hosts.stopChild(host));
  }

  /** Stops it in order, where it runs, and starts it again; resolves when it serves. */
  async restartChild(stage: string, host?: string): Promise<void> {
    const { hosts } = this.#find(stage).at;
    await (host === undefined ? hosts.restartAll() : hosts.restartChild(host));
  }

  #find(stage: string): StageLink {
    const link = this.#chain.find(({ plan }) => plan.name === stage);
    if (link) return link;
    const names = this.#chain.map(({ plan }) => plan.name).join(", ");
    throw new Failure("instance.not_found", `there is no stage ${JSON.stringify(stage)}; there are ${names}`);
  }

  /**
   * See live-change.ts. Fails with `reload.*` or `swap.*` and leaves the stages as they were. One change at a time: who comes
   * meanwhile waits. `wanted` is asked when it is its turn.
   */
  change(wanted: () => readonly StagePlan[], fence: FencePorts): Promise<ChangeReport> {
    this.#changes++;
    const changed = this.#changing.then(() => this.#change(wanted(), fence)).finally(() => this.#changes--);
    this.#changing = changed.then(
      () => {},
      () => {}, // who asked for it hears of it
    );
    return changed;
  }

  async #change(wanted: readonly StagePlan[], fence: FencePorts): Promise<ChangeReport> {
    const stopped = this.#chain.find(({ at }) => stoppedLanes(at).length > 0);
    if (stopped) {
      const { name } = stopped.plan;
      throw new Failure(
        "reload.stopped",
        `stage ${name} is stopped, and batches wait in it; start it first: restart ${name}`,
      );
    }
    const { links, report } = await changeStages(this.#chain, wanted, this.#changePorts(fence));
    this.#chain = links;
    return report;
  }

  #changePorts(fence: FencePorts) {
    return {
      source: this.#source,
      newEdge: () => this.#newEdge(),
      build: (place: Link<Edge>) => this.#buildLink(place, Number.POSITIVE_INFINITY, undefined),
      switchTo: (links: readonly StageLink[], barrier: Fence) =>
        fence.send(barrier, (nextSeq) => this.#switchTo(links, nextSeq)),
      committed: (seq: number) => fence.committed(seq),
      failed: (reason: unknown) => this.#options.failed(reason),
      dropEdge: (edge: Edge) => void (this.#edges.delete(edge) && edge.close()),
      start: (link: StageLink, state?: Uint8Array) => this.#tree.add(link, state),
      stop: async (link: StageLink) => {
        await this.#tree.remove(link);
        this.#links.delete(link);
        this.#broken.delete(link);
      },
    };
  }

  /** Throws, and changes nothing, when one of them does not live any more. */
  #switchTo(links: readonly StageLink[], nextSeq: number): void {
    for (const link of links) if (this.#broken.has(link)) throw this.#broken.get(link)!;
    this.#chain = links;
    for (const link of links) {
      if (!this.#links.has(link)) link.at.turns.startAt(nextSeq);
      this.#links.add(link);
    }
  }

  #build(stages: readonly StagePlan[]): readonly StageLink[] {
    const { firstSeq, states } = this.#options;
    let input = this.#source;
    return stages.map((plan, index) => {
      const place = { plan, input, output: this.#newEdge(), last: index === stages.length - 1 };
      const link = this.#buildLink(place, firstSeq, states?.get(plan.name));
      this.#links.add(link);
      input = place.output;
      return link;
    });
  }

  /** What goes wrong in a link that is not at work yet is the business of whoever starts it. */
  #buildLink(place: Link<Edge>, firstSeq: number, snapshot: Uint8Array | undefined): StageLink {
    const { encoding, failed, pipeline, ports, run, settings, signal } = this.#options;
    const context = { pipeline, run, settings, encoding, ports, signal, memory: this.#memory };
    const link: StageLink = buildLink(place, this.#source, firstSeq, snapshot, {
      ...context,
      failed: (reason) => {
        this.#tree.gaveUp(link, messageOf(reason));
        const failure = toFailure(reason, "pipeline.failed");
        if (!this.#links.has(link)) return void this.#broken.set(link, failure);
        this.#failure ??= failure;
        failed(reason);
      },
    });
    return link;
  }

  #newEdge(): Edge {
    const { inFlight, ports, settings, untilOldest } = this.#options;
    const edge = new Edge(this.#memory, settings.memory, inFlight + EMPTY_BATCHES, ports.clock, untilOldest);
    this.#edges.add(edge);
    return edge;
  }
}

async function through(chain: readonly StageLink[], item: Item): Promise<void> {
  for (const { at, plan } of chain) {
    await at.stage.process(item);
    item.fence?.passed(plan.name, item.result.states.get(plan.name));
  }
}

/** Lanes that somebody has stopped. */
function stoppedLanes(at: StageAtWork): string[] {
  const lanes = at.describe().children.filter(({ name, state }) => state === "stopped" && name.startsWith("lane "));
  return lanes.map(({ name }) => name);
}
