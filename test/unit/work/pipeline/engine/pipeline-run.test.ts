/** A run against an executor and ends that are held by the test: what is committed when, and how a run ends. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Checkpoint } from "../../../../../src/work/pipeline/checkpoint/index.ts";
import { RunRig, settingsOf, settle } from "./run-rig.ts";

const INTERVAL_MS = 500;

const offsetsOf = (saved: readonly Checkpoint[]): unknown[] =>
  saved.map(({ source }) => (source as { offset: number } | undefined)?.offset);

describe("PipelineRun", () => {
  test("run() cuts, commits in order and finishes, in whatever order batches come through", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    for (const text of ["a", "b", "c", undefined]) rig.source.give(text);
    await settle();
    rig.executor.pass(2, 0, 1);
    await settle();
    expect(rig.sink.written).toEqual(["x@1", "x@2", "x@3"]);
    rig.executor.passAll();
    expect(await ended).toEqual({ how: "ended" });
    expect(rig.saved.at(-1)).toMatchObject({ finished: true, seq: 4, source: { offset: 3 } });
    expect(rig.executor.said).toEqual(["start", "stop", "close", "release"]);
    expect([rig.run.counts.faults(), rig.executor.lent, rig.source.closed]).toEqual([[], 0, true]);
  });

  test("run() stores a checkpoint when the source gives nothing for a while, once", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    for (const text of ["a", "b"]) rig.source.give(text);
    await settle();
    expect(rig.saved).toEqual([]);
    rig.clock.advance(INTERVAL_MS);
    await settle();
    expect(offsetsOf(rig.saved)).toEqual([2]);
    expect(rig.source.committedAt).toEqual([2]);
    rig.clock.advance(100 * INTERVAL_MS);
    await settle();
    expect(rig.saved).toHaveLength(1);
    rig.source.give("c");
    await settle();
    rig.clock.advance(INTERVAL_MS);
    await settle();
    expect(offsetsOf(rig.saved).at(-1)).toBe(3);
    rig.source.give();
    expect(await ended).toEqual({ how: "ended" });
    expect(rig.run.counts.faults()).toEqual([]);
  });

  test("run() stores no checkpoint for a source that has given nothing at all", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    rig.clock.advance(100 * INTERVAL_MS);
    await settle();
    expect(rig.saved).toEqual([]);
    rig.source.give();
    await ended;
    expect(rig.saved).toHaveLength(1);
  });

  test("run() does not store a position whose batches are still under way when the source is idle", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    for (const text of ["a", "b"]) rig.source.give(text);
    await settle();
    rig.clock.advance(INTERVAL_MS);
    await settle();
    rig.executor.pass(1, 2);
    await settle();
    expect([rig.saved, rig.source.committedAt]).toEqual([[], []]);
    rig.executor.pass(0);
    await settle();
    expect(offsetsOf(rig.saved)).toEqual([2]);
    rig.executor.isBrisk = true;
    rig.source.give();
    await ended;
  });

  test("run() tells the source of a position only when it is stored", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    const seen: (readonly [number, number])[] = [];
    rig.source.committedAt.push = (offset) => seen.push([offset, rig.saved.length]);
    rig.source.give("a");
    await settle();
    rig.clock.advance(INTERVAL_MS);
    await settle();
    rig.source.give();
    await ended;
    expect(seen).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  test("run() has no more batches under way than it says, however fast the source is", async () => {
    const rig = new RunRig({ settings: settingsOf({ in_flight: 4 }) });
    const [ended] = await rig.started();
    for (let batch = 0; batch < 20; batch++) rig.source.give("x");
    rig.source.give();
    await settle();
    expect([rig.executor.held.size, rig.executor.options.inFlight]).toEqual([4, 4]);
    while (rig.executor.held.size > 0) {
      rig.executor.passAll();
      await settle();
      expect(rig.executor.held.size).toBeLessThanOrEqual(4);
    }
    await ended;
    expect(rig.sink.written).toHaveLength(20);
    expect(rig.executor.mostLent).toBeLessThanOrEqual(4 + 1); // and the one that is being read into
  });

  test("run() has no more batches under way after checkpoints of an idle source", async () => {
    const rig = new RunRig({ settings: settingsOf({ in_flight: 4 }) });
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    for (let idle = 0; idle < 3; idle++) {
      rig.source.give("x");
      await settle();
      rig.clock.advance(INTERVAL_MS - 1);
      rig.source.give("x"); // not yet a barrier, and the next one is late
      await settle();
      rig.clock.advance(INTERVAL_MS);
      await settle();
    }
    expect(rig.saved.length).toBeGreaterThanOrEqual(3);
    rig.executor.isBrisk = false;
    for (let batch = 0; batch < 20; batch++) rig.source.give("x");
    rig.source.give();
    await settle();
    expect(rig.executor.held.size).toBe(4);
    expect(rig.clock.timers).toBe(0); // nobody reads
    rig.executor.isBrisk = true;
    rig.executor.passAll();
    await ended;
  });

  test("stop() before the stages run leaves every output as it was", async () => {
    const rig = new RunRig();
    const ended = rig.run.run();
    await settle();
    expect(rig.executor.said).toEqual(["start"]);
    rig.run.stop();
    expect(await ended).toEqual({ how: "stopped" });
    expect([rig.sink.said, rig.deadLetters.said]).toEqual([["abort"], ["abort"]]);
    expect(rig.executor.said).toEqual(["start", "resume", "refuseAll", "close", "release"]);
    expect([rig.saved, rig.source.closed]).toEqual([[], true]);
  });

  test("stop() ends what is under way and leaves the rest, also when the source gives nothing", async () => {
    const rig = new RunRig();
    const [ended] = await rig.started();
    for (const text of ["a", "b"]) rig.source.give(text);
    await settle();
    rig.run.stop();
    await settle();
    rig.executor.passAll();
    await settle();
    rig.executor.passAll();
    expect(await ended).toEqual({ how: "stopped" });
    expect(rig.saved.at(-1)).toMatchObject({ finished: false, source: { offset: 2 } });
    expect(rig.sink.written).toEqual(["x@1", "x@2"]);
  });

  test("run() fails with why the stages cannot start, and touches no output", async () => {
    const rig = new RunRig();
    const ended = rig.run.run();
    const refused = new Failure("plugin.refused", "no licence");
    rig.executor.started.reject(refused);
    await expect(ended).rejects.toBe(refused);
    expect(rig.sink.said).toEqual(["abort"]);
    expect(rig.executor.said.slice(-2)).toEqual(["close", "release"]);
  });

  for (const [what, strike] of [
    ["a batch cannot go on", (rig: RunRig, reason: Failure) => rig.executor.held.get(0)!.fail(reason)],
    ["the stages cannot go on", (rig: RunRig, reason: Failure) => rig.executor.options.failed(reason)],
  ] as const) {
    test(`run() gives up, and commits nothing more, when ${what}`, async () => {
      const rig = new RunRig();
      const [ended] = await rig.started();
      for (const text of ["a", "b"]) rig.source.give(text);
      await settle();
      const reason = new Failure("run.rewind", "its owner is gone", { retryable: true });
      strike(rig, reason);
      await expect(ended).rejects.toBe(reason);
      expect(rig.executor.options.signal.aborted).toBe(true);
      expect(rig.executor.said).toEqual(["start", "refuseAll", "close", "release"]);
      expect([rig.saved, rig.sink.written, rig.sink.said]).toEqual([[], [], ["open", "abort"]]);
    });
  }

  test("run() passes over what the run before had written ahead, and goes on counting there", async () => {
    const before = new RunRig({ ordered: false });
    const [first] = await before.started();
    for (const text of ["a", "b", "c"]) before.source.give(text);
    await settle();
    before.executor.pass(1);
    before.executor.pass(0);
    await settle();
    before.clock.advance(INTERVAL_MS);
    await settle();
    before.executor.passAll();
    before.source.give();
    await settle();
    before.executor.passAll();
    await first;
    const resume = { ...before.saved[0]!, seq: 0, source: undefined, ahead: ["x@2"], finished: false };
    const rig = new RunRig({ ordered: false, resume });
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    for (const text of ["a", "b", "c", undefined]) rig.source.give(text);
    await ended;
    expect(rig.sink.written).toEqual(["x@1", "x@3"]);
    expect(rig.saved.at(-1)).toMatchObject({ seq: 4, ahead: [], source: { offset: 3 } });
  });

  test("progress() and tree() are there before and after the run", async () => {
    const rig = new RunRig();
    expect(rig.run.progress()).toMatchObject({ readBytes: 0, stages: [] });
    const [ended] = await rig.started();
    rig.executor.isBrisk = true;
    rig.source.give("a");
    rig.source.give();
    await ended;
    expect([rig.run.progress().readBytes, rig.run.tree().name]).toEqual([1, "p"]);
  });
});
