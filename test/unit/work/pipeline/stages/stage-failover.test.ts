/** FAILOVER where there is another node: the batch is given back whole, and who gets it decides about its records. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { FAILED_OVER } from "../../../../../src/work/pipeline/stages/index.ts";
import type { Policy } from "../../../../../src/work/pipeline/stages/types.ts";
import { planOf, ScriptedStage } from "./scripted-stage.ts";

const poison = (rows: readonly number[]): string | undefined => (rows.includes(2) ? "bad record" : undefined);
const OTHERS: readonly Policy[] = ["DEAD_LETTER", "SKIP_AND_CONTINUE", "FALLBACK", "RETRY_WITH_BACKOFF"];
const fallback = async () => new Failure("f", "it failed too");

describe("Stage with FAILOVER", () => {
  test("process() gives a batch back after its last try, with no search, when there is another node", async () => {
    const stage = new ScriptedStage({ plan: { policy: "FAILOVER", maxRetries: 2 }, plugin: poison });
    await expect(stage.put({ failsOver: true })).rejects.toMatchObject({
      code: FAILED_OVER,
      message: "stage stage: batch b0: bad record",
      data: { stage: "stage" },
    });
    expect(stage.asked.map(({ probe, rows }) => [probe, rows.length])).toEqual([
      [false, 4],
      [false, 4],
      [false, 4],
    ]);
    expect([stage.letters, stage.stage.inFlight, stage.stage.rows]).toEqual([[], 0, 0]);
  });

  test("process() decides about the records itself when there is no other node", async () => {
    for (const failsOver of [false, undefined]) {
      const stage = new ScriptedStage({ plan: { policy: "FAILOVER" }, plugin: poison });
      expect(await stage.put(failsOver === undefined ? {} : { failsOver })).toMatchObject({ in: 4, out: 3 });
      expect(stage.letters.map(({ row }) => row)).toEqual([2]);
    }
  });

  test("process() gives nothing back under any other policy", async () => {
    for (const policy of OTHERS) {
      const stage = new ScriptedStage({ plan: { policy }, plugin: poison, fallback });
      expect(await stage.put({ failsOver: true })).toMatchObject({ in: 4, out: 3 });
    }
    const fast = new ScriptedStage({ plan: { policy: "FAIL_FAST" }, plugin: poison });
    await expect(fast.put({ failsOver: true })).rejects.toMatchObject({ code: "pipeline.failed" });
  });

  test("process() keeps a batch where order counts", async () => {
    const stage = new ScriptedStage({ plan: { policy: "FAILOVER", sequential: true }, plugin: poison });
    expect(await stage.put({ failsOver: true })).toMatchObject({ in: 4, out: 3, deadLettered: 1 });
  });

  test("process() gives batches back unasked while the breaker is open", async () => {
    const stage = new ScriptedStage({ plan: planOf("FAILOVER"), plugin: () => "down" });
    await expect(stage.put({ failsOver: true })).rejects.toMatchObject({ code: FAILED_OVER });
    const asked = stage.asked.length;
    await expect(stage.put({ failsOver: true })).rejects.toMatchObject({ code: FAILED_OVER });
    expect(stage.asked).toHaveLength(asked);
    expect(stage.stage.breaker?.state).toBe("open");
  });
});
