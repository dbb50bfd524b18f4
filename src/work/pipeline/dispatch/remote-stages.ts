/**
 * The stages of a run on workers: the executor of a master. Every worker gets the segments that any of them can do; a segment
 * with an owner is on one. A batch goes from segment to segment by way of its place in memory, or as bytes where two machines
 * share none. The raw batch is kept until the last one is through: whatever is lost on the way is made again from it.
 *
 * What an owner keeps between batches cannot be made again from one batch. When he goes, the run ends with `run.rewind`, and
 * goes on from its checkpoint with another owner, who is given the state of that checkpoint.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { machineId, placeOfSegment, SharedMemory } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import {
  type ChangeReport,
  Edge,
  EMPTY_BATCHES,
  type Executor,
  type ExecutorOptions,
  type Item,
  type Slot,
  type StagePlan,
  type StageProgress,
  type Way,
} from "../stages/index.ts";
import { type Batch, ForeignSegments } from "./contents.ts";
import { Placement } from "./placement.ts";
import { REWIND, type RemotePorts } from "./remote-ports.ts";
import { type Done, SegmentLeases } from "./segment-leases.ts";
import { cutSegments, type StageSegment } from "./segments.ts";

const LOST_INPUT = "work.input_lost";
/** A result was lost with its worker so often: the workers are dying faster than batches pass. */
const LOST_INPUTS_MAX = 10;

export class RemoteStages implements Executor {
  readonly stages: readonly StagePlan[];
  readonly way: Way = { process: (item) => this.#process(item) };
  readonly #options: ExecutorOptions;
  readonly #memory = new SharedMemory();
  readonly #source: Edge;
  readonly #place: ReturnType<typeof placeOfSegment>;
  readonly #foreign = new ForeignSegments();
  readonly #segments: readonly { readonly segment: StageSegment; readonly leases: SegmentLeases }[];
  readonly #placement: Placement;
  #hasEnded = false;

  constructor(options: ExecutorOptions, ports: RemotePorts) {
    const { inFlight, ports: own, settings, stages, untilOldest } = options;
    this.#options = options;
    this.stages = stages;
    this.#source = new Edge(this.#memory, settings.memory, inFlight + EMPTY_BATCHES, own.clock, untilOldest);
    this.#place = placeOfSegment(this.#source.segment, machineId());
    this.#segments = cutSegments(stages).map((segment) => ({ segment, leases: this.#leasesOf(segment, ports) }));
    this.#placement = new Placement({
      ...options,
      clock: own.clock,
      ports,
      probe: this.#place,
      foreign: this.#foreign,
      segments: this.#segments,
      failed: (reason) => this.#fail(reason),
    });
  }

  /** Waits for workers, as long as it takes. */
  start(): Promise<void> {
    return this.#placement.start();
  }

  slot(bytes: number, seq: number): Promise<Slot> {
    return this.#source.slot(bytes, seq, "source", this.#options.signal);
  }

  async stop(): Promise<void> {
    await this.#placement.end("stop");
    this.refuseAll(new Failure("pipeline.ending", "the run has ended"));
  }

  async close(): Promise<void> {
    this.refuseAll(new Failure("pipeline.ending", "the run has ended"));
    await this.#placement.end("kill");
  }

  release(): void {
    this.#source.close();
  }

  refuseAll(reason: Failure): void {
    this.#hasEnded = true;
    for (const { leases } of this.#segments) leases.close(reason);
  }

  /** Nobody stops stages here. */
  resume(): void {}

  progress(): readonly StageProgress[] {
    return this.#placement.progress(this.stages);
  }

  tree(): TreeNode {
    return this.#placement.tree();
  }

  async stopChild(stage: string): Promise<void> {
    throw elsewhere(`stop ${stage}`);
  }

  async restartChild(stage: string): Promise<void> {
    throw elsewhere(`restart ${stage}`);
  }

  async change(): Promise<ChangeReport> {
    const message =
      "the stages of a pipeline on workers are changed by submitting it again: it goes on from its checkpoint";
    throw new Failure("reload.refused", message);
  }

  async #process(item: Item): Promise<void> {
    const raw = item.slot;
    const shared = { place: this.#place, offset: raw.offset };
    const input: Batch = { view: raw.view.subarray(0, item.bytes), shared, release: () => {} };
    const { batch, parts } = await this.#through(item, input);
    for (const { counts, dead, malformed, states } of parts) {
      item.result.malformed += malformed;
      item.result.counts.push(...counts);
      item.result.dead.push(...dead);
      for (const [stage, state] of states) item.result.states.set(stage, state);
    }
    raw.release();
    item.slot = slotOf(batch);
    item.bytes = batch.view.length;
  }

  /** From the raw batch to the result, and once more when something of it is lost on the way. */
  async #through(item: Item, raw: Batch): Promise<{ readonly batch: Batch; readonly parts: readonly Done[] }> {
    for (let lost = 1; ; lost++) {
      const parts: Done[] = [];
      let batch = raw;
      let isKept = false;
      try {
        for (const { leases, segment } of this.#segments) {
          const { barrier, finish, id, seq, trace } = item;
          const done = await leases.run({ seq, id, barrier, finish, batch, trace });
          isKept ||= segment.isPinned;
          batch.release();
          batch = done.batch;
          parts.push(done);
        }
        return { batch, parts };
      } catch (thrown) {
        batch.release();
        const { code, message } = toFailure(thrown, "work.failed");
        if (code !== LOST_INPUT) throw thrown;
        // An owner has it in its state already: once more would be twice there.
        if (isKept || lost >= LOST_INPUTS_MAX) throw new Failure(REWIND, message, { retryable: true, cause: thrown });
      }
    }
  }

  #leasesOf(segment: StageSegment, { balancer, choose, keyOf, lease, observe }: RemotePorts): SegmentLeases {
    return new SegmentLeases({
      segment: segment.index,
      stages: segment.plans.length,
      clock: this.#options.ports.clock,
      lease: segment.isPinned ? { ...lease, workerWindow: () => this.#inFlightMax } : lease,
      balancer: balancer(segment),
      choose: choose && ((request) => choose(segment, request)),
      keyOf,
      mayHedge: !segment.isPinned,
      segments: this.#foreign,
      observe,
      ownerLost: (worker, reason) => this.#ownerLost(segment, worker, reason),
      missing: (worker, reason) => this.#placement.missing(segment, worker, reason),
      failed: (reason) => this.#fail(reason),
    });
  }

  /** An owner takes batches in order: were there too little room for all, younger ones could keep out the one they wait for. */
  get #inFlightMax(): number {
    return this.#options.inFlight + EMPTY_BATCHES;
  }

  #ownerLost({ plans }: StageSegment, worker: string, reason: string): void {
    const names = plans.map(({ name }) => name).join(", ");
    const message = `worker ${worker}, which had ${names}, is gone: ${reason}`;
    this.#fail(new Failure(REWIND, message, { retryable: true }));
  }

  #fail(reason: unknown): void {
    if (!this.#hasEnded) this.#options.failed(reason);
  }
}

function slotOf({ release, view }: Batch): Slot {
  return { offset: 0, capacityBytes: view.length, view, shrink() {}, release };
}

function elsewhere(action: string): Failure {
  return new Failure("instance.not_controllable", `cannot ${action}: its processes belong to workers; ask one of them`);
}
