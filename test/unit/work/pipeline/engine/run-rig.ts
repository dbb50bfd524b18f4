/** A run over ends and an executor that are none: its batches stay where a test has them until it lets them through. */
import { seededRandom } from "../../../../../src/base/random.ts";
import type { Checkpoint, CheckpointStore } from "../../../../../src/work/pipeline/checkpoint/index.ts";
import { type PipelinePlan, PipelineRun } from "../../../../../src/work/pipeline/engine/index.ts";
import { type Settings, settingSchema } from "../../../../../src/work/pipeline/file/index.ts";
import type { Sink, SinkPosition } from "../../../../../src/work/pipeline/sink/index.ts";
import type { Cut, Source, SourcePosition } from "../../../../../src/work/pipeline/source/index.ts";
import type {
  ChangeReport,
  Executor,
  ExecutorOptions,
  Item,
  Slot,
  StagePlan,
} from "../../../../../src/work/pipeline/stages/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const TURNS = 6;

/** What is under way settles; no time passes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}

export const STAGE: StagePlan = {
  name: "only",
  library: "/only.ts",
  revision: "1",
  params: {},
  policy: "DEAD_LETTER",
  maxRetries: 0,
  timeoutMs: 1_000,
  lanes: 1,
  sequential: false,
  stateful: false,
  exclusive: false,
  standby: 0,
  limits: {},
  passEnv: [],
};

export function settingsOf(more: Partial<Settings> = {}): Settings {
  const defaults = Object.entries(settingSchema).map(([name, spec]) => [
    name,
    "default" in spec ? spec.default : undefined,
  ]);
  return { ...(Object.fromEntries(defaults) as Settings), ...more }; // each by its schema
}

/** Gives what a test hands to it, one record a batch. */
export class FakeSource implements Source {
  readonly totalBytes = undefined;
  readonly committedAt: number[] = [];
  opened: SourcePosition | undefined | "never" = "never";
  closed = false;
  #offset = 0;
  #waiting: ((cut: Cut | undefined) => void) | undefined;
  #target: Uint8Array = new Uint8Array(0);
  readonly #ready: (string | undefined)[] = [];

  async open(position: SourcePosition | undefined): Promise<void> {
    this.opened = position;
  }

  read(target: Uint8Array): Promise<Cut | undefined> {
    this.#target = target;
    if (this.#ready.length > 0) return Promise.resolve(this.#cut(this.#ready.shift()));
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Nothing means the end of the input. */
  give(text?: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(this.#cut(text));
    else this.#ready.push(text);
  }

  committed(position: SourcePosition): void {
    this.committedAt.push((position as unknown as { offset: number }).offset);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #cut(text: string | undefined): Cut | undefined {
    if (text === undefined) return undefined;
    this.#target.set(Buffer.from(text));
    const offset = ++this.#offset;
    const position = { path: "x", offset } as unknown as SourcePosition; // only carried through
    const format = { kind: "ndjson" } as const;
    const bytes = text.length;
    return {
      id: `x@${offset}`,
      bytes,
      rows: 1,
      line: offset,
      timeMs: 0,
      format,
      position,
      progressBytes: offset,
      oversized: [],
    };
  }
}

export class FakeSink implements Sink {
  readonly encoding = "ndjson";
  readonly said: string[] = [];
  written: string[] = [];

  async open(position: SinkPosition | undefined): Promise<void> {
    this.said.push(position ? "open at" : "open");
  }
  async write(_bytes: Uint8Array, id: string): Promise<void> {
    this.written.push(id);
  }
  async flush(): Promise<SinkPosition> {
    return { v: 1, kind: "memory", writes: this.written.length };
  }
  async close(): Promise<void> {
    this.said.push("close");
  }
  async abort(): Promise<void> {
    this.said.push("abort");
  }
}

/** Holds each batch until it is let through. */
export class FakeExecutor implements Executor {
  readonly stages: readonly StagePlan[];
  readonly options: ExecutorOptions;
  readonly said: string[] = [];
  readonly held = new Map<number, { readonly item: Item; pass(): void; fail(reason: unknown): void }>();
  /** Slots that are lent out, and the most there ever were. */
  lent = 0;
  mostLent = 0;
  isBrisk = false;
  readonly started = Promise.withResolvers<void>();

  constructor(options: ExecutorOptions) {
    this.options = options;
    this.stages = options.stages;
  }

  readonly way = { process: (item: Item) => this.#process(item) };

  start(): Promise<void> {
    this.said.push("start");
    return this.started.promise;
  }

  async slot(bytes: number): Promise<Slot> {
    this.mostLent = Math.max(this.mostLent, ++this.lent);
    const release = (): void => void this.lent--;
    return { offset: 0, capacityBytes: bytes, view: new Uint8Array(bytes), shrink() {}, release };
  }

  pass(...seqs: number[]): void {
    for (const seq of seqs) this.held.get(seq)!.pass();
  }

  passAll(): void {
    this.pass(...this.held.keys());
  }

  async stop(): Promise<void> {
    this.said.push("stop");
  }
  async close(): Promise<void> {
    this.said.push("close");
  }
  release(): void {
    this.said.push("release");
  }
  refuseAll(): void {
    this.said.push("refuseAll");
  }
  resume(): void {
    this.said.push("resume");
  }
  progress() {
    return [];
  }
  tree() {
    return { name: "p", kind: "supervisor", state: "running", restarts: 0, children: [] } as const;
  }
  async stopChild(): Promise<void> {}
  async restartChild(): Promise<void> {}
  change(): Promise<ChangeReport> {
    return Promise.reject(new Error("not in these tests"));
  }

  #process(item: Item): Promise<void> {
    const rows = item.id.includes("@end") || item.id.includes("@idle") ? 0 : 1;
    const counts = { in: rows, out: rows, filtered: 0, deadLettered: 0, skipped: 0, added: 0 };
    item.result.counts.push(counts);
    if (this.isBrisk) return Promise.resolve();
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const done = (settled: () => void): void => {
      this.held.delete(item.seq);
      settled();
    };
    this.held.set(item.seq, { item, pass: () => done(resolve), fail: (reason) => done(() => reject(reason)) });
    return promise;
  }
}

export class RunRig {
  readonly clock = new SteppedClock();
  readonly source = new FakeSource();
  readonly sink = new FakeSink();
  readonly deadLetters = new FakeSink();
  readonly saved: Checkpoint[] = [];
  readonly run: PipelineRun;
  executor!: FakeExecutor;

  constructor(more: Partial<PipelinePlan> = {}) {
    const store = { save: (checkpoint: Checkpoint) => void this.saved.push(checkpoint), close: () => {} };
    const plan: PipelinePlan = {
      name: "p",
      stages: [STAGE],
      settings: settingsOf(),
      source: this.source,
      sink: this.sink,
      deadLetters: this.deadLetters,
      deadLettersStart: undefined,
      ordered: true,
      store: store as unknown as CheckpointStore, // a run uses no more of it
      resume: undefined,
      run: { run: "r", startedMs: 0, fingerprint: "f" },
      ...more,
    };
    this.run = new PipelineRun(plan, {
      clock: this.clock,
      random: seededRandom(1),
      host: { argv: [], env: {} },
      show: () => {},
      executor: (options) => {
        this.executor = new FakeExecutor(options);
        return this.executor;
      },
    });
  }

  /** Runs with stages that are there at once. */
  async started(): Promise<Promise<{ readonly how: string }>[]> {
    this.executor.started.resolve();
    const ended = this.run.run();
    ended.catch(() => {}); // who awaits it hears of it
    await settle();
    return [ended]; // in a list: an async function would wait for it
  }
}
