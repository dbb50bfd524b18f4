/** Reports in a shared state: they answer as the file does, and are bounded as it is. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { messageOf } from "../../../../src/base/errors.ts";
import { strayPieces } from "../../../../src/base/kept-large.ts";
import { DEPOSED } from "../../../../src/base/kept-state.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  KeptReports,
  type Report,
  ReportBuilder,
  ReportStore,
  type StoredReports,
} from "../../../../src/work/report/index.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { subject, Time } from "./support.ts";

const MAX = 3;

function reportOf(id: string, atMs: number, run: string): Report {
  const time = new Time();
  time.nowMs += atMs;
  return ReportBuilder.begin({ ...subject, name: id.slice(0, 1), id, run }, time.clock).snapshot();
}

function answersOf(reports: StoredReports): unknown {
  const asked = ["a", "b", "a-1", "-1", "1", "nothing", ""];
  return {
    list: reports.list(),
    two: reports.list(2),
    runs: ["r1", "r2"].map((run) => reports.ofRun(run)),
    get: asked.map((written) => {
      try {
        return reports.get(written);
      } catch (thrown) {
        return messageOf(thrown).replace(/ in .*; /, "; ");
      }
    }),
  };
}

describe("KeptReports", () => {
  test("answers as the file does, whatever was saved before, also to another life", async () => {
    const saved = fc.tuple(fc.constantFrom("a-1", "a-2", "b-1", "b-11", "c-3"), fc.constantFrom("r1", "r2"));
    await fc.assert(
      fc.asyncProperty(fc.array(saved, { maxLength: 8 }), async (saves) => {
        const folder = mkdtempSync(join(tmpdir(), "reports-"));
        const file = ReportStore.open(join(folder, "reports.db"), MAX);
        const state = new MemoryKept();
        try {
          for (const [at, [id, run]] of saves.entries())
            for (const reports of [file, new KeptReports(state, MAX)]) await reports.save(reportOf(id, at, run));
          expect(answersOf(new KeptReports(state, MAX))).toEqual(answersOf(file));
          expect([...state.values.keys()].filter((key) => key.startsWith("body/")).length).toBeLessThanOrEqual(MAX);
        } finally {
          file.close();
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns: 25 },
    );
  });

  test("save() fails so that it may pass, and as it is when another master leads", async () => {
    const state = new MemoryKept();
    const reports = new KeptReports(state);
    state.fill();
    const save = (): Promise<void> => reports.save(reportOf("a-1", 1, "r1"));
    await expect(save()).rejects.toMatchObject({ code: "report.write_failed", retryable: true });
    state.refuse(undefined);
    state.depose();
    await expect(save()).rejects.toMatchObject({ code: DEPOSED });
    expect(reports.list()).toEqual([]);
  });

  test("save() that was cut off leaves nothing behind the next one, in this life or another, whoever else writes", async () => {
    for (const isSameLife of [true, false]) {
      const state = new MemoryKept();
      const reports = new KeptReports(state);
      const large = (id: string, atMs: number): Report => ({
        ...reportOf(id, atMs, "r1"),
        places: { file: "n".repeat(5 * 2 ** 20) },
      });
      await reports.save(large("a-1", 1));
      const write = state.write.bind(state);
      let writes = 0;
      state.write = (changes) => (++writes === 2 ? Promise.reject(new Error("no")) : write(changes));
      await expect(reports.save(large("a-1", 2))).rejects.toMatchObject({ retryable: true });
      state.write = write;
      const next = isSameLife ? reports : new KeptReports(state);
      await Promise.all([next.save(large("a-1", 3)), next.save(large("b-1", 4))]);
      expect(strayPieces(state)).toEqual([]);
      expect(next.get("a-1").updatedMs).toBe(large("a-1", 3).updatedMs);
      expect(next.get("b-1").places.file).toHaveLength(5 * 2 ** 20);
    }
  });

  test("newId() gives an id that no report has", async () => {
    const reports = new KeptReports(new MemoryKept());
    const [first, second] = [seededRandom(1), seededRandom(1)];
    const id = reports.newId("orders", 0, first);
    await reports.save(reportOf(id, 1, "r1"));
    expect(reports.newId("orders", 0, second)).not.toBe(id);
  });
});
