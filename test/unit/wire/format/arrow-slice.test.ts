import { describe, expect, test } from "bun:test";
import {
  Bool,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  List,
  Null,
  RecordBatchStreamWriter,
  Struct,
  Table,
  TimestampMillisecond,
  tableFromIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import {
  ARROW_END,
  ArrowSlicer,
  listArrowMessages,
  readArrowLayouts,
  readArrowPrefix,
} from "../../../../src/wire/format/index.ts";

const ROWS = 61;

function column(value: (i: number) => unknown, type: unknown): Vector {
  return vectorFromArray(Array.from({ length: ROWS }, (_, i) => value(i)) as never[], type as Utf8); // any type, any value
}

const TABLE = new Table({
  text: column((i) => (i % 4 === 1 ? null : "é".repeat(i % 5)), new Utf8()),
  plain: column((i) => `t${i}`, new Utf8()),
  bool: column((i) => (i % 3 === 0 ? null : i % 2 === 0), new Bool()),
  int: column((i) => i * 3, new Int32()),
  big: column((i) => (i % 7 === 2 ? null : BigInt(i) ** 9n), new Int64()),
  single: column((i) => i / 2, new Float32()),
  day: column((i) => new Date(i * 86_400_000), new DateDay()),
  time: column((i) => i * 1000, new TimestampMillisecond()),
  nothing: column(() => null, new Null()),
  dictionary: column((i) => ["a", "b", "c"][i % 3], new Dictionary(new Utf8(), new Int32())),
  list: column(
    (i) => (i % 5 === 3 ? null : Array.from({ length: i % 4 }, (_, k) => `${i}.${k}`)),
    new List(new Field("item", new Utf8(), true)),
  ),
  flags: column(
    (i) => Array.from({ length: i % 3 }, (_, k) => k % 2 === 0),
    new List(new Field("item", new Bool(), true)),
  ),
  pair: column((i) => [i, i + 1], new FixedSizeList(2, new Field("item", new Int32(), true))),
  nested: column(
    (i) => ({ x: i, y: i % 2 ? null : `y${i}` }),
    new Struct([new Field("x", new Int32(), true), new Field("y", new Utf8(), true)]),
  ),
  decimal: column((i) => Uint32Array.of(i, 0, 0, 0), new Decimal(0, 20, 128)),
});

const STREAM = streamOf(TABLE);

function streamOf(table: Table): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.write(table);
  return writer.finish().toUint8Array(true);
}

function open(stream: Uint8Array): { slicer: ArrowSlicer; before: Uint8Array } {
  const messages = listArrowMessages(stream);
  const batch = messages.find(({ kind }) => kind === "batch");
  if (batch === undefined) throw new Failure("test.no_batch", "the damage turned the record batch into something else");
  const layouts = readArrowLayouts(stream.subarray(messages[0]!.from, messages[0]!.to));
  if (!("columns" in layouts)) throw new Error(layouts.why);
  const { prefixBytes, metadataBytes } = readArrowPrefix(stream.subarray(batch.from));
  const metadata = stream.subarray(batch.from + prefixBytes, batch.from + prefixBytes + metadataBytes);
  const bodyAt = batch.to - batch.bodyBytes;
  const read = async (target: Uint8Array, offset: number): Promise<void> => {
    if (bodyAt + offset + target.length > batch.to) throw new Error("a read behind the body");
    target.set(stream.subarray(bodyAt + offset, bodyAt + offset + target.length));
  };
  return {
    slicer: new ArrowSlicer(layouts.columns, metadata, batch.bodyBytes, read),
    before: stream.subarray(0, batch.from),
  };
}

async function slice(stream: Uint8Array, from: number, rows: number): Promise<Uint8Array> {
  const { slicer, before } = open(stream);
  const plan = await slicer.plan(from, rows);
  const target = new Uint8Array(plan.sizeBytes).fill(0xaa);
  const bytes = await slicer.write(plan, target);
  expect(bytes).toBeLessThanOrEqual(plan.sizeBytes);
  return Buffer.concat([before, target.subarray(0, bytes), ARROW_END]);
}

function rowsOf(stream: Uint8Array): unknown[] {
  return tableFromIPC(stream)
    .toArray()
    .map((row) => JSON.parse(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value))));
}

describe("ArrowSlicer", () => {
  test("write() gives the rows that apache-arrow sees, wherever the cut lies", async () => {
    const all = rowsOf(STREAM);
    expect(all.length).toBe(ROWS);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: ROWS }), fc.nat({ max: ROWS }), async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        expect(rowsOf(await slice(STREAM, from, to - from))).toEqual(all.slice(from, to));
      }),
      { numRuns: 60 },
    );
  });

  test("write() counts the nulls of the rows it takes", async () => {
    const part = tableFromIPC(await slice(STREAM, 2, 9));
    const whole = TABLE.slice(2, 11);
    const counts = (table: Table): unknown[] =>
      table.schema.fields.map(({ name }, i) => [name, table.getChildAt(i)!.nullCount]);
    // apache-arrow does not count those of a column of nulls
    expect(counts(part).filter((each) => !String(each).startsWith("nothing"))).toEqual(
      counts(whole).filter((each) => !String(each).startsWith("nothing")),
    );
  });

  test("plan() throws a Failure and reads inside the body only when the header is damaged", async () => {
    const batch = listArrowMessages(STREAM).find(({ kind }) => kind === "batch")!;
    const header = batch.to - batch.bodyBytes - batch.from;
    const change = fc.tuple(fc.integer({ min: batch.from + 8, max: batch.from + header - 1 }), fc.nat({ max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const stream = Uint8Array.from(STREAM);
        for (const [at, value] of changes) stream[at] = value;
        try {
          await slice(stream, 3, 20);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 500 },
    );
  });
});
