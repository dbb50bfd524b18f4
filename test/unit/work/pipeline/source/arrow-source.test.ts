import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { arrowBytes, arrowRows, readArrowRows } from "./arrow-data.ts";
import { chunks, type ReadCut, readSource, TestDirectory, viaJson } from "./support.ts";

const SIZES = [3, 5, 1, 20];
const IDS = arrowRows(0, 29).map(({ id, city }) => [id, city]);

function idsOf(cuts: readonly ReadCut[]): (number | string)[][] {
  return cuts.flatMap((cut) => readArrowRows(cut.content)).map(({ id, city }) => [id, city]);
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing",
    (thrown) => (thrown instanceof Failure ? `${thrown.code}: ${thrown.message}` : Promise.reject(thrown)),
  );
}

describe("source:arrow", () => {
  for (const form of ["stream", "legacy", "file"] as const) {
    test(`read() gives each record batch as a stream of its own when the input is a ${form}`, async () => {
      using directory = new TestDirectory();
      const path = directory.file("a.arrow", arrowBytes(SIZES, form));
      const cuts = await readSource("arrow", { path });
      expect(cuts.map(({ rows, line }) => [rows, line])).toEqual([
        [3, 1],
        [5, 4],
        [1, 9],
        [20, 10],
      ]);
      expect(idsOf(cuts)).toEqual(IDS);
    });

    test(`open() goes on behind any record batch when the input is a ${form}`, async () => {
      using directory = new TestDirectory();
      const path = directory.file("a.arrow", arrowBytes(SIZES, form));
      const whole = await readSource("arrow", { path });
      for (const [i, cut] of whole.entries()) {
        const rest = await readSource("arrow", { path }, { position: viaJson(cut.position) });
        expect(rest.map(({ id, content, line }) => [id, content, line])).toEqual(
          whole.slice(i + 1).map(({ id, content, line }) => [id, content, line]),
        );
      }
    });
  }

  test("read() reads streams that are compressed, piped or one of several", async () => {
    using directory = new TestDirectory();
    const stream = arrowBytes(SIZES, "stream");
    directory.file("1.arrow", gzipSync(stream));
    directory.file("2.arrow", stream);
    expect(idsOf(await readSource("arrow", { path: join(directory.path, "*.arrow") }))).toEqual([...IDS, ...IDS]);
    const stdin = () => chunks([stream.subarray(0, 7), stream.subarray(7, 1000), stream.subarray(1000)]);
    const piped = await readSource("arrow", { path: "-" }, { more: { stdin: stdin() } });
    expect(idsOf(piped)).toEqual(IDS);
    const rest = await readSource("arrow", { path: "-" }, { more: { stdin: stdin() }, position: piped[1]!.position });
    expect(idsOf(rest)).toEqual(IDS.slice(8));
  });

  for (const form of ["stream", "file", "gzip"] as const) {
    test(`read() divides record batches that are larger than the limits when the input is a ${form}`, async () => {
      using directory = new TestDirectory();
      const bytes = form === "gzip" ? gzipSync(arrowBytes([3, 700, 2], "stream")) : arrowBytes([3, 700, 2], form);
      const path = directory.file("a.arrow", bytes);
      const limits = { rows: 100, bytes: 2048 };
      const cuts = await readSource("arrow", { path }, { targetBytes: 4096, limits });
      expect(idsOf(cuts)).toEqual(arrowRows(0, 705).map(({ id, city }) => [id, city]));
      expect(Math.max(...cuts.map(({ bytes }) => bytes))).toBeLessThanOrEqual(2048);
      expect(Math.max(...cuts.map(({ rows }) => rows))).toBeLessThanOrEqual(100);
      expect(new Set(cuts.map(({ id }) => id)).size).toBe(cuts.length);
      for (const [i, { position }] of cuts.entries()) {
        if (i % 5 !== 1) continue;
        const rest = await readSource("arrow", { path }, { targetBytes: 4096, limits, position: viaJson(position) });
        expect(rest.map(({ id, content, line }) => [id, content, line])).toEqual(
          cuts.slice(i + 1).map(({ id, content, line }) => [id, content, line]),
        );
      }
    });
  }

  test("read() reports a record that alone is larger than the target", async () => {
    using directory = new TestDirectory();
    const path = directory.file("a.arrow", arrowBytes([4], "stream"));
    const cuts = await readSource("arrow", { path }, { targetBytes: 900, limits: { rows: 10, bytes: 900 } });
    expect(cuts.map(({ rows, bytes }) => [rows, bytes])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(cuts.map(({ oversized }) => oversized.map(({ line }) => line))).toEqual([[1], [2], [3], [4]]);
  });

  test("read() fails with size and remedy when a dictionary does not fit", async () => {
    using directory = new TestDirectory();
    const path = directory.file("a.arrow", arrowBytes([4], "stream"));
    expect(await failureOf(readSource("arrow", { path }, { targetBytes: 16 }))).toMatch(
      /^source.arrow_batch_too_large: .* takes 40 bytes, a batch holds 16, and it cannot be divided: it is a dictionary; raise batch_bytes/,
    );
  });

  test("read() names file and place when the stream is cut off or is none", async () => {
    using directory = new TestDirectory();
    const stream = arrowBytes(SIZES, "stream");
    const cutOff = directory.file("a.arrow", stream.subarray(0, 1000));
    expect(await failureOf(readSource("arrow", { path: cutOff }))).toMatch(
      /^source.arrow: .*ends inside a message \(.*a.arrow at byte 632\)/,
    );
    const text = directory.file("b.arrow", "this is no Arrow stream at all");
    expect(await failureOf(readSource("arrow", { path: text }))).toStartWith("source.arrow: ");
    const schemaless = directory.file("c.arrow", gzipSync(arrowBytes(SIZES, "file")));
    expect(await failureOf(readSource("arrow", { path: schemaless }))).toContain("before any schema");
    expect(await readSource("arrow", { path: directory.file("d.arrow", "") })).toEqual([]);
  });

  test("read() fails with a Failure or gives record batches when the stream is damaged", async () => {
    using directory = new TestDirectory();
    const stream = arrowBytes([3, 5], "legacy");
    const change = fc.tuple(fc.nat({ max: stream.length - 1 }), fc.nat({ max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const bytes = Uint8Array.from(stream);
        for (const [at, value] of changes) bytes[at] = value;
        const path = directory.file("a.arrow", bytes);
        const said = await failureOf(readSource("arrow", { path }));
        expect(said === "nothing" || said.startsWith("source.")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
