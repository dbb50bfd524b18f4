/** The same on a real disk: modes, the lock, and a process that is killed while it writes. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../../src/base/clock.ts";
import { RaftLog } from "../../../../../src/cluster/consensus/log/index.ts";
import { CONFIGURATION, commands, vote } from "./logs.ts";

class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "distributed-system-test-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function openOnDisk(directory: string) {
  return RaftLog.open(directory, { clock: systemClock, durability: "fsync", segmentBytes: 65_536 });
}

describe("RaftLog", () => {
  test("keeps everything in files that are the owner's alone", async () => {
    using temporary = new Directory();
    const directory = join(temporary.path, "group", "main");
    const { log } = await openOnDisk(directory);
    for (let index = 1; index <= 300; index++) await log.persist(vote(1, "a"), commands(index, index, 1, 500));
    const info = await log.takeSnapshot({ index: 250, term: 1, configuration: CONFIGURATION }, [
      new Uint8Array(100_000),
    ]);
    await log.close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "hard-state")).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "segment-00000000000001.log"))).toMatchObject({ size: 65_536 });
    const again = await openOnDisk(directory);
    expect(again.durable).toEqual({
      hardState: vote(1, "a"),
      snapshot: info,
      entries: commands(251, 300, 1, 500),
      isDamaged: false,
    });
    expect(again.findings).toEqual([]);
    expect(await again.log.scrub()).toEqual([]);
    await again.log.close();
  });

  test("open() refuses a directory that is open, and takes it when it was closed", async () => {
    using temporary = new Directory();
    const { log } = await openOnDisk(temporary.path);
    await expect(openOnDisk(temporary.path)).rejects.toMatchObject({ code: "raft.log.in_use", retryable: true });
    await log.close();
    const again = await openOnDisk(temporary.path);
    await again.log.close();
  });

  test("open() gives all that a process has acknowledged before it was killed", async () => {
    using temporary = new Directory();
    const program = join(import.meta.dir, "writer.ts");
    let last = 0;
    for (let round = 0; round < 5; round++) {
      const child = Bun.spawn([process.execPath, program, temporary.path, String(last + 1)], {
        stdout: "pipe",
        stderr: "inherit",
      });
      let acknowledged = last;
      let text = "";
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk);
        acknowledged = Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1) || acknowledged);
        if (acknowledged >= last + 50 + round * 13) child.kill("SIGKILL");
      }
      await child.exited;
      const { durable, findings, log } = await openOnDisk(temporary.path);
      expect(durable.isDamaged).toBe(false);
      expect(findings.filter(({ severity }) => severity !== "info")).toEqual([]);
      last = durable.entries.length;
      expect(last).toBeGreaterThanOrEqual(acknowledged);
      expect(durable.entries).toEqual(commands(1, last, 1, 300));
      await log.close();
    }
  });
});
