import { describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchFiles } from "../../../src/app/watch-files.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { until } from "../../support/until.ts";

class Watched implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "watch-"));
  readonly file = join(this.directory, "pipeline.txt");
  changes = 0;
  readonly watch;

  constructor() {
    writeFileSync(this.file, "one");
    this.watch = watchFiles([this.file], systemClock, () => {
      this.changes++;
    });
  }

  [Symbol.dispose](): void {
    this.watch.close();
    rmSync(this.directory, { recursive: true });
  }
}

describe("watchFiles()", () => {
  test("watchFiles() calls back once a save when a file is written, or replaced by another", async () => {
    using watched = new Watched();
    writeFileSync(watched.file, "two");
    await until("the write is seen", () => watched.changes === 1);
    writeFileSync(`${watched.file}.new`, "three");
    renameSync(`${watched.file}.new`, watched.file);
    await until("the replacement is seen", () => watched.changes === 2);
  });

  test("watchFiles() hears of a change while another file beside it grows, and not of that one", async () => {
    using watched = new Watched();
    const output = join(watched.directory, "out.ndjson");
    for (let line = 0; line < 50; line++) writeFileSync(output, `${line}\n`, { flag: "a" });
    writeFileSync(watched.file, "two");
    for (let line = 0; line < 50; line++) writeFileSync(output, `${line}\n`, { flag: "a" });
    await until("the change is seen", () => watched.changes > 0);
    expect(watched.changes).toBe(1);
  });

  test("follow() forgets the files of before when there are others", async () => {
    using watched = new Watched();
    const other = join(watched.directory, "other.txt");
    writeFileSync(other, "one");
    watched.watch.follow([other]);
    writeFileSync(watched.file, "two");
    writeFileSync(other, "two");
    await until("the change is seen", () => watched.changes > 0);
    expect(watched.changes).toBe(1);
  });
});
