/** The way of a dead letter: it is listed, shown, replayed through a mended pipeline, and purged. */
import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { orders } from "../support/orders.ts";
import { perRecord } from "../support/plugins.ts";
import { EXECUTABLE } from "../support/program.ts";
import { Workspace } from "../support/workspace.ts";

const ORDERS = 500;

/** Ten records were rejected, one malformed line lies in front. */
async function withLetters(): Promise<Workspace> {
  const space = new Workspace();
  space.write("in.ndjson", `no json\n${orders(ORDERS)}`);
  space.write("strict.ts", perRecord("if (row.id % 50 === 7) batch.reject(batch.index, 'odd');"));
  space.pipeline(["strict|strict.ts|"], { settings: "dead_letters=dead.ndjson" });
  expect((await space.run()).code).toBe(0);
  return space;
}

describe("dlq", () => {
  test("dlq list, show and summary say what run has put there", async () => {
    using space = await withLetters();
    const listed = await space.exec(["dlq", "list", "pipeline.txt", "--json"]);
    expect(listed.code).toBe(0);
    const letters = listed.stdout.trim().split("\n");
    expect(letters).toHaveLength(11);
    const { stdout: summary } = await space.exec(["dlq", "list", "dead.ndjson", "--summary"]);
    expect(summary).toContain("11 letters: 10 records, 1 malformed lines");
    const { number } = JSON.parse(letters[3]!) as { number: number };
    const { stdout: shown } = await space.exec(["dlq", "show", "dead.ndjson", String(number), "--json"]);
    expect(JSON.parse(shown)).toEqual(JSON.parse(letters[3]!));
  });

  test("dlq replay gives the records byte for byte, so that a mended pipeline takes them", async () => {
    using space = await withLetters();
    const { code, stdout, stderr } = await space.exec(["dlq", "replay", "dead.ndjson", "--stage", "strict"]);
    expect(code).toBe(0);
    const rejected = space
      .text("in.ndjson")
      .split("\n")
      .filter((line) => /^\{"id":\d*(?:[05]7|\b7),/.test(line));
    expect(stdout.trim().split("\n")).toEqual(rejected);
    expect(stderr).toContain("10 records");
    space.write("strict.ts", perRecord("row.mended = true;"));
    const again = await space.run(["pipeline.txt", "--input", "-", "--output", "again.ndjson"], { stdin: stdout });
    expect(again.summary.written).toBe(10);
    expect(space.records("again.ndjson").every(({ mended }) => mended === true)).toBe(true);
  });

  test("dlq replay refuses to write over the letters, and says in one line where it cannot write", async () => {
    using space = await withLetters();
    symlinkSync("dead.ndjson", space.at("link"));
    const before = space.text("dead.ndjson");
    for (const [output, code] of [
      ["dead.ndjson", 64],
      ["link", 64],
      ["nowhere/again.ndjson", 1],
      ["/dev/full", 1],
    ] as const) {
      const ended = await space.exec(["dlq", "replay", "dead.ndjson", "-o", output]);
      expect(ended.code, output).toBe(code);
      expect(ended.stderr).toMatch(/^error: .*\n$/);
    }
    expect(space.text("dead.ndjson")).toBe(before);
  });

  test("dlq ends without a word when the reader of its output goes away", async () => {
    using space = await withLetters();
    space.write("many.ndjson", space.text("dead.ndjson").repeat(2_000));
    for (const command of ["list many.ndjson --limit 20000", "replay many.ndjson"]) {
      const line = `{ "${EXECUTABLE}" dlq ${command}; echo "code $?" >&2; } | head -c 300`;
      const shell = Bun.spawn(["sh", "-c", line], { cwd: space.path, stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([shell.stdout.text(), shell.stderr.text(), shell.exited]);
      expect(stdout).toHaveLength(300);
      expect(stderr).toBe("code 141\n");
    }
  });

  test("dlq list and show let no control character of a reason through", async () => {
    using space = new Workspace();
    const letter = { time: "t", pipeline: "p", stage: "s", reason: "\x1b[2J\u009b\nend", attempts: 1, batch: "b" };
    space.write("letters.log", `${JSON.stringify({ ...letter, record: { id: 1 } })}\n`);
    for (const args of [
      ["list", "letters.log"],
      ["list", "letters.log", "--summary"],
      ["show", "letters.log", "1"],
    ]) {
      const { code, stdout } = await space.exec(["dlq", ...args]);
      expect(code).toBe(0);
      expect(stdout).toContain("␛[2J\ufffd␊end\n");
    }
    const { stdout: json } = await space.exec(["dlq", "list", "letters.log", "--json"]);
    expect(JSON.parse(json)).toMatchObject({ reason: letter.reason });
  });

  test("dlq purge takes away what it is told to and nothing else", async () => {
    using space = await withLetters();
    expect((await space.exec(["dlq", "purge", "dead.ndjson", "--stage", "strict"])).code).toBe(0);
    expect(space.records("dead.ndjson")).toEqual([expect.objectContaining({ stage: "source", text: "no json" })]);
    expect((await space.exec(["dlq", "purge", "dead.ndjson", "--all"])).code).toBe(0);
    expect(space.text("dead.ndjson")).toBe("");
  });
});
