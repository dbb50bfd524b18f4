/** Where a run stands, in a shared state: together or not at all, whatever its size, and nothing written twice. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { DEPOSED } from "../../../../../src/base/kept-state.ts";
import {
  type Checkpoint,
  KeptCheckpoints,
  STATES_BYTES_MAX,
} from "../../../../../src/work/pipeline/checkpoint/index.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";

const checkpoint: Checkpoint = {
  run: "r1",
  startedMs: 5,
  fingerprint: "f",
  finished: false,
  seq: 7,
  ahead: ["a@9"],
  source: { offset: 3 },
  sink: { bytes: 4 },
  deadLetters: null,
  counts: { written: 2 },
  states: new Map([["agg/one", Uint8Array.of(1, 2, 3)]]),
};

const MIB = 2 ** 20;

function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) % 251);
}

function valuesWritten(kept: MemoryKept): readonly string[] {
  return kept.writes.flat().flatMap((change) => ("value" in change ? [change.key] : []));
}

describe("KeptCheckpoints", () => {
  test("load() gives what save() was given when another life asks", async () => {
    const kept = new MemoryKept();
    const first = new KeptCheckpoints(kept);
    await first.save({ ...checkpoint, seq: 1 });
    await first.save(checkpoint);
    const second = new KeptCheckpoints(new MemoryKept(kept.values));
    expect(second.load()).toEqual(checkpoint);
    await second.clear();
    expect(second.load()).toBeUndefined();
    expect(kept.values.size).toBe(0);
  });

  test("save() writes a state again only when it is another one, also after a restart", async () => {
    const kept = new MemoryKept();
    const states = new Map([["a", bytesOf(100, 1)], ["b", bytesOf(MIB, 2)]]); // biome-ignore format: short
    await new KeptCheckpoints(kept).save({ ...checkpoint, states });
    const next = new KeptCheckpoints(kept);
    next.load();
    kept.writes.length = 0;
    await next.save({ ...checkpoint, seq: 8, states });
    expect(valuesWritten(kept)).toEqual(["body"]);
    kept.writes.length = 0;
    await next.save({ ...checkpoint, seq: 9, states: new Map([...states, ["a", bytesOf(100, 3)]]) });
    expect(valuesWritten(kept)).toEqual(["body", "state/a"]);
    expect(kept.writes).toHaveLength(1);
  });

  test("a save that is cut off anywhere leaves the one before, and the next save leaves nothing of it", async () => {
    const old = { ...checkpoint, states: new Map([["a", bytesOf(4 * MIB, 1)], ["gone", bytesOf(9, 9)]]) }; // biome-ignore format: short
    const next = { ...checkpoint, seq: 8, states: new Map([["a", bytesOf(5 * MIB, 2)]]) };
    const { length: all } = (await written(old, next, Number.POSITIVE_INFINITY)).writes;
    expect(all).toBeGreaterThan(2);
    for (let made = 0; made < all - 1; made++) {
      const kept = await written(old, next, made);
      const again = new KeptCheckpoints(new MemoryKept(kept.values));
      expect([7, 8]).toContain(again.load()!.seq);
      const { seq } = again.load()!;
      expect(again.load()).toEqual(seq === 7 ? old : next);
      await again.save(next);
      expect(new KeptCheckpoints(kept).load()).toEqual(next);
      expect([...kept.values.keys()].filter((key) => key.startsWith("pieces/"))).toHaveLength(5);
    }
  });

  test("save() fails so that it may pass, and as it is when another master leads", async () => {
    const kept = new MemoryKept();
    const store = new KeptCheckpoints(kept);
    kept.fill();
    const failure = { code: "checkpoint.write_failed", retryable: true };
    await expect(store.save(checkpoint)).rejects.toMatchObject(failure);
    kept.refuse(undefined);
    await store.save(checkpoint);
    kept.depose();
    await expect(store.save({ ...checkpoint, seq: 8 })).rejects.toMatchObject({ code: DEPOSED, retryable: false });
    expect(store.load()?.seq).toBe(7);
  });

  test("save() keeps no states of a run that is finished", async () => {
    const kept = new MemoryKept();
    const store = new KeptCheckpoints(kept);
    await store.save({ ...checkpoint, states: new Map([["a", bytesOf(MIB, 1)]]) });
    await store.save({ ...checkpoint, finished: true, states: new Map([["a", bytesOf(MIB, 1)]]) });
    expect([...kept.values.keys()]).toEqual(["body"]);
    expect(store.load()).toEqual({ ...checkpoint, finished: true, states: new Map() });
  });

  test("save() writes every state again when nobody knows what was written", async () => {
    const kept = new MemoryKept();
    const store = new KeptCheckpoints(kept);
    await store.save(checkpoint);
    kept.refuse(new Failure("consensus.timeout", "no answer", { retryable: true }), true);
    const other = { ...checkpoint, seq: 8, states: new Map([["agg/one", Uint8Array.of(9)]]) };
    await store.save(other).catch(() => {});
    kept.refuse(undefined);
    await store.save({ ...checkpoint, seq: 9 });
    expect(store.load()).toEqual({ ...checkpoint, seq: 9 });
  });

  test("save() refuses states that are too large for a group", async () => {
    const states = new Map([["a", new Uint8Array(STATES_BYTES_MAX + 1)]]);
    const kept = new MemoryKept();
    await expect(new KeptCheckpoints(kept).save({ ...checkpoint, states })).rejects.toMatchObject({
      code: "checkpoint.too_large",
    });
    expect(kept.writes).toEqual([]);
  });

  test("load() refuses when it has another version", async () => {
    const kept = new MemoryKept();
    const store = new KeptCheckpoints(kept);
    await store.save(checkpoint);
    const text = new TextDecoder().decode(kept.values.get("body")!).replace('"version":2', '"version":9');
    kept.values.set("body", new TextEncoder().encode(text));
    expect(() => store.load()).toThrow(expect.objectContaining({ code: "checkpoint.version" }));
  });

  test("load() is what was saved last for any states and any sizes", async () => {
    const state = fc.tuple(fc.constantFrom("a", "b", "c/d", "é"), fc.constantFrom(0, 1, 8191, 8192, MIB, 2 * MIB + 1));
    const states = fc.array(fc.tuple(state, fc.nat(250)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(states, { minLength: 1, maxLength: 4 }), async (saves) => {
        const kept = new MemoryKept();
        let store = new KeptCheckpoints(kept);
        for (const [seq, entries] of saves.entries()) {
          const next = new Map(entries.map(([[name, length], seed]) => [name, bytesOf(length, seed)]));
          await store.save({ ...checkpoint, seq, states: next });
          if (seq % 2) store = new KeptCheckpoints(kept);
          const { seq: found, states: loaded } = store.load()!;
          expect(found).toBe(seq);
          expect(new Map([...loaded].map(([name, bytes]) => [name, Bun.hash(bytes)]))).toEqual(
            new Map([...next].map(([name, bytes]) => [name, Bun.hash(bytes)])),
          );
        }
      }),
      { numRuns: 15 },
    );
  });
});

/** The state after `old` and the first so many writes of `next`. */
async function written(old: Checkpoint, next: Checkpoint, most: number): Promise<MemoryKept> {
  const kept = new MemoryKept();
  const store = new KeptCheckpoints(kept);
  await store.save(old);
  kept.writes.length = 0;
  const write = kept.write.bind(kept);
  kept.write = async (changes) => {
    if (kept.writes.length >= most) throw new Failure("consensus.gone", "killed", { retryable: true });
    await write(changes);
  };
  await store.save(next).catch(() => {});
  kept.write = write;
  return kept;
}
