import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { addCounts, emptyCounts, type Policy } from "../../../../../src/work/pipeline/stages/types.ts";
import { planOf, ScriptedStage } from "./scripted-stage.ts";

const REASON = "the circuit breaker is open (last failure: down)";
const down = (): string => "down";
const up = (): undefined => undefined;

/** Batches one after the other. */
async function putAll(stage: ScriptedStage, count: number) {
  const sum = emptyCounts();
  for (let batch = 0; batch < count; batch++) addCounts(sum, await stage.put());
  return sum;
}

describe("Stage with a circuit breaker", () => {
  const FATES = {
    DEAD_LETTER: { deadLettered: 20, skipped: 0, out: 0 },
    RETRY_WITH_BACKOFF: { deadLettered: 20, skipped: 0, out: 0 },
    FAILOVER: { deadLettered: 20, skipped: 0, out: 0 },
    SKIP_AND_CONTINUE: { deadLettered: 0, skipped: 20, out: 0 },
    FALLBACK: { deadLettered: 10, skipped: 0, out: 10 },
  } as const;
  for (const policy of Object.keys(FATES) as (keyof typeof FATES)[]) {
    test(`process() has ${policy} take effect at once when the breaker is open`, async () => {
      const fallback = async (_item: unknown, row: number) =>
        row % 2 === 0 ? { ndjson: "{}\n", records: 1 } : new Failure("f", "it failed too");
      const stage = new ScriptedStage({ plan: planOf(policy, { maxRetries: 9 }), plugin: down, fallback });
      expect(await putAll(stage, 5)).toMatchObject({ in: 20, filtered: 0, added: 0, ...FATES[policy] });
      expect(stage.asked.map(({ seq }) => seq)).toEqual([0, 0]); // no further retry, no search, no other batch
      expect(stage.letters).toHaveLength(FATES[policy].deadLettered);
      expect(new Set(stage.letters.map(({ reason }) => reason.slice(0, REASON.length)))).toEqual(
        new Set(stage.letters.length > 0 ? [REASON] : []),
      );
      expect(stage.letters.map(({ attempts }) => attempts)).toEqual(
        stage.letters.map((_, at) => (at < FATES[policy].deadLettered / 5 ? 2 : 0)),
      );
      expect(stage.stage.breaker).toEqual({ state: "open", opened: 1 });
      expect(stage.states).toEqual(["open"]);
    });
  }

  test("process() stops the pipeline when the breaker is open and the policy is FAIL_FAST", async () => {
    const stage = new ScriptedStage({ plan: planOf("FAIL_FAST"), plugin: down });
    await expect(stage.put()).rejects.toThrow(`stage stage: batch b0: ${REASON}`);
    await expect(stage.put()).rejects.toThrow(`stage stage: batch b1: ${REASON}`);
    expect(stage.asked).toHaveLength(2);
  });

  test("process() neither waits, retries nor searches when the last try opens the breaker", async () => {
    const stage = new ScriptedStage({ plan: planOf("DEAD_LETTER", { maxRetries: 1 }), plugin: down });
    await putAll(stage, 3);
    expect([stage.asked.length, stage.judged, stage.waits, stage.stage.retries]).toEqual([2, 2, 1, 1]);
    expect(stage.letters.map(({ attempts }) => attempts)).toEqual([2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("process() asks the plugin as ever when there is no breaker", async () => {
    const stage = new ScriptedStage({ plan: { policy: "SKIP_AND_CONTINUE" }, plugin: down });
    expect(await putAll(stage, 3)).toMatchObject({ in: 12, skipped: 12 });
    expect(new Set(stage.asked.map(({ seq }) => seq))).toEqual(new Set([0, 1, 2]));
    expect(stage.stage.breaker).toBeUndefined();
  });

  test("process() lets one batch through as the probe when the breaker is half-open, and all when that passes", async () => {
    const stage = new ScriptedStage({ plan: planOf("SKIP_AND_CONTINUE"), plugin: down, lanes: 4 });
    await putAll(stage, 2);
    stage.clock.advance(999);
    expect(await stage.put()).toMatchObject({ skipped: 4 });
    stage.clock.advance(1);
    stage.plugin = up;
    stage.asked.length = 0;
    const together = await Promise.all([stage.put(), stage.put(), stage.put()]);
    expect(together.map(({ skipped }) => skipped)).toEqual([0, 4, 4]);
    expect(stage.asked.map(({ seq }) => seq)).toEqual([3]);
    expect(await putAll(stage, 2)).toMatchObject({ out: 8, skipped: 0 });
    expect(stage.states).toEqual(["open", "half_open", "closed"]);
  });

  test("process() opens again for the full time when the probe fails", async () => {
    const stage = new ScriptedStage({ plan: planOf("SKIP_AND_CONTINUE", { maxRetries: 9 }), plugin: down });
    await putAll(stage, 1);
    stage.clock.advance(1000);
    expect(await putAll(stage, 3)).toMatchObject({ skipped: 12 });
    expect(stage.asked.map(({ seq }) => seq)).toEqual([0, 0, 1]);
    expect(stage.asked.map(({ crashExpected }) => crashExpected)).toEqual([false, true, true]);
    expect(stage.stage.breaker).toEqual({ state: "open", opened: 2 });
  });

  test("process() gives the probe's place back when its batch was never tried", async () => {
    const stage = new ScriptedStage({ plan: planOf("SKIP_AND_CONTINUE"), plugin: down });
    await putAll(stage, 1);
    stage.clock.advance(1000);
    let tries = 0;
    stage.plugin = () => (tries++ < 3 ? "requeue" : undefined);
    expect(await stage.put()).toMatchObject({ out: 4, skipped: 0 });
    expect(stage.stage.breaker?.state).toBe("closed");
  });

  test("process() does not open the breaker over one bad record when the threshold is above the tries of a batch", async () => {
    const breaker = { failureThreshold: 3, successThreshold: 1, halfOpenAfterMs: 1000 };
    const plugin = (rows: readonly number[]) => (rows.includes(0) ? "bad record" : undefined);
    const stage = new ScriptedStage({ plan: planOf("DEAD_LETTER", { breaker }), plugin, rows: 64 });
    expect(await putAll(stage, 10)).toMatchObject({ in: 640, out: 630, deadLettered: 10 });
    expect(stage.states).toEqual([]);
  });

  test("process() opens the breaker when the search convicts record after record", async () => {
    const breaker = { failureThreshold: 5, successThreshold: 1, halfOpenAfterMs: 1000 };
    const stage = new ScriptedStage({ plan: planOf("DEAD_LETTER", { breaker }), plugin: down, rows: 1024 });
    expect(await stage.put()).toMatchObject({ in: 1024, deadLettered: 1024 });
    expect(stage.letters.slice(0, 5).map(({ row, reason }) => [row, reason])).toEqual(
      [0, 1, 2, 3, 4].map((row) => [row, "down"]),
    );
    expect(stage.letters.slice(5).every(({ reason }) => reason === REASON)).toBe(true);
    expect(stage.asked.length).toBeLessThan(40);
  });

  test("process() ends a search under way when other batches open the breaker", async () => {
    const stage = new ScriptedStage({
      plan: planOf("SKIP_AND_CONTINUE", { maxRetries: 0 }),
      plugin: down,
      rows: 512,
      lanes: 2,
    });
    const counts = await Promise.all([stage.put(), stage.put(), stage.put()]);
    expect(counts.map(({ skipped }) => skipped)).toEqual([512, 512, 512]);
    expect(stage.asked.length).toBeLessThan(8);
  });

  test("process() asks the plugin to finish when the breaker is open, and stops when that fails", async () => {
    const stage = new ScriptedStage({ plan: planOf("DEAD_LETTER"), plugin: down });
    await putAll(stage, 2);
    await expect(stage.put({ finish: true })).rejects.toThrow("batch b2: down");
    stage.plugin = up;
    expect(await stage.put({ finish: true })).toMatchObject({ in: 0, out: 0 });
    expect(stage.asked.at(-1)).toMatchObject({ seq: 3, rows: [] });
  });

  test("process() moves an empty batch on when the breaker is open, and takes it for no sign of health", async () => {
    const stage = new ScriptedStage({ plan: planOf("DEAD_LETTER"), plugin: down });
    await putAll(stage, 1);
    expect(await stage.put({ rows: 0 })).toMatchObject({ in: 0 });
    stage.clock.advance(1000);
    expect(await stage.put({ rows: 0 })).toMatchObject({ in: 0 });
    expect(stage.stage.breaker?.state).toBe("half_open");
  });

  test("process() keeps the order when a sequential stage passes batches by", async () => {
    const stage = new ScriptedStage({ plan: planOf("SKIP_AND_CONTINUE", { sequential: true }), plugin: down });
    await Promise.all(Array.from({ length: 6 }, () => stage.put()));
    expect(stage.finished).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("process() neither replays nor replaces a process with state when the plugin was not asked", async () => {
    const plan = planOf("DEAD_LETTER", { sequential: true, stateful: true });
    const stage = new ScriptedStage({ plan, plugin: down });
    await stage.put();
    const before = stage.recycled.length;
    await putAll(stage, 3);
    expect(stage.recycled.length).toBe(before);
    expect(stage.replayed).toEqual([]);
    stage.clock.advance(1000);
    stage.plugin = up;
    await putAll(stage, 2);
    expect(stage.replayed).toHaveLength(2);
  });

  test("process() asks the new plugin when another one has taken over while the breaker was open", async () => {
    const stage = new ScriptedStage({ plan: planOf("SKIP_AND_CONTINUE"), plugin: down });
    await putAll(stage, 2);
    stage.plan = { ...stage.plan, revision: "2" };
    stage.plugin = up;
    expect(await stage.put()).toMatchObject({ out: 4, skipped: 0 });
    expect(stage.states).toEqual(["open", "closed"]);
    expect(stage.stage.breaker).toEqual({ state: "closed", opened: 1 });
  });

  test("process() accounts for every record whatever fails when", async () => {
    const states = new Set<string>();
    const policies = fc.constantFrom<Policy[]>("DEAD_LETTER", "SKIP_AND_CONTINUE", "FALLBACK", "FAILOVER");
    const given = fc.record({
      policy: policies,
      sequential: fc.boolean(),
      lanes: fc.integer({ min: 1, max: 3 }),
      maxRetries: fc.integer({ min: 0, max: 2 }),
      failureThreshold: fc.integer({ min: 1, max: 6 }),
      successThreshold: fc.integer({ min: 1, max: 2 }),
      fate: fc.infiniteStream(fc.constantFrom("ok", "ok", "fail", "fail", "poison", "requeue")),
      groups: fc.array(fc.record({ batches: fc.integer({ min: 1, max: 4 }), passMs: fc.constantFrom(0, 400, 1000) }), {
        maxLength: 8,
      }),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ fate, groups, lanes, policy, sequential, ...rest }) => {
        const { failureThreshold, maxRetries, successThreshold } = rest;
        const breaker = { failureThreshold, successThreshold, halfOpenAfterMs: 1000 };
        const plugin = (rows: readonly number[]) => {
          const next = fate.next().value;
          if (next === "requeue") return next;
          return next === "fail" || (next === "poison" && rows.includes(1)) ? "down" : undefined;
        };
        const fallback = async (_item: unknown, row: number) =>
          row % 2 === 0 ? { ndjson: "{}\n", records: 1 } : new Failure("f", "it failed too");
        const stage = new ScriptedStage({
          plan: planOf(policy, { breaker, maxRetries, sequential }),
          lanes: sequential ? 1 : lanes,
          plugin,
          fallback,
        });
        const sum = emptyCounts();
        let batches = 0;
        for (const group of groups) {
          stage.clock.advance(group.passMs);
          batches += group.batches;
          for (const counts of await Promise.all(Array.from({ length: group.batches }, () => stage.put())))
            addCounts(sum, counts);
        }
        expect(sum.in).toBe(batches * 4);
        expect(sum.in + sum.added).toBe(sum.out + sum.filtered + sum.deadLettered + sum.skipped);
        expect(stage.letters).toHaveLength(sum.deadLettered);
        if (sequential) expect(stage.finished).toEqual(Array.from({ length: batches }, (_, seq) => seq));
        for (const state of stage.states) states.add(state);
      }),
      { numRuns: 300 },
    );
    expect([...states].sort()).toEqual(["closed", "half_open", "open"]);
  });
});
