import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { DEPOSED } from "../../../../../src/base/kept-state.ts";
import type { Checkpoint, Checkpoints } from "../../../../../src/work/pipeline/checkpoint/index.ts";
import { type Arrival, Committer } from "../../../../../src/work/pipeline/engine/committer.ts";
import { RunCounts } from "../../../../../src/work/pipeline/engine/run-counts.ts";
import type { Sink, SinkPosition } from "../../../../../src/work/pipeline/sink/index.ts";
import type { SourcePosition } from "../../../../../src/work/pipeline/source/index.ts";

class MemorySink implements Sink {
  readonly encoding = "ndjson";
  text = "";
  failAt = Number.POSITIVE_INFINITY;
  async open(): Promise<void> {}
  async write(bytes: Uint8Array): Promise<void> {
    if (this.text.length >= this.failAt) throw new Error("full");
    await Promise.resolve();
    this.text += new TextDecoder().decode(bytes);
  }
  async flush(): Promise<SinkPosition> {
    const length = this.text.length;
    await Promise.resolve();
    return { v: 1, kind: "memory", length };
  }
  async close(): Promise<void> {
    this.text += "end";
  }
  async abort(): Promise<void> {}
}

interface World {
  readonly sink: MemorySink;
  readonly saved: Checkpoint[];
  readonly failures: unknown[];
  readonly released: number[];
  readonly committer: Committer;
  readonly counts: RunCounts;
}

interface Options {
  readonly ordered?: boolean;
  readonly dropSeq?: number;
  readonly failAt?: number;
  readonly written?: string[];
  /** What saving takes, beside being noted. */
  readonly save?: () => Promise<void>;
  readonly told?: (source: SourcePosition | undefined) => void;
}

function world(options: Options = {}): World {
  const sink = new MemorySink();
  sink.failAt = options.failAt ?? sink.failAt;
  const saved: Checkpoint[] = [];
  const failures: unknown[] = [];
  const counts = new RunCounts(["one"]);
  const store: Pick<Checkpoints, "save"> = {
    save: (checkpoint) => {
      saved.push(checkpoint);
      return options.save?.();
    },
  };
  const committer = new Committer({
    sink,
    deadLetters: new MemorySink(),
    store,
    clock: systemClock,
    counts,
    firstSeq: 0,
    source: undefined,
    ordered: options.ordered ?? true,
    written: options.written ?? [],
    run: () => ({ run: "r", startedMs: 0, fingerprint: "f" }),
    dropSeq: options.dropSeq,
    committed: () => {},
    ...(options.told && { saved: options.told }),
    failed: (reason) => void failures.push(reason),
  });
  return { sink, saved, failures, released: [], committer, counts };
}

function arrival(to: World, seq: number, extra: { barrier?: boolean; finish?: boolean } = {}): Arrival {
  const bytes = new TextEncoder().encode(`${seq}\n`);
  const count = { in: 1, out: 1, filtered: 0, deadLettered: 0, skipped: 0, added: 0 };
  const slot = { offset: 0, capacityBytes: 64, view: bytes, shrink() {}, release: () => void to.released.push(seq) };
  return {
    item: {
      seq,
      id: `x@${seq}`,
      epoch: 0,
      barrier: extra.barrier ?? false,
      finish: extra.finish ?? false,
      slot,
      bytes: bytes.length,
      result: { malformed: 0, counts: [count], dead: [], states: new Map() },
    },
    source: { offset: seq + 1 } as unknown as SourcePosition, // only carried through
    readAtMs: 0,
    oversized: { letters: new Uint8Array(0), count: 0 },
    isCut: true,
  };
}

const LAST = 11;

