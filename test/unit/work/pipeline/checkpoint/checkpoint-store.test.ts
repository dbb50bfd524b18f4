import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkpoint, CheckpointStore } from "../../../../../src/work/pipeline/checkpoint/index.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "checkpoint-"));
  readonly file = join(this.path, "deep", "checkpoint.db");
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const checkpoint: Checkpoint = {
  run: "r1",
  startedMs: 5,
  fingerprint: "f",
  finished: false,
  seq: 7,
  ahead: ["a@9"],
  source: { offset: 3 },
  sink: { bytes: 4 },
  deadLetters: null,
  counts: { written: 2 },
  states: new Map([["agg", Uint8Array.of(1, 2, 3)]]),
};

describe("CheckpointStore", () => {
  test("save() fails with checkpoint.write_failed, which may pass, when the file takes nothing", () => {
    using folder = new Folder();
    const store = CheckpointStore.open(folder.file);
    store.close();
    const failure = { code: "checkpoint.write_failed", retryable: true };
    expect(() => store.save(checkpoint)).toThrow(expect.objectContaining(failure));
    expect(() => store.clear()).toThrow(folder.file);
  });

  test("load() gives what save() was given when the file was closed in between", () => {
    using folder = new Folder();
    const first = CheckpointStore.open(folder.file);
    first.save({ ...checkpoint, seq: 1 });
    first.save(checkpoint);
    first.close();
    const second = CheckpointStore.open(folder.file);
    expect(second.load()).toEqual(checkpoint);
    second.clear();
    expect(second.load()).toBeUndefined();
    second.close();
  });

  test("open() refuses when another run has the file", () => {
    using folder = new Folder();
    const first = CheckpointStore.open(folder.file);
    expect(() => CheckpointStore.open(folder.file)).toThrow("running already");
    first.close();
    CheckpointStore.open(folder.file).close();
  });

  test("load() refuses when the file has another version", () => {
    using folder = new Folder();
    const store = CheckpointStore.open(folder.file);
    store.save(checkpoint);
    store.close();
    const database = new Database(folder.file);
    database.run("UPDATE checkpoint SET version = 99");
    database.close();
    const again = CheckpointStore.open(folder.file);
    expect(() => again.load()).toThrow("version 99");
    again.close();
  });

  test("open() refuses with the remedy when the file is no database", () => {
    using folder = new Folder();
    CheckpointStore.open(folder.file).close();
    writeFileSync(folder.file, "not a database, but long enough to be looked at as one".repeat(40));
    expect(() => CheckpointStore.open(folder.file)).toThrow("--fresh starts over");
    const fresh = CheckpointStore.openFresh(folder.file);
    expect(fresh.load()).toBeUndefined();
    fresh.close();
  });
});
