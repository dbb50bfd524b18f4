import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { KeptReport } from "../../../../src/app/report/keep-report.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { KeptReports, type ReportBuilder, ReportStore } from "../../../../src/work/report/index.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Rig implements Disposable {
  readonly path = join(mkdtempSync(join(tmpdir(), "kept-report-")), "state", "reports.db");
  readonly clock = new SteppedClock();
  readonly warnings: string[] = [];

  keep(run: string, refresh: (builder: ReportBuilder) => void = () => {}, isOwn = false): KeptReport {
    const subject = { kind: "pipeline", name: "orders", run } as const;
    const { clock, path, warnings } = this;
    return new KeptReport({
      open: () => ReportStore.open(path),
      subject,
      isOwn,
      clock,
      random: seededRandom(warnings.length),
      refresh,
      warn: (text) => warnings.push(text),
    });
  }

  stored(id: string) {
    const store = ReportStore.openExisting(this.path);
    try {
      return store?.get(id);
    } finally {
      store?.close();
    }
  }

  [Symbol.dispose](): void {
    rmSync(dirname(dirname(this.path)), { recursive: true, force: true });
  }
}

describe("KeptReport", () => {
  test("KeptReport is on disk from its beginning, again each second, and at its end", () => {
    using rig = new Rig();
    let written = 0;
    const kept = rig.keep("r1", (builder) => builder.setBytes({ in: written, out: 0 }));
    expect(rig.stored(kept.id)).toMatchObject({ state: "running", bytes: { in: 0 } });
    written = 5;
    kept.builder.observe({ type: "hedge" });
    rig.clock.advance(999);
    expect(rig.stored(kept.id)?.events.hedges).toBe(0);
    rig.clock.advance(1);
    expect(rig.stored(kept.id)).toMatchObject({ bytes: { in: 5 }, events: { hedges: 1 }, activeMs: 1000 });
    rig.clock.advance(1200);
    expect(kept.view()).toMatchObject({ activeMs: 2200, state: "running" });
    expect(kept.end("ended")).toMatchObject({ state: "ended", endedMs: 2200 });
    expect(rig.stored(kept.id)).toMatchObject({ state: "ended", activeMs: 2200 });
    expect(rig.clock.timers).toBe(0);
    expect(rig.warnings).toEqual([]);
  });

  test("KeptReport goes on in the stored one when the run does, and begins another for another run", () => {
    using rig = new Rig();
    const first = rig.keep("r1");
    first.builder.observe({ type: "retry", count: 3 });
    rig.clock.advance(1000);
    const again = rig.keep("r1"); // the first one was killed
    const other = rig.keep("r2");
    again.builder.observe({ type: "retry" });
    expect(again.id).toBe(first.id);
    expect(other.id).not.toBe(first.id);
    expect(again.end("ended").events).toMatchObject({ retries: 4, masterRestarts: 1 });
    expect(other.end("ended").events).toMatchObject({ retries: 0, masterRestarts: 0 });
  });

  test("KeptReport warns once and goes on when nothing can be stored", () => {
    using rig = new Rig();
    mkdirSync(dirname(rig.path), { recursive: true });
    writeFileSync(rig.path, "no database, and long enough that this is seen at once ".repeat(20));
    const kept = rig.keep("r1");
    rig.clock.advance(5_000);
    kept.builder.observe({ type: "hedge" });
    expect(kept.end("stopped")).toMatchObject({ state: "stopped", events: { hedges: 1 } });
    expect(rig.warnings).toHaveLength(1);
    expect(rig.warnings[0]).toContain("the report is not stored: cannot use the reports in");
  });

  test("KeptReport counts a restart when another process has left it, and none when it goes on in its own", () => {
    using rig = new Rig();
    const nothing = (): void => {};
    rig.keep("r1").leave();
    const own = rig.keep("r1", nothing, true);
    own.leave();
    expect(rig.stored(own.id)).toMatchObject({ state: "running", events: { masterRestarts: 0 } });
    const next = rig.keep("r1");
    expect(next.end("ended").events.masterRestarts).toBe(1);
    expect(next.id).toBe(own.id);
  });

  test("refresh() takes what is counted before it is let go", () => {
    using rig = new Rig();
    let run: { bytes: number } | undefined = { bytes: 7 };
    const kept = rig.keep("r1", (builder) => run && builder.setBytes({ in: run.bytes, out: 0 }));
    run.bytes = 9;
    kept.refresh();
    run = undefined;
    expect(kept.end("ended").bytes.in).toBe(9);
  });

  describe("over a store that takes its time", () => {
    test("writes what was to be written meanwhile once, as it is then", async () => {
      const { clock, kept, state } = slowRig();
      state.hold();
      clock.advance(3_000);
      kept.end("ended");
      state.release();
      await settle();
      expect(new KeptReports(state).get(kept.id).state).toBe("ended");
      expect(state.writes.length).toBeLessThanOrEqual(3);
      expect(clock.timers).toBe(0);
    });

    test("tries its last word again until it is stored", async () => {
      const { clock, kept, state, warnings } = slowRig();
      await settle();
      state.fill();
      kept.end("failed");
      await settle();
      expect(new KeptReports(state).get(kept.id).state).toBe("running");
      state.refuse(undefined);
      clock.advance(1_000);
      await settle();
      expect(new KeptReports(state).get(kept.id).state).toBe("failed");
      expect([warnings.length, clock.timers]).toEqual([1, 0]);
    });

    test("says nothing any more when another master leads, or it is dropped", async () => {
      for (const isDeposed of [true, false]) {
        const { clock, kept, state, warnings } = slowRig();
        await settle();
        const { length: before } = state.writes;
        if (isDeposed) state.depose();
        else kept.drop();
        clock.advance(5_000);
        await settle();
        expect([state.writes.length, warnings, clock.timers]).toEqual([before, [], 0]);
      }
    });
  });
});

function slowRig() {
  const state = new MemoryKept();
  const clock = new SteppedClock();
  const warnings: string[] = [];
  const kept = new KeptReport({
    ...{ open: () => new KeptReports(state), subject: { kind: "pipeline", name: "orders", run: "r1" } },
    ...{ clock, random: seededRandom(1), refresh: () => {}, warn: (text: string) => warnings.push(text) },
  });
  return { state, clock, warnings, kept };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
