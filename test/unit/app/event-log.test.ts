import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEventLog } from "../../../src/app/event-log.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { Failure } from "../../../src/base/errors.ts";

const place = mkdtempSync(join(tmpdir(), "event-log-"));
afterAll(() => rmSync(place, { recursive: true }));

/** Starts at 1,000 ms of its own; the wall clock shows 50,000 more. */
function clockThatTicks(stepMs: number): Clock {
  let ms = 1000 - stepMs;
  const monotonic = (): number => {
    ms += stepMs;
    return ms;
  };
  const after = (): never => {
    throw new Error("no timers here");
  };
  return { monotonic, now: () => 50_000 + ms, after };
}

describe("openEventLog()", () => {
  test("openEventLog() writes a line at once when something happens", () => {
    const path = join(place, "events.ndjson");
    const write = openEventLog(path, clockThatTicks(2.5));
    write("parse", { event: "host_ready", lane: 0, pid: 7 });
    write("parse", { event: "batch_done", lane: 0, pid: 7, batch: "in@0", rows: 3 });
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: 51_002.5, ms: 2.5, stage: "parse", event: "host_ready", lane: 0, pid: 7 },
      { time: 51_005, ms: 5, stage: "parse", event: "batch_done", lane: 0, pid: 7, batch: "in@0", rows: 3 },
    ]);
  });

  test("openEventLog() keeps what is in the file when it is opened again", () => {
    const path = join(place, "twice.ndjson");
    writeFileSync(path, "before\n");
    openEventLog(path, clockThatTicks(1))("s", { event: "host_ready", lane: 0, pid: 1 });
    expect(readFileSync(path, "utf8")).toStartWith('before\n{"time":');
  });

  test("openEventLog() fails with its own code when the file cannot be opened", () => {
    let thrown: unknown;
    try {
      openEventLog(join(place, "no", "such", "folder"), clockThatTicks(1));
    } catch (failure) {
      thrown = failure;
    }
    expect(thrown).toBeInstanceOf(Failure);
    expect((thrown as Failure).code).toBe("events.cannot_open");
  });
});
