import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuditLog, type AuditOptions } from "../../../../plugins/audit/audit-log.ts";
import audit from "../../../../plugins/audit/index.ts";
import { batchOf, batchOfText, META, start, type TempDir, tempDir, textOf } from "../support.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function openLog(dir: TempDir, sync: AuditOptions["sync"] = "none"): { log: AuditLog; file: string } {
  const file = join(dir.path, "audit.ndjson");
  return { log: new AuditLog({ file, sync }), file };
}

function entry(n: number, digest = `digest${n}`): Parameters<AuditLog["add"]>[0] {
  return { batch: `run1/in@${n}`, stage: "audit", count: n, timeMs: META.timeMs, digest };
}

/** Writes entries 0 to count - 1 and closes the log. */
function filled(dir: TempDir, count: number): string {
  const { log, file } = openLog(dir);
  for (let n = 0; n < count; n++) log.add(entry(n));
  log.close();
  return file;
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);

describe("audit", () => {
  test("processBatch() writes the documented line, head and digest, and touches no record", async () => {
    using dir = tempDir();
    const file = join(dir.path, "deep", "audit.ndjson");
    const texts = ['{"a": 1.0,"id":12345678901234567890}\n{"b":"é"}\n', '{"c":1}\n'];
    {
      await using plugin = await start(audit, { file }, 'the "stage"');
      for (const [at, text] of texts.entries()) {
        const batch = await plugin.process(batchOfText(text, { id: `in@${at}` }));
        expect(textOf(batch)).toBe(text);
      }
    }
    const lines = linesOf(file);
    const time = new Date(META.timeMs).toISOString();
    let prev = "0".repeat(64);
    lines.forEach((line, n) => {
      const digest = sha256(texts[n]!);
      const count = n === 0 ? 2 : 1;
      const hashed = `{"v":1,"n":${n},"batch":"run1/in@${n}","stage":"the \\"stage\\"","count":${count},"time":"${time}","digest":"${digest}","prev":"${prev}"`;
      expect(line).toBe(`${hashed},"hash":"${sha256(hashed)}"}`);
      prev = sha256(hashed);
    });
    expect(lines).toHaveLength(2);
    expect(JSON.parse(readFileSync(`${file}.head`, "utf8"))).toEqual({
      n: 1,
      hash: prev,
      bytes: readFileSync(file).length,
    });
  });

  test("processBatch() writes nothing when it is a probe", async () => {
    using dir = tempDir();
    const file = join(dir.path, "audit.ndjson");
    await using plugin = await start(audit, { file });
    await plugin.process(batchOf([{ a: 1 }], { probe: true }));
    expect(linesOf(file)).toEqual([]);
  });

  test("processBatch() leaves dropped records out of count and digest", async () => {
    using dir = tempDir();
    const file = join(dir.path, "audit.ndjson");
    await using plugin = await start(audit, { file });
    const batch = batchOfText('{"a":1}\n{"a":2}\n');
    batch.drop(0);
    await plugin.process(batch);
    expect(JSON.parse(linesOf(file)[0]!)).toMatchObject({ count: 1, digest: sha256('{"a":2}\n') });
  });

  test("processBatch() adds no line when batches are replayed by a host started anew", async () => {
    using dir = tempDir();
    const file = join(dir.path, "audit.ndjson");
    const run = async (ids: readonly number[]): Promise<void> => {
      await using plugin = await start(audit, { file });
      for (const id of ids) await plugin.process(batchOf([{ id }], { id: `in@${id}` }));
    };
    await run([0, 1, 1, 2]);
    const before = readFileSync(file, "utf8");
    await run([1, 2, 3]);
    const after = readFileSync(file, "utf8");
    expect(after.startsWith(before)).toBe(true);
    expect(linesOf(file).map((line) => JSON.parse(line).batch)).toEqual([0, 1, 2, 3].map((id) => `run1/in@${id}`));
  });
});

