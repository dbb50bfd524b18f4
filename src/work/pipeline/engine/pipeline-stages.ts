/**
 * The stages of a run: built between their edges, started and stopped as one supervision tree, and exchanged under way. It
 * knows nothing of batches but where a fence must go.
 */
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { SharedMemory } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { Settings } from "../file/index.ts";
import type { Sink } from "../sink/index.ts";
import type { Link } from "./chain.ts";
import { Edge } from "./edge.ts";
import { type ChangeReport, changeStages } from "./live-change.ts";
import type { PipelinePorts } from "./pipeline-ports.ts";
import type { StageAtWork } from "./stage-at-work.ts";
import { buildLink, type StageLink } from "./stage-link.ts";
import { StageTree } from "./stage-tree.ts";
import type { Fence, StagePlan } from "./types.ts";

export interface PipelineStagesOptions {
  readonly pipeline: string;
  readonly run: string;
  readonly stages: readonly StagePlan[];
  readonly settings: Settings;
  readonly encoding: Sink["encoding"];
  /** Batches under way at most. */
  readonly inFlight: number;
  /** Number of the first batch, and the states that stages go on from. */
  readonly firstSeq: number;
  readonly states: ReadonlyMap<string, Uint8Array> | undefined;
  readonly ports: PipelinePorts;
  readonly signal: AbortSignal;
  untilOldest(seq: number): Promise<void>;
  failed(reason: unknown): void;
}

/** What a change needs of whoever sends the batches. */
export interface FencePorts {
  /**
   * Calls `switchOver` with the number of the batch behind the fence, and sends the fence through the stages of before, with
   * no other batch between. Gives the fence's number. When `switchOver` throws, nothing is sent.
   */
  send(fence: Fence, switchOver: (nextSeq: number) => void): Promise<number>;
  /** Resolves when the batch of this number, and all before it, are committed. */
  committed(seq: number): Promise<void>;
}

/** A fence and the empty batch at the end may both be under way beside the batches that were counted. */
const EMPTY_BATCHES = 2;

export class PipelineStages {
  /** Where the source's batches lie. */
  readonly source: Edge;
  readonly #options: PipelineStagesOptions;
  readonly #memory = new SharedMemory();
  /** All that live: of the present chain, and of the next or the one before while the stages change. */
  readonly #edges = new Set<Edge>();
  readonly #links = new Set<StageLink>();
  /** Added, and given up before they were at work. */
  readonly #broken = new Map<StageLink, Failure>();
  readonly #tree: StageTree;
  #chain: readonly StageLink[];
  #changing: Promise<void> = Promise.resolve();
  /** Under way, or waiting for that. */
  #changes = 0;

  constructor(options: PipelineStagesOptions) {
    this.#options = options;
    this.source = this.#newEdge();
    this.#chain = this.#build(options.stages);
    this.#tree = new StageTree(options.pipeline, this.#chain, options.ports.clock);
  }

  /** In order; the same array until the stages change. */
  get chain(): readonly StageLink[] {
    return this.#chain;
  }

  start(): Promise<void> {
    return this.#tree.start();
  }

  stop(): Promise<void> {
    return this.#tree.stop();
  }

  /** Nobody waits for a lane any more. */
  refuseAll(reason: Failure): void {
    for (const { at } of this.#links) at.turns.end(reason);
  }

  /** Kills what still runs; nothing does when it resolves. */
  close(): Promise<void> {
    return this.#tree.abort();
  }

  /** Gives the memory back, when nobody reads a batch any more: not the sink either. */
  release(): void {
    for (const edge of this.#edges) edge.close();
    this.#edges.clear();
  }

  /** Starts what somebody has stopped, so that batches can drain. */
  resume(): void {
    for (const { at } of this.#chain) {
      const stopped = at
        .describe()
        .children.filter(({ name, state }) => state === "stopped" && name.startsWith("lane "));
      for (const { name } of stopped) at.hosts.restartChild(name).catch((thrown) => this.#options.failed(thrown));
    }
  }

  /** The pipeline's supervisor and all below it. */
  tree(): TreeNode {
    return this.#tree.tree(this.#chain);
  }

  /** Fails with `reload.busy` while the stages change: a fence may have to go through them. */
  refuseWhileChanging(action: string): void {
    if (this.#changes > 0)
      throw new Failure("reload.busy", `cannot ${action}: the stages are being changed; try again`);
  }

  /** The stage of this name. Fails with `instance.not_found`. */
  find(stage: string): StageLink {
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
      source: this.source,
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
    let input = this.source;
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
    const link: StageLink = buildLink(place, this.source, firstSeq, snapshot, {
      ...context,
      failed: (reason) => {
        this.#tree.gaveUp(link, messageOf(reason));
        if (this.#links.has(link)) failed(reason);
        else this.#broken.set(link, toFailure(reason, "pipeline.failed"));
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

/** Lanes that somebody has stopped. */
function stoppedLanes(at: StageAtWork): string[] {
  const lanes = at.describe().children.filter(({ name, state }) => state === "stopped" && name.startsWith("lane "));
  return lanes.map(({ name }) => name);
}
