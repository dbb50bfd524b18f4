import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../../../src/base/errors.ts";
import { CrashLoop } from "../../../../../src/work/pipeline/stages/crash-loop.ts";
import { NO_SLOT } from "../../../../../src/work/pipeline/stages/edge.ts";
import type { FailureCause, Outcome } from "../../../../../src/work/pipeline/stages/types.ts";

const COUNTS = { total: 1, malformed: 0, in: 1, out: 1, filtered: 0, rejected: 0, added: 0 };
const PASSED: Outcome = { kind: "done", slot: NO_SLOT, sizes: [0, 0, 0], counts: COUNTS };
const failed = (cause: FailureCause): Outcome => {
  return { kind: "failed", cause, code: `plugin.${cause}`, reason: "the plugin's process exited with code 3" };
};

function loop(maxRestarts: number) {
  const failures: Failure[] = [];
  const crashes = new CrashLoop("s", maxRestarts, (failure) => failures.push(failure));
  const judge = (times: number, outcome: Outcome): void => {
    for (let time = 0; time < times; time++) crashes.judged(outcome);
  };
  return { failures, judge };
}

describe("CrashLoop", () => {
  test("judged() gives up when nothing passed between more crashes than restarts are allowed", () => {
    const { failures, judge } = loop(100);
    judge(100, failed("crash"));
    expect(failures).toEqual([]);
    judge(1, failed("crash"));
    expect(failures.map(({ code, message }) => [code, message])).toEqual([
      [
        "pipeline.crash_loop",
        "stage s: its process ended 101 times in a row and nothing passed between; the last time it exited with code 3",
      ],
    ]);
  });

  test("judged() begins anew when something passed, and leaves a search its processes when few restarts are allowed", () => {
    const { failures, judge } = loop(0);
    for (let record = 0; record < 10; record++) {
      judge(60, failed("crash"));
      judge(1, PASSED);
    }
    expect(failures).toEqual([]);
    judge(61, failed("crash"));
    expect(failures).toHaveLength(1);
  });

  test("judged() does not count errors and time-outs", () => {
    const { failures, judge } = loop(0);
    judge(100, failed("error"));
    judge(100, failed("timeout"));
    expect(failures).toEqual([]);
  });
});
