import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../../../src/base/random.ts";
import { type Report, ReportBuilder, ReportStore } from "../../../../src/work/report/index.ts";
import { subject, Time } from "./support.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "reports-"));
  readonly file = join(this.path, "deep", "reports.db");
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function using<T>(file: string, use: (store: ReportStore) => T, max?: number): T {
  const store = ReportStore.open(file, max);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

function reportOf(id: string, atMs = 0, run = id): Report {
  const time = new Time();
  time.nowMs += atMs;
  const builder = ReportBuilder.begin({ ...subject, id, run }, time.clock);
  builder.observe({ type: "done", id: "1", node: "n", ms: 3 });
  return builder.snapshot();
}

function coded(code: string) {
  return expect.objectContaining({ code });
}

describe("ReportStore", () => {
  test("get() and list() give what save() was given when the file was closed in between", () => {
    using folder = new Folder();
    saveTwo(folder);
    using(folder.file, (store) => {
      expect(store.get("b-20260101-aaaa")).toEqual(reportOf("b-20260101-aaaa", 5));
      expect(store.list()).toMatchObject([{ id: "b-20260101-aaaa" }, { id: "a-20260101-aaaa", total: 0, failed: 0 }]);
      expect(store.list(1)).toMatchObject([{ id: "b-20260101-aaaa" }]);
    });
  });

  function saveTwo(folder: Folder): void {
    using(folder.file, (store) => {
      store.save(reportOf("a-20260101-aaaa", 1));
      store.save(reportOf("b-20260101-aaaa", 5));
    });
  }

  test("save() replaces the report of the same id", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      const report = reportOf("a");
      store.save(report);
      store.save({ ...report, state: "ended", endedMs: 9 });
      expect(store.get("a")).toMatchObject({ state: "ended", endedMs: 9 });
      expect(store.list()).toHaveLength(1);
    });
  });

  test("save() lets those go that were not written for the longest time when there are too many", () => {
    using folder = new Folder();
    using(
      folder.file,
      (store) => {
        for (const [id, atMs] of [
          ["a", 1],
          ["b", 2],
          ["c", 3],
          ["a", 4],
          ["d", 5],
        ] as const) {
          store.save(reportOf(id, atMs));
        }
        expect(store.list().map(({ id }) => id)).toEqual(["d", "a", "c"]);
        store.save(reportOf("old", 0));
        expect(store.list().map(({ id }) => id)).toEqual(["d", "a", "old"]);
      },
      3,
    );
  });

  test("get() takes the name of what has run, and gives the latest report of exactly that name", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      const named = [
        ["orders-20260101-aaaa", "orders", 1],
        ["orders-20260102-bbbb", "orders", 2],
        ["orders2-20260103-cccc", "orders2", 3],
      ] as const;
      for (const [id, name, startedMs] of named) store.save({ ...reportOf(id), name, startedMs });
      expect(store.get("orders").id).toBe("orders-20260102-bbbb");
    });
  });

  test("get() takes the beginning of an id or its last part when only one report has it", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      const ids = ["orders-20260101-aaaa", "orders-20260102-bbbb", "orders-20260102-bbbbb"];
      for (const id of ids) store.save(reportOf(id));
      expect(store.get("orders-20260101").id).toBe(ids[0]!);
      expect(store.get("aaaa").id).toBe(ids[0]!);
      expect(store.get("orders-20260102-bbbb").id).toBe(ids[1]!);
      expect(() => store.get("orders-2026010")).toThrow(coded("report.ambiguous"));
      expect(() => store.get("orders-2026010")).toThrow("may be any of 3 reports: orders-");
      for (const nothing of ["aaa", "", "%", "orders_20260101"]) {
        expect(() => store.get(nothing)).toThrow(coded("report.not_found"));
      }
      expect(() => store.get("xyz")).toThrow(/there are orders-.*, orders-/);
    });
  });

  test("get() says that there are none, and how many more than it names", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      expect(() => store.get("x")).toThrow("there are none");
      for (let index = 0; index < 8; index++) store.save(reportOf(`r${index}`));
      expect(() => store.get("x")).toThrow("r0, r1, r2, r3, r4 and 3 more");
    });
  });

  test("ofRun() finds the report of a run that goes on", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      store.save(reportOf("a", 1, "run-1"));
      store.save(reportOf("b", 2, "run-2"));
      expect(store.ofRun("run-1")?.id).toBe("a");
      expect(store.ofRun("run-3")).toBeUndefined();
    });
  });

  test("newId() gives none that is taken, and gives up when all are", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      const [first, second] = [store.newId("n", 0, seededRandom(3)), store.newId("n", 0, seededRandom(4))];
      store.save(reportOf(first));
      const again = store.newId("n", 0, seededRandom(3));
      expect(again).not.toBe(first);
      expect(second).not.toBe(first);
      const stuck = { next: () => 0, below: () => 0 };
      store.save(reportOf(store.newId("n", 0, stuck)));
      expect(() => store.newId("n", 0, stuck)).toThrow(coded("report.no_id"));
    });
  });

  test("openExisting() makes nothing when there is nothing", () => {
    using folder = new Folder();
    expect(ReportStore.openExisting(folder.file)).toBeUndefined();
    expect(existsSync(folder.file)).toBe(false);
  });

  test("open() twice at once serves both, and each sees what the other wrote", () => {
    using folder = new Folder();
    using(folder.file, (first) => {
      using(folder.file, (second) => {
        first.save(reportOf("a", 1));
        second.save(reportOf("b", 2));
        expect(first.list()).toEqual(second.list());
        expect(first.list()).toHaveLength(2);
      });
    });
  });

  test("open() refuses when it is no file of reports, or of another layout", () => {
    using folder = new Folder();
    using(folder.file, () => {});
    const database = new Database(folder.file);
    database.run("PRAGMA user_version = 7");
    database.close();
    expect(() => ReportStore.open(folder.file)).toThrow(coded("report.version"));
    writeFileSync(folder.file, "this is no database at all, and quite long enough to be seen as such ".repeat(20));
    expect(() => ReportStore.open(folder.file)).toThrow(coded("report.unreadable"));
    expect(() => ReportStore.open(join(folder.file, "below", "a file"))).toThrow(coded("report.unreadable"));
  });

  for (const [what, body] of [
    ["cut off", '{"version":1'],
    ["of another version", JSON.stringify({ ...reportOf("a"), version: 2 })],
    [
      "of a broken histogram",
      JSON.stringify({ ...reportOf("a"), latency: { version: 1, minMs: 1, maxMs: 1, buckets: [9] } }),
    ],
  ] as const) {
    test(`get() refuses one report, and gives the others, when it is ${what}`, () => {
      using folder = new Folder();
      using(folder.file, (store) => {
        store.save(reportOf("a"));
        store.save(reportOf("b"));
      });
      const database = new Database(folder.file);
      database.query("UPDATE report SET body = ? WHERE id = 'a'").run(body);
      database.close();
      using(folder.file, (store) => {
        expect(() => store.get("a")).toThrow(coded("report.damaged"));
        expect(store.get("b").id).toBe("b");
        expect(store.list()).toHaveLength(2);
      });
    });
  }

  test("save() and list() say where they cannot write and read when the table is gone", () => {
    using folder = new Folder();
    using(folder.file, (store) => {
      const other = new Database(folder.file);
      other.run("DROP TABLE report");
      other.close();
      expect(() => store.save(reportOf("a"))).toThrow(coded("report.write_failed"));
      expect(() => store.list()).toThrow(coded("report.unreadable"));
    });
  });

  test("save() loses nothing when several processes begin a new file at once", async () => {
    using folder = new Folder();
    const ids = ["a", "b", "c", "d"];
    const codes = await Promise.all(ids.map((id) => saver(folder.file, id, 10).exited));
    expect(codes).toEqual([0, 0, 0, 0]);
    using(folder.file, (store) => {
      expect(ids.map((id) => store.get(id).events.retries)).toEqual([10, 10, 10, 10]);
    });
  });

  test("get() has all that save() returned from when the writer was killed in the middle of its work", async () => {
    using folder = new Folder();
    for (const told of [1, 40, 90]) {
      const child = saver(folder.file, subject.id, 1_000_000);
      const saved = await killAfter(child, told);
      expect(saved).toBeGreaterThanOrEqual(told);
      using(folder.file, (store) => {
        const { events, latency } = store.get(subject.id);
        expect(events.retries).toBeWithin(saved, saved + 2); // the last one may be written and not yet told
        expect(latency.maxMs).toBe(199);
      });
    }
  });
});

function saver(file: string, id: string, times: number): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  return Bun.spawn([process.execPath, join(import.meta.dir, "save-child.ts"), file, id, String(times)], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
  });
}

/** Kills it once it has told of so many; the last one that it has told of. */
async function killAfter(child: Bun.Subprocess<"ignore", "pipe", "inherit">, told: number): Promise<number> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (lastOf(text) >= told) child.kill("SIGKILL");
  }
  await child.exited;
  return lastOf(text);
}

function lastOf(text: string): number {
  return Number(text.split("\n").slice(0, -1).at(-1) ?? 0);
}
