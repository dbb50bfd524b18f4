import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  endReportOfRun,
  findReport,
  listReports,
  newReportId,
  openReports,
  reportsPath,
} from "../../../../src/app/report/reports.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { ReportBuilder } from "../../../../src/work/report/index.ts";

class Folder implements Disposable {
  readonly path = join(mkdtempSync(join(tmpdir(), "reports-app-")), "data");
  [Symbol.dispose](): void {
    rmSync(join(this.path, ".."), { recursive: true, force: true });
  }
}

describe("findReport()", () => {
  test("findReport() and listReports() give what was stored when nothing runs any more", () => {
    using folder = new Folder();
    const store = openReports(folder.path);
    const ids = ["orders", "orders"].map((name) => {
      const id = newReportId(store, name);
      store.save(ReportBuilder.begin({ id, kind: "pipeline", name, run: id }, systemClock).end("ended"));
      return id;
    });
    store.close();
    expect(new Set(ids).size).toBe(2);
    expect(
      listReports(folder.path, 9)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
    expect(listReports(folder.path, 1)).toHaveLength(1);
    expect(findReport(folder.path, ids[1]!.slice(-4))).toMatchObject({ id: ids[1]!, state: "ended", faults: [] });
    expect(() => findReport(folder.path, "nothing")).toThrow(/there are orders-/);
  });

  test("findReport() fails, listReports() is empty and nothing is made when nothing was ever stored", () => {
    using folder = new Folder();
    expect(listReports(folder.path, 9)).toEqual([]);
    expect(() => findReport(folder.path, "x")).toThrow(expect.objectContaining({ code: "report.not_found" }));
    expect(existsSync(reportsPath(folder.path))).toBe(false);
  });
});

test("endReportOfRun() ends what is left as running, and nothing else", async () => {
  using folder = new Folder();
  const store = openReports(folder.path);
  for (const id of ["a", "b", "c"]) {
    const builder = ReportBuilder.begin({ id, kind: "pipeline", name: "orders", run: `run of ${id}` }, systemClock);
    store.save(id === "c" ? builder.end("failed") : builder.snapshot());
  }
  for (const id of ["a", "c", "d"]) await endReportOfRun(store, `run of ${id}`, "cancelled");
  store.close();
  const states = ["a", "b", "c"].map((id) => findReport(folder.path, id).state);
  expect(states).toEqual(["cancelled", "running", "failed"]);
});
