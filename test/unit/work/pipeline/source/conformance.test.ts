/** One suite for all text sources: whatever the limits and wherever a run is resumed, the records are the same. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseRaw } from "../../../../../src/wire/format/index.ts";
import { chunks, type ReadCut, readSource, TestDirectory, viaJson } from "./support.ts";

interface Case {
  readonly name: string;
  readonly kind: string;
  /** Puts the input where it belongs and gives the parameters; stdin where there is one. */
  readonly prepare: (directory: TestDirectory) => {
    params: Record<string, unknown>;
    stdin?: () => AsyncIterable<Uint8Array>;
  };
}

const NDJSON = Array.from({ length: 60 }, (_, i) =>
  i % 7 === 3 ? "" : `{"id":${i},"note":"${"é".repeat(i % 11)}"}`,
).join("\n");
const CSV = `id,note\n${Array.from({ length: 50 }, (_, i) => (i % 5 ? `${i},x${i}` : `${i},"two\r\nlines ""${i}"""`)).join("\r\n")}`;
const LOG = Array.from(
  { length: 40 },
  (_, i) => `10.0.0.${i} - - [17/May/2015:10:05:${10 + i} +0000] "GET /${i} HTTP/1.1" 200 ${i}`,
);

const CASES: readonly Case[] = [
  { name: "an NDJSON file", kind: "ndjson", prepare: (d) => ({ params: { path: d.file("a.ndjson", NDJSON) } }) },
  { name: "a gzip file", kind: "ndjson", prepare: (d) => ({ params: { path: d.file("a.gz", gzipSync(NDJSON)) } }) },
  {
    name: "concatenated gzip members",
    kind: "ndjson",
    prepare: (d) => ({
      params: { path: d.file("a.gz", Buffer.concat([gzipSync(NDJSON.slice(0, 333)), gzipSync(NDJSON.slice(333))])) },
    }),
  },
  {
    name: "a glob of plain and gzip files",
    kind: "ndjson",
    prepare: (d) => {
      d.file("1.ndjson", NDJSON);
      d.file("2.ndjson", "");
      d.file("3.ndjson", gzipSync(`${NDJSON}\n`));
      return { params: { path: join(d.path, "*.ndjson") } };
    },
  },
  {
    name: "standard input",
    kind: "ndjson",
    prepare: () => ({
      params: { path: "-" },
      stdin: () => chunks([NDJSON.slice(0, 10), "", NDJSON.slice(10, 500), NDJSON.slice(500)]),
    }),
  },
  { name: "a CSV file", kind: "csv", prepare: (d) => ({ params: { path: d.file("a.csv", `\ufeff${CSV}`) } }) },
  {
    name: "a glob of CSV files with headers of their own",
    kind: "csv",
    prepare: (d) => {
      d.file("1.csv", CSV);
      d.file("2.csv", `\r\nnote;x,id\r\n"a",1\r\nb,2`);
      return { params: { path: join(d.path, "*.csv") } };
    },
  },
  { name: "lines", kind: "lines", prepare: (d) => ({ params: { path: d.file("a.txt", NDJSON), field: "text" } }) },
  {
    name: "an access log",
    kind: "apache",
    prepare: (d) => ({ params: { path: d.file("a.log", `${LOG.join("\r\n")}\r\n`) } }),
  },
];

/** Records with the line each cut says it begins at, so that a wrong line number shows. */
function recordsOf(cuts: readonly ReadCut[]): { records: string[]; malformed: unknown[] } {
  const records: string[] = [];
  const malformed: unknown[] = [];
  for (const cut of cuts) {
    const parsed = parseRaw(cut.content, cut.format, { id: cut.id, timeMs: cut.timeMs, line: cut.line });
    for (let row = 0; row < parsed.batch.length; row++) records.push(parsed.batch.json(row));
    malformed.push(...parsed.malformed.map(({ line, reason, text }) => ({ line, reason, text })));
  }
  return { records, malformed };
}

for (const { name, kind, prepare } of CASES) {
  describe(`a source over ${name}`, () => {
    test("read() gives the same records for any limits and any resumption", async () => {
      using directory = new TestDirectory();
      const { params, stdin } = prepare(directory);
      const more = () => (stdin ? { stdin: stdin() } : {});
      const whole = await readSource(kind, params, { more: more() });
      const expected = recordsOf(whole);
      expect(expected.records.length).toBeGreaterThan(30);
      const plan = fc.array(
        fc.record({
          cuts: fc.integer({ min: 1, max: 3 }),
          rows: fc.integer({ min: 1, max: 9 }),
          bytes: fc.integer({ min: 1, max: 400 }),
        }),
        { maxLength: 6 },
      );
      await fc.assert(
        fc.asyncProperty(plan, async (steps) => {
          const cuts: ReadCut[] = [];
          for (const { cuts: count, ...limits } of steps) {
            const position = viaJson(cuts.at(-1)?.position);
            cuts.push(
              ...(await readSource(kind, params, { position, limits, cuts: count, targetBytes: 512, more: more() })),
            );
          }
          cuts.push(...(await readSource(kind, params, { position: viaJson(cuts.at(-1)?.position), more: more() })));
          expect(recordsOf(cuts)).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    });

    test("read() gives the same cuts when the same range is read again", async () => {
      using directory = new TestDirectory();
      const { params, stdin } = prepare(directory);
      const more = () => (stdin ? { stdin: stdin() } : {});
      const limits = { rows: 7, bytes: 300 };
      const first = await readSource(kind, params, { limits, targetBytes: 512, more: more() });
      const again = await readSource(kind, params, {
        limits,
        targetBytes: 512,
        more: more(),
        position: viaJson(first[1]!.position),
      });
      const told = ({ id, content, rows, line, timeMs, format, position }: ReadCut) => ({
        id,
        content,
        rows,
        line,
        timeMs,
        format,
        position,
      });
      expect(again.map(told)).toEqual(first.slice(2).map(told));
      expect(new Set(first.map((cut) => cut.id)).size).toBe(first.length);
    });

    test("read() reports progress that grows up to the size of the input", async () => {
      using directory = new TestDirectory();
      const { params, stdin } = prepare(directory);
      const cuts = await readSource(kind, params, {
        limits: { rows: 5, bytes: 400 },
        ...(stdin && { more: { stdin: stdin() } }),
      });
      const progress = cuts.map((cut) => cut.progressBytes);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(progress.at(-1)).toBeGreaterThan(0);
    });
  });
}
