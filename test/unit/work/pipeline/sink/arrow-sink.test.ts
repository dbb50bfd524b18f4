import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import { parseRaw } from "../../../../../src/wire/format/index.ts";
import { createSink } from "../../../../../src/work/pipeline/sink/index.ts";
import { readSource } from "../source/support.ts";
import { codeOf, envelope, TestDirectory, type TestRecord } from "./support.ts";

async function write(params: Record<string, unknown>, batches: readonly (readonly TestRecord[])[]): Promise<void> {
  const sink = createSink("arrow", params);
  await sink.open(undefined);
  try {
    for (const [i, records] of batches.entries()) await sink.write(envelope(records), `b@${i}`);
    await sink.flush();
  } finally {
    await sink.close();
  }
}

function read(path: string): unknown[] {
  return tableFromIPC(readFileSync(path))
    .toArray()
    .map((row) => row.toJSON());
}

describe("sink:arrow", () => {
  test("write() gives a stream that apache-arrow reads, one record batch a batch", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.arrow");
    await write({ path }, [
      [
        { name: "é", x: 1.5, ok: true },
        { name: null, x: 2 },
      ],
      [],
      [{ name: "b" }],
    ]);
    expect(tableFromIPC(readFileSync(path)).batches.length).toBe(2);
    expect(read(path)).toEqual([
      { name: "é", x: 1.5, ok: true },
      { name: null, x: 2, ok: null },
      { name: "b", x: null, ok: null },
    ]);
  });

  test("write() gives what the Arrow source reads back", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.arrow");
    const batches = [
      [
        { id: 1, name: "a", tags: ["x", 1] },
        { id: 2, name: "b", tags: { deep: [true] } },
      ],
      [{ id: 3, name: "", tags: "plain" }],
    ];
    await write({ path }, batches);
    const cuts = await readSource("arrow", { path });
    const records = cuts.flatMap((cut) => {
      const { batch } = parseRaw(cut.content, cut.format, { id: cut.id, timeMs: cut.timeMs, line: cut.line });
      return Array.from({ length: batch.length }, (_, row) => JSON.parse(batch.json(row)));
    });
    expect(records).toEqual(batches.flat());
  });

  test("write() refuses a value that does not fit, naming it and the remedy", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.arrow");
    const batches = [[{ n: 1 }], [{ n: 2 }, { n: "two" }]];
    expect(await codeOf(() => write({ path }, batches))).toBe("sink.value");
    await expect(write({ path }, batches)).rejects.toThrow(
      /batch b@1 to .*: row 1: field "n" is "two", the schema says integer; .* schema=/,
    );
    await expect(write({ path }, [[{ n: 1 }], [{ n: 1, m: 2 }]])).rejects.toThrow(
      'field "m" is 2, the schema has no such field',
    );
    await write({ path, schema: ["n:json"] }, batches);
    expect(read(path)).toEqual([{ n: "1" }, { n: "2" }, { n: '"two"' }]);
  });

  test("write() lets a field become anything when it was null in the first batch", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.arrow");
    await write({ path }, [[{ n: null }], [{ n: 5 }]]);
    expect(read(path)).toEqual([{ n: null }, { n: "5" }]);
  });

  test("close() leaves a readable stream when there was no record", async () => {
    using directory = new TestDirectory();
    await write({ path: directory.at("a") }, []);
    expect(tableFromIPC(readFileSync(directory.at("a"))).schema.fields).toEqual([]);
    await write({ path: directory.at("b"), schema: ["id:integer", "a:b:string"] }, []);
    expect(tableFromIPC(readFileSync(directory.at("b"))).schema.fields.map(({ name }) => name)).toEqual(["id", "a:b"]);
  });

  test("createSink() refuses a schema that means nothing", () => {
    for (const schema of [["id"], ["id:number"], [":integer"], [], ["a:json", "a:json"]]) {
      expect(() => createSink("arrow", { path: "a", schema })).toThrow("sink:arrow: schema");
    }
  });
});
