import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentHash, watchFiles } from "../../../src/app/watch-files.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

class Watched implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "watch-"));
  readonly file = join(this.directory, "pipeline.txt");
  readonly clock = new SteppedClock();
  changes = 0;
  readonly watch;

  constructor() {
    writeFileSync(this.file, "one");
    this.watch = watchFiles([{ path: this.file }], this.clock, () => {
      this.changes++;
    });
  }

  /** Looks so often that whatever was saved is settled. */
  look(): number {
    for (let step = 0; step < 3; step++) this.clock.advance(250);
    return this.changes;
  }

  [Symbol.dispose](): void {
    this.watch.close();
    rmSync(this.directory, { recursive: true });
  }
}

describe("watchFiles()", () => {
  test("watchFiles() calls back once a save when a file is written, or replaced by another", () => {
    using watched = new Watched();
    expect(watched.look()).toBe(0);
    writeFileSync(watched.file, "two");
    expect(watched.look()).toBe(1);
    writeFileSync(`${watched.file}.new`, "three");
    renameSync(`${watched.file}.new`, watched.file);
    expect(watched.look()).toBe(2);
  });

  test("watchFiles() says nothing when a file is touched, or is gone for a moment", () => {
    using watched = new Watched();
    writeFileSync(watched.file, "one");
    expect(watched.look()).toBe(0);
    rmSync(watched.file);
    expect(watched.look()).toBe(0);
    writeFileSync(watched.file, "one");
    expect(watched.look()).toBe(0);
  });

  test("watchFiles() waits until a file that is being written stays the same", () => {
    using watched = new Watched();
    for (let part = 0; part < 5; part++) {
      writeFileSync(watched.file, `part ${part}`, { flag: "a" });
      watched.clock.advance(250);
    }
    expect(watched.changes).toBe(0);
    expect(watched.look()).toBe(1);
  });

  test("follow() counts what was saved after the content in use was read, and not that content itself", () => {
    using watched = new Watched();
    const files = ["a.ts", "b.ts"].map((name) => join(watched.directory, name));
    for (const path of files) writeFileSync(path, "in use");
    const inUse = files.map((path) => ({ path, content: contentHash(path) }));
    writeFileSync(files[1]!, "saved meanwhile");
    watched.watch.follow(inUse.slice(0, 1));
    expect(watched.look()).toBe(0);
    watched.watch.follow(inUse);
    expect(watched.look()).toBe(1);
    expect(watched.look()).toBe(1);
  });

  test("watchFiles() hears of files below a directory that was replaced", () => {
    using watched = new Watched();
    const [build, file] = [join(watched.directory, "build"), join(watched.directory, "build", "plugin.js")];
    mkdirSync(build);
    writeFileSync(file, "one");
    watched.watch.follow([{ path: file }]);
    for (const content of ["two", "three"]) {
      rmSync(build, { recursive: true });
      watched.look();
      mkdirSync(build);
      writeFileSync(file, content);
      watched.look();
    }
    expect(watched.changes).toBe(2);
  });

  test("follow() keeps a save that came while the one before was being dealt with", () => {
    using watched = new Watched();
    writeFileSync(watched.file, "two");
    watched.look();
    writeFileSync(watched.file, "three");
    watched.watch.follow([{ path: watched.file }]);
    expect(watched.look()).toBe(2);
  });

  test("follow() forgets the files of before when there are others, and takes one that is missing", () => {
    using watched = new Watched();
    const other = join(watched.directory, "other.txt");
    watched.watch.follow([{ path: other }]);
    writeFileSync(watched.file, "two");
    expect(watched.look()).toBe(0);
    writeFileSync(other, "one");
    expect(watched.look()).toBe(1);
  });
});
