/**
 * FALLBACK: another library tries a record that the stage's own could not process. Its process is started when it is first
 * needed; its records come back as text and are added behind the rest of their batch.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { Edge } from "./edge.ts";
import { HostLauncher, type LauncherOptions } from "./host-launcher.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { StageHosts, type StageHostsOptions } from "./stage-hosts.ts";
import type { StateMemory } from "./state-memory.ts";
import { Turns } from "./turns.ts";
import type { Item, Outcome, StagePlan } from "./types.ts";
import type { Rescued } from "./verdict.ts";

export interface FallbackOptions
  extends Omit<StageHostsOptions, "body" | "lanes" | "launcher" | "ready">,
    Omit<LauncherOptions, "output" | "state"> {
  readonly plan: StagePlan;
  readonly fallback: NonNullable<StagePlan["fallback"]>;
  readonly output: Edge;
  readonly state: StateMemory;
  readonly signal: AbortSignal;
}

export class FallbackHosts {
  readonly #options: FallbackOptions;
  readonly #turns: Turns;
  readonly #hosts: StageHosts;
  #started: Promise<void> | undefined;

  constructor(options: FallbackOptions) {
    this.#options = options;
    const { clock, fallback, output, plan, signal, state, stopTimeoutMs } = options;
    const grow: LaneOptions["grow"] = async (item, bytes) => {
      output.checkSize(bytes);
      return output.isShare(bytes) ? output.slot(bytes, item.seq, plan.name, signal) : undefined;
    };
    const lane = new Lane(0, { clock, timeoutMs: plan.timeoutMs, stopTimeoutMs, state, grow });
    this.#turns = new Turns([lane], false, 0);
    this.#hosts = new StageHosts({
      ...options,
      body: { plan: { ...plan, ...fallback, stateful: false, standby: 0 }, replays: undefined },
      lanes: [lane],
      launcher: new HostLauncher(options),
      ready: () => this.#turns.serve(),
    });
  }

  readonly rescue = async (item: Item, row: number): Promise<Rescued | Failure> => {
    try {
      this.#started ??= this.#hosts.start();
      await this.#started;
      const outcome = await this.#try(item, row);
      if (outcome.kind !== "done")
        return new Failure("pipeline.fallback_failed", `the fallback failed: ${outcome.reason}`);
      const text = new TextDecoder().decode(outcome.slot.view.subarray(0, outcome.sizes[0]));
      outcome.slot.release();
      const { rejected, out } = outcome.counts;
      if (rejected > 0) return new Failure("pipeline.fallback_rejected", "the fallback rejected the record");
      return { ndjson: text, records: out };
    } catch (thrown) {
      return toFailure(thrown, "pipeline.fallback_failed");
    }
  };

  /** Its processes, when it was ever needed. */
  tree(): TreeNode | undefined {
    return this.#started && { ...this.#hosts.tree(), name: "fallback" };
  }

  async stop(): Promise<void> {
    await this.#hosts.stop();
  }

  async abort(): Promise<void> {
    this.#turns.end(new Failure("pipeline.stopped", "the pipeline stops"));
    await this.#hosts.abort();
  }

  /** One attempt; comes back only with a verdict on this record. */
  async #try(item: Item, row: number): Promise<Extract<Outcome, { kind: "done" | "failed" }>> {
    let wanted = this.#options.output.shareBytes;
    for (;;) {
      const outcome = await this.#send(item, row, wanted);
      if (outcome.kind === "outgrown") wanted = outcome.bytes;
      else if (outcome.kind !== "requeue") return outcome;
    }
  }

  async #send(item: Item, row: number, wanted: number): Promise<Outcome> {
    const { clock, output, plan, signal } = this.#options;
    const slot = await output.slot(wanted, item.seq, plan.name, signal);
    const message = {
      input: [item.slot.offset, item.bytes] as const,
      rows: [[row, row + 1] as const],
      probe: false,
      encoding: "ndjson" as const,
      snapshot: false,
      finish: false,
      strict: false,
      time: new Date(clock.now()).toISOString(),
    };
    return new Promise((settle, reject) => {
      const done = (outcome: Outcome): void => {
        settle(outcome);
        queueMicrotask(() => this.#turns.serve());
      };
      const use = (lane: Lane): void =>
        lane.run({ item, work: { probe: true }, crashExpected: true, message, slot, settle: done });
      this.#turns.whenFree(item.seq, true, use, (reason) => {
        slot.release();
        reject(reason);
      });
    });
  }
}
