/** The way of a dead letter: it is listed, shown, replayed through a mended pipeline, and purged. */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { perRecord } from "../support/plugins.ts";
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

  test("dlq purge takes away what it is told to and nothing else", async () => {
    using space = await withLetters();
    expect((await space.exec(["dlq", "purge", "dead.ndjson", "--stage", "strict"])).code).toBe(0);
    expect(space.records("dead.ndjson")).toEqual([expect.objectContaining({ stage: "source", text: "no json" })]);
    expect((await space.exec(["dlq", "purge", "dead.ndjson", "--all"])).code).toBe(0);
    expect(space.text("dead.ndjson")).toBe("");
  });
});
