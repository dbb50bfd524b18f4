/**
 * Attempts at a batch: each waits for an output slot and for its turn, has a lane's host process the batch, and comes back
 * with a verdict on it. A batch that was not tried (its host died over another one) or that needs a larger slot goes again
 * by itself. What is to become of a batch that fails is not decided here.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Attributes } from "../../../base/trace.ts";
import type { ProcessMessage } from "../../../process/plugin/index.ts";
import { alignedBytes } from "../../../process/plugin/index.ts";
import type { Edge, Slot } from "./edge.ts";
import type { Lane } from "./lane.ts";
import type { ReplayLog } from "./replay-log.ts";
import { SlotEstimate } from "./slot-estimate.ts";
import { type Admitted, type Refused, type StageBreaker, UNGUARDED } from "./stage-breaker.ts";
import type { Turns } from "./turns.ts";
import type { Item, Outcome, StageEvent, StagePlan, Work } from "./types.ts";
import { WaitMeter } from "./wait-meter.ts";

export interface AttemptsOptions {
  /** This and the log change when another plugin takes over. */
  readonly plan: StagePlan;
  readonly replays: ReplayLog | undefined;
  readonly output: Edge;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the last stage produces for the sink; every other stage a batch. */
  readonly encoding: ProcessMessage["encoding"];
  readonly strict: boolean;
  observe?: ((event: StageEvent) => void) | undefined;
  /** Told of every verdict that the plugin had a part in, probes included, as it comes: who counts failures listens here. */
  judged?: ((outcome: Judged, work: Work) => void) | undefined;
}

/** An outcome that says something about the batch. */
export type Judged = Extract<Outcome, { kind: "done" | "failed" }>;

export type Done = Extract<Outcome, { kind: "done" }>;

type Message = Omit<ProcessMessage, "t" | "request" | "output">;

export class Attempts {
  /** Of batches for room behind the stage and for a lane. */
  readonly waits: WaitMeter;
  /** Tries that failed, searches for a poison record left out. */
  failures = 0;
  readonly #options: AttemptsOptions;
  readonly #breaker: StageBreaker;
  readonly #estimate = new SlotEstimate();

  constructor(options: AttemptsOptions, breaker: StageBreaker) {
    this.#options = options;
    this.#breaker = breaker;
    this.waits = new WaitMeter(options.clock);
  }

  /** One attempt; comes back only with a verdict on this batch, or when the breaker does not let it through. */
  async run(item: Item, work: Work, again = false): Promise<Judged | Refused> {
    let wanted = this.#estimate.bytesFor(item.bytes, this.#options.output.shareBytes);
    for (;;) {
      const outcome = await this.#send(item, work, wanted, again || work.probe);
      if (outcome.kind === "outgrown") wanted = outcome.bytes;
      else if (outcome.kind !== "requeue") return outcome;
    }
  }

  async #send(item: Item, work: Work, wanted: number, crashExpected: boolean): Promise<Outcome | Refused> {
    const { turns, plan } = this.#options;
    this.waits.begin();
    const slot = await this.#slot(item, wanted);
    return new Promise((resolve, reject) => {
      const use = (lane: Lane): void => {
        this.waits.end();
        const admission = this.#admit(work);
        if (admission.kind === "refused") {
          slot.release();
          turns.takeBack(item.seq);
          return resolve(admission);
        }
        const message = this.#message(item, work);
        const span = item.trace?.start(`plugin ${plan.name}`, { attributes: asked(lane, work) });
        const settle = (outcome: Outcome): void => {
          if (outcome.kind === "failed") span?.fail(new Failure(outcome.code, outcome.reason));
          span?.end();
          admission.answer(outcome);
          resolve(this.#settle(item, message, lane, outcome));
        };
        lane.run({ item, work, crashExpected: crashExpected || admission.probe, message, slot, settle });
      };
      turns.whenFree(item.seq, work.probe, use, (reason) => {
        this.waits.end();
        slot.release();
        reject(reason);
      });
    });
  }

  /** At the last moment: while it waited for its turn, others may have failed. */
  #admit(work: Work): Admitted | Refused {
    if (!runsPlugin(work)) return UNGUARDED;
    return work.probe ? (this.#breaker.refusesSearch() ?? UNGUARDED) : this.#breaker.admit();
  }

  #message(item: Item, work: Work): Message {
    const { clock, encoding, plan, replays, strict } = this.#options;
    const stateful = plan.stateful && !work.probe;
    return {
      input: [item.slot.offset, item.bytes],
      ...work,
      encoding,
      snapshot: stateful && (item.barrier || item.finish || replays?.askSnapshot() === true),
      finish: item.finish && !work.probe,
      strict,
      time: new Date(clock.now()).toISOString(),
    };
  }

  /** Fails when the run is over; then nobody waits here. */
  async #slot(item: Item, wanted: number): Promise<Slot> {
    const { output, plan, signal } = this.#options;
    try {
      return await output.slot(wanted, item.seq, plan.name, signal);
    } catch (thrown) {
      this.waits.end();
      throw thrown;
    }
  }

  /** Runs at once when the verdict comes, before the lane or anybody's turn moves on. */
  #settle(item: Item, message: Message, lane: Lane, outcome: Outcome): Outcome {
    const { judged, observe, plan, turns } = this.#options;
    if (outcome.kind !== "done") turns.takeBack(item.seq);
    const isJudged = outcome.kind === "done" || outcome.kind === "failed";
    if (isJudged && runsPlugin(message)) judged?.(outcome, message);
    if (outcome.kind === "failed" && !message.probe) this.failures++;
    if (outcome.kind === "failed" && !message.probe)
      observe?.({ event: "batch_failed", lane: lane.number, batch: item.id, reason: outcome.reason });
    if (outcome.kind === "failed" && plan.sequential)
      lane.recycle("was replaced: a failed batch left its state in doubt");
    if (outcome.kind === "done" && message.probe && plan.stateful && runsPlugin(message))
      lane.recycle("was replaced: a probe changed its state");
    if (outcome.kind === "done" && !message.probe) {
      this.#keepState(item, message, outcome);
      const { counts } = outcome;
      observe?.({ event: "batch_done", lane: lane.number, pid: lane.pid, batch: item.id, rows: counts.in });
      this.#estimate.saw(
        item.bytes,
        outcome.sizes.reduce((sum, size) => sum + alignedBytes(size), 0),
      );
    }
    queueMicrotask(() => turns.serve());
    return outcome;
  }

  /** Not later: the next batch's verdict may stand right behind this one, and a snapshot must not cover that too. */
  #keepState(item: Item, message: Message, { sizes: [main, dead, state], slot }: Done): void {
    const { plan, replays } = this.#options;
    if (!plan.stateful) return;
    const batch = item.slot.view.subarray(0, item.bytes);
    if (!message.snapshot) return runsPlugin(message) ? replays?.add(batch, message.rows) : undefined;
    const stateAt = alignedBytes(main) + alignedBytes(dead);
    const snapshot = slot.view.slice(stateAt, stateAt + state);
    if (item.barrier || item.finish) item.result.states.set(plan.name, snapshot);
    replays?.cover(snapshot, batch, message.rows);
  }
}

function asked({ number, pid }: Lane, { probe }: Work): Attributes {
  return {
    "plugin.lane": number,
    ...(pid !== undefined && { "process.pid": pid }),
    ...(probe && { "plugin.probe": true }),
  };
}

/** Not for no rows: dead letters are written, rows are counted, and the plugin knows nothing of it. */
function runsPlugin({ rows }: Pick<Work, "rows">): boolean {
  return rows?.length !== 0;
}
