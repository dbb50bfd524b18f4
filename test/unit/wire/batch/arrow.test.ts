import { describe, expect, test } from "bun:test";
import * as arrow from "apache-arrow";
import fc from "fast-check";
import {
  batchFromArrow,
  batchFromRecords,
  batchToArrow,
  packBatch,
  type RecordBatch,
  readBatch,
} from "../../../../src/wire/batch/index.ts";
import { META, ndjson, parse } from "./support.ts";

/** What apache-arrow, the reference implementation, reads out of the stream. */
function reference(ipc: Uint8Array): Record<string, unknown>[] {
  return arrow
    .tableFromIPC(ipc)
    .toArray()
    .map((row) => (row as { toJSON(): Record<string, unknown> }).toJSON());
}

function fromReference(columns: Record<string, arrow.Vector>): RecordBatch {
  return batchFromArrow(arrow.tableToIPC(new arrow.Table(columns)), META);
}

function valuesOf(batch: RecordBatch, name: string): unknown[] {
  return Array.from({ length: batch.length }, (_, row) => batch.column(name)!.get(row));
}

describe("batchToArrow()", () => {
  test("batchToArrow() writes what apache-arrow reads when columns have every type", () => {
    const { batch } = parse(
      '{"i":1,"d":1.5,"s":"é","b":true,"n":null,"j":[1]}\n{"i":9007199254740993,"d":-2,"s":null,"j":"x"}\n',
    );
    batch.addColumn("t", { type: "timestamp", values: Float64Array.of(0, Number.NaN) });
    batch.addColumn("raw", [Uint8Array.of(1, 2), null]);
    batch.addColumn("own", ["a", undefined]);
    batch.addColumn("flag", [false, true]);
    const { ipc, schema, misfits } = batchToArrow(batch);
    expect(misfits).toEqual([]);
    expect(Object.fromEntries(schema.map(({ name, type }) => [name, type]))).toEqual({
      i: "integer",
      d: "double",
      s: "string",
      b: "bool",
      n: "null",
      j: "json",
      t: "timestamp",
      raw: "bytes",
      own: "string",
      flag: "bool",
    });
    expect(reference(ipc)).toEqual([
      { i: 1n, d: 1.5, s: "é", b: true, n: null, j: "[1]", t: 0, raw: Uint8Array.of(1, 2), own: "a", flag: false },
      { i: 9007199254740993n, d: -2, s: null, b: null, n: null, j: '"x"', t: null, raw: null, own: null, flag: true },
    ]);
  });

  test("batchToArrow() and batchFromArrow() give the records back when missing fields count as null", () => {
    const value = fc.oneof(
      fc.integer(),
      fc.constant(null),
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
      fc.constantFrom([1, "x"], { k: [] }),
    );
    const record = fc.record(
      { a: value, b: fc.integer(), c: fc.string().filter((text) => text.isWellFormed()) },
      { requiredKeys: ["b"] },
    );
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 12 }), fc.boolean(), (records, settled) => {
        let batch = batchFromRecords(records, META);
        if (settled) batch = readBatch(packed(batch));
        const back = batchFromArrow(batchToArrow(batch).ipc, META);
        expect(back.length).toBe(records.length);
        for (const name of batch.columnNames) {
          expect(valuesOf(back, name)).toEqual(valuesOf(batch, name).map((item) => item ?? null));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("batchToArrow() leaves dropped rows out and takes appended records in", () => {
    const batch = batchFromRecords([{ a: 1 }, { a: 2 }, { a: 3 }], META);
    batch.addColumn("b", ["x", "y", "z"]);
    batch.drop(1);
    batch.append({ a: 4 });
    expect(reference(batchToArrow(batch).ipc)).toEqual([
      { a: 1n, b: "x" },
      { a: 3n, b: "z" },
      { a: 4n, b: null },
    ]);
  });

  test("batchToArrow() reports the values that do not fit when a schema is given", () => {
    const batch = batchFromRecords(
      [
        { a: 1, b: "x" },
        { a: 1.5, b: 2 },
        { a: "text", c: true },
      ],
      META,
    );
    const { ipc, misfits } = batchToArrow(batch, [
      { name: "a", type: "integer" },
      { name: "b", type: "string" },
      { name: "late", type: "double" },
    ]);
    expect(misfits).toEqual([
      { row: 1, field: "a", type: "integer", value: "1.5" },
      { row: 2, field: "a", type: "integer", value: '"text"' },
      { row: 1, field: "b", type: "string", value: "2" },
      { row: 2, field: "c", type: undefined, value: "true" },
    ]);
    expect(reference(ipc)[0]).toEqual({ a: 1n, b: "x", late: null });
  });

  test("batchToArrow() converts values when the schema's type holds them exactly", () => {
    const { batch } = parse('{"d":1,"t":"2024-05-06T07:08:09Z","j":1.0,"big":9007199254740992}\n');
    const types = { d: "double", t: "timestamp", j: "json", big: "double" } as const;
    const { ipc, misfits } = batchToArrow(
      batch,
      Object.entries(types).map(([name, type]) => ({ name, type })),
    );
    expect(misfits).toEqual([]);
    expect(reference(ipc)).toEqual([{ d: 1, t: Date.UTC(2024, 4, 6, 7, 8, 9), j: "1", big: 9007199254740992 }]);
  });
});

describe("batchFromArrow()", () => {
  test("batchFromArrow() reads what apache-arrow writes when columns have plain types", () => {
    const batch = fromReference({
      i8: arrow.vectorFromArray([-1, null, 3], new arrow.Int8()),
      u32: arrow.vectorFromArray([4294967295, 0, null], new arrow.Uint32()),
      i64: arrow.vectorFromArray([-(2n ** 63n), null, 7n], new arrow.Int64()),
      u64: arrow.vectorFromArray([2n ** 64n - 1n, 1n, null], new arrow.Uint64()),
      f32: arrow.vectorFromArray([0.5, null, -1], new arrow.Float32()),
      f64: arrow.vectorFromArray([0.1, Number.NaN, null], new arrow.Float64()),
      text: arrow.vectorFromArray(["é", null, ""], new arrow.Utf8()),
      word: arrow.vectorFromArray(["x", "y", null], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())),
      flag: arrow.vectorFromArray([true, false, null], new arrow.Bool()),
      raw: arrow.vectorFromArray([Uint8Array.of(9), null, Uint8Array.of()], new arrow.Binary()),
    });
    expect(Object.fromEntries(batch.columnNames.map((name) => [name, valuesOf(batch, name)]))).toEqual({
      i8: [-1, null, 3],
      u32: [4294967295, 0, null],
      i64: [-(2n ** 63n), null, 7],
      u64: [2n ** 64n - 1n, 1, null],
      f32: [0.5, null, -1],
      f64: [0.1, null, null],
      text: ["é", null, ""],
      word: ["x", "y", null],
      flag: [true, false, null],
      raw: [Uint8Array.of(9), null, Uint8Array.of()],
    });
    expect(batch.columnNames.map((name) => batch.column(name)!.type)).toEqual([
      "integer",
      "integer",
      "integer",
      "json",
      "double",
      "double",
      "string",
      "dictionary",
      "bool",
      "bytes",
    ]);
    expect(ndjson(readBatch(packed(batch))).split("\n")[0]).toBe(
      '{"i8":-1,"u32":4294967295,"i64":-9223372036854775808,"u64":18446744073709551615,"f32":0.5,"f64":0.1,"text":"é","word":"x","flag":true,"raw":"CQ=="}',
    );
  });

  test("batchFromArrow() keeps every digit when times are finer than milliseconds", () => {
    const micros = new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, "UTC");
    const data = (values: bigint[]) =>
      arrow.makeVector(arrow.makeData({ type: micros, data: BigInt64Array.from(values) }));
    const fine = fromReference({ t: data([1_700_000_000_123_456n, -1n]) });
    expect(valuesOf(fine, "t")).toEqual(["2023-11-14T22:13:20.123456Z", "1969-12-31T23:59:59.999999Z"]);
    const coarse = fromReference({ t: data([1_700_000_000_123_000n, -1000n]) });
    expect(coarse.column("t")!.type).toBe("timestamp");
    expect(valuesOf(coarse, "t")).toEqual(["2023-11-14T22:13:20.123Z", "1969-12-31T23:59:59.999Z"]);
    expect(coarse.column("t")!.number(1)).toBe(-1);
  });

  test("batchFromArrow() makes dates, times and decimals readable and exact", () => {
    const decimal = new arrow.Decimal(4, 10, 128);
    const cells = Uint32Array.of(123456, 0, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
    const batch = fromReference({
      day: arrow.vectorFromArray([new Date("2024-02-29"), null], new arrow.DateDay()),
      time: arrow.makeVector(
        arrow.makeData({ type: new arrow.TimeMicrosecond(), data: BigInt64Array.of(3_723_000_004n, 0n) }),
      ),
      price: arrow.makeVector(arrow.makeData({ type: decimal, data: cells })),
    });
    expect(ndjson(batch)).toBe(
      '{"day":"2024-02-29","time":"01:02:03.000004","price":12.3456}\n{"day":null,"time":"00:00:00.000000","price":-0.0001}\n',
    );
  });

  test("batchFromArrow() reads nested values as JSON", () => {
    const list = new arrow.List(new arrow.Field("item", new arrow.Int64(), true));
    const struct = new arrow.Struct([
      new arrow.Field("k", new arrow.Utf8(), true),
      new arrow.Field("n", new arrow.Float64(), true),
    ]);
    const batch = fromReference({
      list: arrow.vectorFromArray([[1n, 2n ** 60n], null, []], list),
      struct: arrow.vectorFromArray([{ k: "x", n: 1.5 }, { k: null, n: null }, null], struct),
    });
    expect(ndjson(batch)).toBe(
      '{"list":[1,1152921504606846976],"struct":{"k":"x","n":1.5}}\n{"list":null,"struct":{"k":null,"n":null}}\n{"list":[],"struct":null}\n',
    );
  });

  test("batchFromArrow() joins the record batches of a stream", () => {
    const part = (values: number[]) => new arrow.Table({ v: arrow.vectorFromArray(values, new arrow.Float64()) });
    const batch = batchFromArrow(arrow.tableToIPC(part([1, 2]).concat(part([3]))), META);
    expect([...batch.column("v")!.numbers()]).toEqual([1, 2, 3]);
  });

  test("batchFromArrow() takes edits like any other batch", () => {
    const batch = fromReference({
      a: arrow.vectorFromArray([1, 2], new arrow.Int32()),
      b: arrow.vectorFromArray(["x", "y"], new arrow.Utf8()),
    });
    batch.set(0, "a", "one");
    batch.removeColumn("b");
    batch.append({ c: null });
    expect(ndjson(batch)).toBe('{"a":"one"}\n{"a":2}\n{"c":null}\n');
    expect(ndjson(readBatch(packed(batch)))).toBe('{"a":"one"}\n{"a":2}\n{"c":null}\n');
  });

  test("batchFromArrow() takes a name that is left out for an empty one", () => {
    const batch = fromReference({ "": arrow.vectorFromArray([1], new arrow.Int32()) }); // apache-arrow writes no empty names
    expect(batch.column("")?.get(0)).toBe(1);
    expect(ndjson(batch)).toBe('{"":1}\n');
  });

  test("batchFromArrow() gives a failure or a batch when the bytes are damaged", () => {
    const table = new arrow.Table({
      i: arrow.vectorFromArray([1n, 2n, null], new arrow.Int64()),
      s: arrow.vectorFromArray(["x", null, "yy"], new arrow.Utf8()),
      d: arrow.vectorFromArray(["x", "y", null], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())),
      l: arrow.vectorFromArray([[1], null, []], new arrow.List(new arrow.Field("item", new arrow.Int32(), true))),
    });
    const whole = arrow.tableToIPC(table);
    const damage = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), fc.nat({ max: whole.length }), (damages, cut) => {
        const bytes = whole.slice(0, cut % 3 === 0 ? cut : whole.length);
        for (const [at, value] of damages) if (at < bytes.length) bytes[at] = value;
        try {
          ndjson(batchFromArrow(bytes, META));
        } catch (thrown) {
          expect((thrown as { code?: string }).code).toStartWith("batch.");
        }
      }),
      { numRuns: 800 },
    );
  });

  test("batchFromArrow() reads the file format as it reads a stream", () => {
    const table = new arrow.Table({ v: arrow.vectorFromArray(["x", null], new arrow.Utf8()) });
    expect(ndjson(batchFromArrow(arrow.tableToIPC(table, "file"), META))).toBe('{"v":"x"}\n{"v":null}\n');
  });

  test("batchFromArrow() refuses a stream when a count in it lies", () => {
    const whole = arrow.tableToIPC(
      new arrow.Table({
        v: arrow.vectorFromArray([[1], [2, 3]], new arrow.List(new arrow.Field("item", new arrow.Int32()))),
      }),
    );
    let refused = 0;
    for (let at = 0; at + 4 <= whole.length; at += 4) {
      const lying = whole.slice();
      new DataView(lying.buffer, lying.byteOffset).setInt32(at, 0x7fffffff, true);
      try {
        ndjson(batchFromArrow(lying, META));
      } catch (thrown) {
        expect((thrown as { code?: string }).code).toStartWith("batch.");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(20);
  });

  test("batchFromArrow() refuses a list when its offsets leave its values", () => {
    const list = new arrow.List(new arrow.Field("item", new arrow.Int32()));
    const bytes = Buffer.from(arrow.tableToIPC(new arrow.Table({ v: arrow.vectorFromArray([[1], [2, 3]], list) })));
    const offsets = bytes.indexOf(Buffer.from(Int32Array.of(0, 1, 3).buffer));
    bytes.writeInt32LE(50_000_000, offsets + 8);
    expect(() => batchFromArrow(bytes, META)).toThrow("a list offset of 50000000 among 3 values");
    bytes.writeInt32LE(2, offsets + 8);
    bytes.writeInt32LE(3, offsets + 4);
    expect(() => batchFromArrow(bytes, META)).toThrow("a list offset of 2 among 3 values");
  });

  test("batchFromArrow() refuses two fields of one name", () => {
    const schema = new arrow.Schema([new arrow.Field("a", new arrow.Int32()), new arrow.Field("a", new arrow.Int32())]);
    const child = arrow.makeData({ type: new arrow.Int32(), data: Int32Array.of(1) });
    const data = arrow.makeData({ type: new arrow.Struct(schema.fields), length: 1, children: [child, child] });
    const ipc = arrow.tableToIPC(new arrow.Table([new arrow.RecordBatch(schema, data)]));
    expect(() => batchFromArrow(ipc, META)).toThrow('two fields are named "a"');
  });
});

function packed(batch: RecordBatch): Uint8Array {
  const pack = packBatch(batch);
  const bytes = new Uint8Array(pack.sizeBytes);
  pack.writeTo(bytes);
  return bytes;
}