describe("Committer", () => {
  test("add() writes in source order when batches arrive in any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(
          Array.from({ length: LAST }, (_, seq) => seq),
          { minLength: LAST },
        ),
        async (order) => {
          const here = world();
          for (const seq of order) here.committer.add(arrival(here, seq));
          here.committer.add(arrival(here, LAST, { barrier: true, finish: true }));
          await here.committer.until(LAST);
          expect(here.sink.text).toBe(`${Array.from({ length: LAST + 1 }, (_, seq) => `${seq}\n`).join("")}end`);
          expect(here.saved.at(-1)).toMatchObject({ seq: LAST + 1, ahead: [], source: { offset: LAST + 1 } });
          expect(here.released.toSorted((a, b) => a - b)).toEqual(Array.from({ length: LAST + 1 }, (_, seq) => seq));
        },
      ),
    );
  });

  test("add() names what is written ahead of a gap in the checkpoint when order is not asked for", async () => {
    const here = world({ ordered: false });
    for (const seq of [3, 0]) here.committer.add(arrival(here, seq));
    here.committer.add(arrival(here, 1, { barrier: true }));
    await here.committer.until(1);
    expect(here.sink.text).toBe("3\n0\n1\n");
    expect(here.saved).toHaveLength(1);
    expect(here.saved[0]).toMatchObject({ seq: 2, ahead: ["x@3"], source: { offset: 2 }, sink: { length: 6 } });
  });

  test("skip() closes the gap of a batch that the run before had written", async () => {
    const here = world({ ordered: false, written: ["x@1"] });
    expect([here.committer.hasWritten("x@0"), here.committer.hasWritten("x@1")]).toEqual([false, true]);
    here.committer.skip(1, "x@1", { offset: 2 } as unknown as SourcePosition);
    here.committer.add(arrival(here, 0));
    here.committer.add(arrival(here, 2, { barrier: true }));
    await here.committer.until(2);
    expect(here.sink.text).toBe("0\n2\n");
    expect(here.saved[0]).toMatchObject({ seq: 3, ahead: [] });
  });

  test("skip() moves on by itself when everything before is written", async () => {
    const here = world({ ordered: false, written: ["x@1"] });
    here.committer.add(arrival(here, 0));
    await here.committer.until(0);
    here.committer.skip(1, "x@1", { offset: 2 } as unknown as SourcePosition);
    await here.committer.until(1);
    await here.committer.untilOldest(2);
    expect(here.sink.text).toBe("0\n");
  });

  test("add() goes on naming what the run before had written when a checkpoint comes before it is met again", async () => {
    const here = world({ ordered: false, written: ["x@5", "x@6"] });
    here.committer.add(arrival(here, 0, { barrier: true }));
    await here.committer.until(0);
    expect(here.saved[0]).toMatchObject({ seq: 1, ahead: ["x@5", "x@6"] });
  });

  test("add() stores the sink's position of the barrier when later batches are written meanwhile", async () => {
    const here = world();
    here.committer.add(arrival(here, 0, { barrier: true }));
    for (const seq of [1, 2, 3]) here.committer.add(arrival(here, seq));
    await here.committer.until(3);
    expect(here.saved[0]).toMatchObject({ seq: 1, sink: { length: 2 } });
    expect(here.saved[0]!.counts).toMatchObject({ epochs: [{ written: 1 }] });
  });

  test("add() says that the run is finished only when the sink has its end", async () => {
    const here = world();
    const ends: boolean[] = [];
    here.saved.push = (checkpoint) => ends.push(checkpoint.finished && here.sink.text.endsWith("end"));
    here.committer.add(arrival(here, 0, { barrier: true, finish: true }));
    await here.committer.until(0);
    expect(ends).toEqual([true]);
  });

  test("untilOldest() resolves when every batch before is gone", async () => {
    const here = world();
    let oldest = false;
    const waiting = here.committer.untilOldest(2).then(() => {
      oldest = true;
    });
    here.committer.add(arrival(here, 0));
    await here.committer.until(0);
    expect(oldest).toBe(false);
    here.committer.add(arrival(here, 1));
    await waiting;
    expect(oldest).toBe(true);
  });

  test("add() commits nothing more when the sink fails", async () => {
    const here = world({ failAt: 2 });
    for (const seq of [0, 1]) here.committer.add(arrival(here, seq, { barrier: true }));
    for (let turn = 0; turn < 50 && here.failures.length === 0; turn++) await Promise.resolve();
    expect(here.failures).toHaveLength(1);
    expect(here.saved.every(({ seq }) => seq === 1)).toBe(true);
  });

  test("add() writes nothing more when a checkpoint is refused, because another master leads", async () => {
    const gate = Promise.withResolvers<void>();
    const here = world({ save: () => gate.promise });
    here.committer.add(arrival(here, 0, { barrier: true }));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    gate.reject(new Failure(DEPOSED, "another master leads"));
    for (let turn = 0; turn < 20 && here.failures.length === 0; turn++) await Promise.resolve();
    expect(here.failures).toMatchObject([{ code: DEPOSED }]);
    for (const seq of [1, 2]) here.committer.add(arrival(here, seq, { barrier: true }));
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(here.sink.text).toBe("0\n");
    expect(here.saved).toHaveLength(1);
  });

  test("add() tells the source of a position only when the checkpoint that holds it is stored", async () => {
    const gate = Promise.withResolvers<void>();
    const told: unknown[] = [];
    const here = world({ save: () => gate.promise, told: (source) => told.push(source) });
    here.committer.add(arrival(here, 0, { barrier: true }));
    here.committer.add(arrival(here, 1));
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect([here.saved.length, told, here.sink.text]).toEqual([1, [], "0\n1\n"]);
    gate.resolve();
    await here.committer.until(1);
    expect(told).toHaveLength(1);
  });

  test("the counts do not add up when a batch is acknowledged and not written", async () => {
    const honest = world();
    const lossy = world({ dropSeq: 1 });
    for (const here of [honest, lossy]) {
      for (const seq of [0, 1, 2]) here.committer.add(arrival(here, seq));
      await here.committer.until(2);
    }
    expect(honest.counts.faults()).toEqual([]);
    expect(lossy.counts.faults()).toEqual(["one let 3 out, the sink took 2"]);
  });
});
