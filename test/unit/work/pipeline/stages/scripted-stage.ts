/**
 * A real stage over pretended lanes: the plugin is a function of row numbers, and no process, memory or time is needed. What
 * it answers is settled over the next microtasks, as real hosts do over the next milliseconds.
 */
import type { ProcessMessage, RowRange } from "../../../../../src/process/plugin/index.ts";
import type { Edge, Slot } from "../../../../../src/work/pipeline/stages/edge.ts";
import type { Lane } from "../../../../../src/work/pipeline/stages/lane.ts";
import type { Request } from "../../../../../src/work/pipeline/stages/lane-request.ts";
import { rangesWithout } from "../../../../../src/work/pipeline/stages/row-ranges.ts";
import { Stage, type StageOptions } from "../../../../../src/work/pipeline/stages/stage.ts";
import { Turns } from "../../../../../src/work/pipeline/stages/turns.ts";
import type {
  Item,
  Outcome,
  Policy,
  StageCounts,
  StageEvent,
  StagePlan,
} from "../../../../../src/work/pipeline/stages/types.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

/** Nothing: these rows pass. A text: they fail with it. */
export type Plugin = (rows: readonly number[], seq: number) => string | "requeue" | undefined;

interface Asked {
  readonly seq: number;
  readonly rows: readonly number[];
  readonly probe: boolean;
  readonly crashExpected: boolean;
}

export interface ScriptedOptions {
  readonly plan?: Partial<StagePlan>;
  readonly lanes?: number;
  readonly rows?: number;
  readonly plugin: Plugin;
  readonly fallback?: StageOptions["fallback"];
}

const PLAN: StagePlan = {
  name: "stage",
  library: "/plugin.ts",
  revision: "1",
  params: {},
  policy: "DEAD_LETTER",
  maxRetries: 1,
  timeoutMs: 1000,
  lanes: 1,
  sequential: false,
  stateful: false,
  exclusive: false,
  standby: 0,
  limits: {},
  passEnv: [],
};

const SLOT: Slot = { offset: 0, capacityBytes: 64, view: new Uint8Array(64), shrink() {}, release() {} };

export function planOf(policy: Policy, more: Partial<StagePlan> = {}): Partial<StagePlan> {
  return { policy, breaker: { failureThreshold: 2, successThreshold: 1, halfOpenAfterMs: 1000 }, ...more };
}

export class ScriptedStage {
  readonly stage: Stage;
  readonly clock = new SteppedClock();
  readonly events: StageEvent[] = [];
  /** Each time the plugin ran: of which batch, over which rows. */
  readonly asked: Asked[] = [];
  /** Reasons in the dead letters. */
  readonly letters: { readonly row: number; readonly reason: string; readonly attempts: number }[] = [];
  /** Batches in the order in which a lane finished them for good. */
  readonly finished: number[] = [];
  readonly recycled: string[] = [];
  readonly replayed: number[] = [];
  /** Verdicts that the plugin had a part in. */
  judged = 0;
  /** Waits between attempts. */
  waits = 0;
  plan: StagePlan;
  plugin: Plugin;
  readonly #rows: number;
  #seq = 0;

  constructor({ fallback, lanes = 1, plan = {}, plugin, rows = 4 }: ScriptedOptions) {
    this.plan = { ...PLAN, ...plan };
    this.plugin = plugin;
    this.#rows = rows;
    const all = Array.from({ length: lanes }, (_, number) => this.#lane(number));
    const turns = new Turns(all, this.plan.sequential, 0);
    const replays = { add: () => void this.replayed.push(this.asked.length), cover() {}, askSnapshot: () => false };
    const edge = { shareBytes: 64, slot: async () => ({ ...SLOT }) } as unknown as Edge; // all that a stage does with it
    const present = (): StagePlan => this.plan;
    this.stage = new Stage({
      get plan() {
        return present();
      },
      input: edge,
      output: edge,
      turns,
      replays: this.plan.stateful ? (replays as unknown as StageOptions["replays"]) : undefined, // likewise
      fallback,
      clock: this.clock,
      signal: new AbortController().signal,
      encoding: "batch",
      strict: false,
      backoff: async () => void this.waits++,
      judged: () => void this.judged++,
      observe: (event) => void this.events.push(event),
    });
  }

  /** One batch through the stage: what it was counted as. */
  async put(
    more: Partial<Pick<Item, "barrier" | "finish" | "failsOver">> & { readonly rows?: number } = {},
  ): Promise<StageCounts> {
    const { rows = more.finish ? 0 : this.#rows, ...flags } = more;
    const seq = this.#seq++;
    const result = { malformed: 0, counts: [] as StageCounts[], dead: [], states: new Map<string, Uint8Array>() };
    const slot = { ...SLOT };
    const item: Item = {
      seq,
      id: `b${seq}`,
      epoch: 0,
      barrier: false,
      finish: false,
      ...flags,
      slot,
      bytes: rows,
      result,
    };
    await this.stage.process(item);
    return result.counts[0]!;
  }

  get states(): string[] {
    return this.events.flatMap((each) => (each.event === "breaker" ? [each.state] : []));
  }

  #lane(number: number): Lane {
    let busy = 0;
    const lane = {
      number,
      pid: number,
      get free() {
        return busy < 1;
      },
      get idle() {
        return busy === 0;
      },
      recycle: (reason: string) => void this.recycled.push(reason),
      run: (request: Request) => {
        busy++;
        void this.#answer(request).then((outcome) => {
          busy--;
          request.settle(outcome.kind === "done" ? { ...outcome, slot: request.slot } : outcome);
        });
      },
    };
    return lane as unknown as Lane; // the members that turns and a stage use
  }

  async #answer({ crashExpected, item, message }: Request): Promise<Outcome> {
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    const total = item.bytes;
    const rows = listed(message.rows ?? rangesWithout(total, []));
    const reason =
      rows.length > 0 || message.finish
        ? this.#ask({ seq: item.seq, rows, probe: message.probe, crashExpected })
        : undefined;
    if (reason === "requeue") return { kind: "requeue" };
    if (reason !== undefined) return { kind: "failed", cause: "error", code: "plugin.threw", reason };
    if (!message.probe) this.finished.push(item.seq);
    if (!message.probe) this.letters.push(...(message.dead ?? []));
    const rescued = (message.rescued ?? "").split("\n").length - 1;
    const counts = {
      total,
      malformed: 0,
      in: rows.length,
      filtered: 0,
      rejected: 0,
      added: 0,
      out: rows.length + rescued,
    };
    return { kind: "done", slot: SLOT, sizes: [total, 0, 0], counts };
  }

  #ask(asked: Asked): string | undefined {
    this.asked.push(asked);
    return this.plugin(asked.rows, asked.seq);
  }
}

function listed(ranges: NonNullable<ProcessMessage["rows"]> | readonly RowRange[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index));
}