describe("AuditLog", () => {
  test.each(["batch", "interval", "none"] as const)("add() writes the same bytes when sync is %s", (sync) => {
    using dir = tempDir();
    using other = tempDir();
    const { log, file } = openLog(dir, sync);
    for (let n = 0; n < 70; n++) log.add(entry(n));
    log.close();
    expect(readFileSync(file, "utf8")).toBe(readFileSync(filled(other, 70), "utf8"));
  });

  test("add() fails and adds nothing when a batch comes back with other content", () => {
    using dir = tempDir();
    const { log, file } = openLog(dir);
    log.add(entry(0));
    expect(() => log.add(entry(0, "other"))).toThrow("batch replayed with other content: run1/in@0");
    expect(linesOf(file)).toHaveLength(1);
    log.close();
  });

  test("AuditLog goes on from any point at which a crash can have cut the file, to the same bytes", () => {
    using dir = tempDir();
    using whole = tempDir();
    const file = filled(dir, 3);
    const expected = readFileSync(filled(whole, 5), "utf8");
    const head = readFileSync(`${file}.head`, "utf8");
    const three = readFileSync(file);
    const fourth = Buffer.from(expected).subarray(three.length, expected.indexOf("\n", three.length) + 1);
    for (let cut = 0; cut <= fourth.length; cut++) {
      writeFileSync(file, Buffer.concat([three, fourth.subarray(0, cut)]));
      writeFileSync(`${file}.head`, head);
      const { log } = openLog(dir);
      for (let n = 2; n < 5; n++) log.add(entry(n));
      log.close();
      expect(readFileSync(file, "utf8")).toBe(expected);
    }
  });

  test("AuditLog takes a file whose very first head was not yet written", () => {
    using dir = tempDir();
    const file = filled(dir, 1);
    Bun.spawnSync(["rm", `${file}.head`]);
    const { log } = openLog(dir);
    expect(log.add(entry(0))).toBe(false);
    log.close();
    expect(existsSync(`${file}.head`)).toBe(true);
  });

  const DAMAGES: [string, string, (file: string) => void][] = [
    [
      "was shortened by lines",
      "ends with line 3, but its head file says 4",
      (file) => truncateSync(file, Buffer.byteLength(linesOf(file).slice(0, 3).join("\n")) + 1),
    ],
    [
      "was shortened within a line",
      "ends with line 3, but its head file says 4",
      (file) => truncateSync(file, readFileSync(file).length - 5),
    ],
    ["was emptied", "ends with line 0, but its head file says 4", (file) => truncateSync(file, 0)],
    ["was removed", "it is gone, but its head file is there", (file) => void Bun.spawnSync(["rm", file])],
    ["lost its head", "it has 4 lines but no head file", (file) => void Bun.spawnSync(["rm", `${file}.head`])],
    ["has a broken head", "no head", (file) => writeFileSync(`${file}.head`, "{}")],
    [
      "lost a line",
      "line 2 does not follow",
      (file) => writeFileSync(file, linesOf(file).toSpliced(1, 1).concat("").join("\n")),
    ],
    [
      "had lines swapped",
      "line 2 does not follow",
      (file) => writeFileSync(file, swapped(linesOf(file)).concat("").join("\n")),
    ],
    [
      "had its last line edited",
      "line 4 was changed",
      (file) => writeFileSync(file, readFileSync(file, "utf8").replace('"count":3', '"count":9')),
    ],
    [
      "holds other text",
      "line 2 is no audit line",
      (file) => writeFileSync(file, linesOf(file).with(1, "x").concat("").join("\n")),
    ],
    ["was replaced by a longer chain", "line 4 is not the one in its head file", (file) => replaceChain(file)],
  ];

  test.each(DAMAGES)("AuditLog refuses to go on when the file %s", (_what, message, damage) => {
    using dir = tempDir();
    const file = filled(dir, 4);
    damage(file);
    expect(() => openLog(dir)).toThrow(message);
    expect(() => openLog(dir)).toThrow(message); // and the lock was given back
  });

  test("AuditLog refuses a second writer and names the first; close() lets it in", () => {
    using dir = tempDir();
    const { log } = openLog(dir);
    expect(() => openLog(dir)).toThrow(`is being written by process ${process.pid}; an audit file has one writer`);
    log.close();
    openLog(dir).log.close();
  });

  test("AuditLog takes over at once when the writer was killed", async () => {
    using dir = tempDir();
    const file = join(dir.path, "audit.ndjson");
    const module = join(import.meta.dir, "../../../../plugins/audit/audit-log.ts");
    const code = `import { AuditLog } from ${JSON.stringify(module)};
      const log = new AuditLog({ file: ${JSON.stringify(file)}, sync: "batch" });
      log.add(${JSON.stringify(entry(0))});
      globalThis.kept = log; // or the collector takes it, with its lock
      console.log("ready"); await new Promise(() => setInterval(() => {}, 1000));`;
    await using child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("ready")) break;
    expect(() => openLog(dir)).toThrow(`process ${child.pid}`);
    child.kill(9);
    await child.exited;
    const { log } = openLog(dir);
    expect(log.add(entry(0))).toBe(false);
    expect(log.lines).toBe(1);
    log.close();
  });
});

function swapped(lines: readonly string[]): string[] {
  return [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)];
}

/** A sound chain of five lines in which the fourth is another one. */
function replaceChain(file: string): void {
  using other = tempDir();
  const { log, file: forged } = openLog(other);
  for (let n = 0; n < 5; n++) log.add(entry(n, `forged${n}`));
  log.close();
  writeFileSync(file, readFileSync(forged));
}
