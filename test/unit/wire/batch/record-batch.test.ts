import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Value } from "../../../../src/sdk/index.ts";
import { batchFromRecords, packBatch, type RecordBatch, readBatch } from "../../../../src/wire/batch/index.ts";
import { fieldName, META, ndjson, parse, recordText } from "./support.ts";

type Plain = Map<string, unknown>;
const GONE = Symbol("gone");

const plainValue: fc.Arbitrary<Value | undefined> = fc.oneof(
  fc.constantFrom(undefined, null, true, false, 0, 1.5, -7, 9007199254740993n, 2n ** 70n, "plain", "é\ud800", '"\\\n'),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom<Value>([1, [2n ** 60n, "x"]], { k: null, "q\u00e9": [] }),
);

type Edit = (batch: RecordBatch, model: (Plain | typeof GONE)[], added: Plain[]) => void;

const at = fc.nat({ max: 20 });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(at, fieldName, plainValue).map(
    ([row, name, value]): Edit =>
      (batch, model) => {
        if (batch.length === 0) return;
        batch.set(row % batch.length, name, value);
        put(model[row % batch.length]!, name, value);
      },
  ),
  fc.tuple(fieldName, fc.array(plainValue, { minLength: 8, maxLength: 8 })).map(
    ([name, values]): Edit =>
      (batch, model) => {
        batch.addColumn(
          name,
          Array.from({ length: batch.length }, (_, row) => values[row % 8]),
        );
        model.forEach((record, row) => {
          put(record, name, values[row % 8]);
        });
      },
  ),
  fc.tuple(fieldName, fc.float64Array({ minLength: 8, maxLength: 8, noDefaultInfinity: true })).map(
    ([name, values]): Edit =>
      (batch, model) => {
        const clean = Float64Array.from({ length: batch.length }, (_, row) => values[row % 8]! + 0); // no -0: JSON text loses its sign
        batch.addColumn(name, clean);
        model.forEach((record, row) => {
          put(record, name, Number.isNaN(clean[row]) ? undefined : clean[row]);
        });
      },
  ),
  fieldName.map(
    (name): Edit =>
      (batch, model) => {
        batch.removeColumn(name);
        for (const record of model) put(record, name, undefined);
      },
  ),
  at.map(
    (row): Edit =>
      (batch, model) => {
        if (batch.length === 0) return;
        batch.drop(row % batch.length);
        model[row % batch.length] = GONE;
      },
  ),
  at.map(
    (row): Edit =>
      (batch, model) => {
        if (batch.length === 0) return;
        batch.reject(row % batch.length, "why");
        model[row % batch.length] = GONE;
      },
  ),
  fc.tuple(fieldName, plainValue).map(
    ([name, value]): Edit =>
      (batch, _model, added) => {
        batch.append({ [name]: value, last: 1 });
        const record: Plain = new Map([["last", 1]]);
        put(record, name, value);
        added.push(record);
      },
  ),
);

/** A step of a pipeline: edits, then perhaps the batch goes through bytes. */
const stage = fc.tuple(fc.array(edit, { maxLength: 6 }), fc.boolean());

function put(record: Plain | typeof GONE, name: string, value: unknown): void {
  if (record === GONE) return;
  if (value === undefined) record.delete(name);
  else record.set(name, value);
}

describe("RecordBatch", () => {
  test("RecordBatch does what an array of records does when stages set, add, remove, drop, reject and append", () => {
    fc.assert(
      fc.property(fc.array(recordText, { maxLength: 8 }), fc.array(stage, { maxLength: 3 }), (records, stages) => {
        let { batch } = parse(records.join("\n"));
        let model: (Plain | typeof GONE)[] = records.map((text, row) => fieldsOf(batch.record(row), text));
        for (const [edits, throughBytes] of stages) {
          const added: Plain[] = [];
          for (const change of edits) change(batch, model, added);
          compareColumns(batch, model);
          compareRecords(batch, model);
          if (!throughBytes && added.length > 0) return; // appended records become rows on the way through bytes
          if (!throughBytes) continue;
          model = [...model.filter((record) => record !== GONE), ...added];
          batch = throughEnvelope(batch);
          expect(batch.length).toBe(model.length);
        }
        const written = parse(ndjson(batch)).batch;
        const expected = model.filter((record) => record !== GONE);
        expect(written.length).toBe(expected.length);
        expected.forEach((record, row) => {
          expect(fieldsOf(written.record(row))).toEqual(record as Plain);
        });
      }),
      { numRuns: 600 },
    );
  });

  test("RecordBatch counts each row once when it is dropped and rejected again", () => {
    const batch = batchFromRecords([{ a: 1 }, { a: 2 }, { a: 3 }], META);
    batch.drop(1);
    batch.drop(1);
    batch.reject(1, "too late");
    batch.reject(2, "bad");
    batch.append({ b: 1 });
    const { filteredRows, rejected, appendedRows, liveRows } = batch;
    expect({ filteredRows, rejected, appendedRows, liveRows }).toEqual({
      filteredRows: 1,
      rejected: [{ row: 2, reason: "bad" }],
      appendedRows: 1,
      liveRows: 1,
    });
    expect([0, 1, 2].map((row) => batch.isLive(row))).toEqual([true, false, false]);
    expect(ndjson(batch)).toBe('{"a":1}\n{"b":1}\n');
  });

  test("set() leaves the text of other rows and fields as it was when it changes one value", () => {
    const { batch } = parse('{"a" : 1.0, "b":"\\u0041"}\n{ "b": 2e0 ,"a":12345678901234567890 }\n');
    batch.set(0, "b", "new");
    batch.set(1, "c", true);
    expect(ndjson(batch)).toBe('{"a" : 1.0, "b":"new"}\n{ "b": 2e0 ,"a":12345678901234567890,"c":true }\n');
  });

  test("removeColumn() cuts the field with its comma when it is first, middle, last or alone", () => {
    const { batch } = parse('{"a":1, "b":2 , "c":3}\n{"b":2,"a":1}\n{"c":1,"b":2}\n{ "b" : 2 }\n{"a":1}\n');
    batch.removeColumn("b");
    expect(ndjson(batch)).toBe('{"a":1 , "c":3}\n{"a":1}\n{"c":1}\n{ }\n{"a":1}\n');
    batch.removeColumn("a");
    expect(ndjson(batch)).toBe('{ "c":3}\n{}\n{"c":1}\n{ }\n{}\n');
    batch.addColumn("d", Int32Array.of(1, 2, 3, 4, 5));
    expect(ndjson(batch)).toBe('{ "c":3,"d":1}\n{"d":2}\n{"c":1,"d":3}\n{"d":4 }\n{"d":5}\n');
    expect(batch.columnNames).toEqual(["c", "d"]);
  });

  test("addColumn() takes every kind of values and gives them back when the batch went through bytes", () => {
    const data = Buffer.from("xéy");
    const { batch } = parse("{}\n{}\n{}");
    batch.addColumn("double", Float64Array.of(1.5, Number.NaN, 3));
    batch.addColumn("int32", Int32Array.of(-1, 0, 7));
    batch.addColumn("int64", BigInt64Array.of(-(2n ** 63n), 5n, 2n ** 62n));
    batch.addColumn("text", { type: "string", values: { offsets: Int32Array.of(0, 1, 3, 4), data } });
    batch.addColumn("time", { type: "timestamp", values: Float64Array.of(0, 1.7e12, Number.NaN) });
    batch.addColumn("flag", { type: "bool", values: Uint8Array.of(1, 0, 2) });
    batch.addColumn("blob", [Uint8Array.of(1, 255), null, undefined]);
    batch.addColumn("null", [null, null, undefined]);
    for (const seen of [batch, throughEnvelope(batch)]) {
      expect(
        seen.columnNames.map((name) => [
          name,
          seen.column(name)!.type,
          [0, 1, 2].map((row) => seen.column(name)!.get(row)),
        ]),
      ).toEqual([
        ["double", "double", [1.5, undefined, 3]],
        ["int32", "integer", [-1, 0, 7]],
        ["int64", "integer", [-(2n ** 63n), 5, 2n ** 62n]],
        ["text", "string", ["x", "é", "y"]],
        ["time", "timestamp", ["1970-01-01T00:00:00.000Z", "2023-11-14T22:13:20.000Z", undefined]],
        ["flag", "bool", [true, false, true]],
        ["blob", "bytes", [Uint8Array.of(1, 255), null, undefined]],
        ["null", "null", [null, null, undefined]],
      ]);
      expect(seen.column("time")!.number(1)).toBe(1.7e12);
      expect(seen.json(0)).toBe(
        '{"double":1.5,"int32":-1,"int64":-9223372036854775808,"text":"x","time":"1970-01-01T00:00:00.000Z","flag":true,"blob":"Af8=","null":null}',
      );
      expect(seen.record(0).blob).toEqual(Uint8Array.of(1, 255));
    }
  });

  test("addColumn() keeps every digit of a bigint when fractions stand beside it", () => {
    const batch = batchFromRecords([{}, {}], META);
    batch.addColumn("n", [0.5, 2n ** 53n + 1n]);
    expect(throughEnvelope(batch).column("n")!.get(1)).toBe(9007199254740993n);
  });

  test("addColumn() makes NaN a missing field and an infinity null", () => {
    const batch = batchFromRecords([{ a: 1 }, { a: 2 }, { a: 3 }], META);
    batch.addColumn("a", Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, 5));
    expect(ndjson(batch)).toBe('{}\n{"a":null}\n{"a":5}\n');
    expect([0, 1, 2].map((row) => batch.record(row))).toEqual([{}, { a: null }, { a: 5 }]);
  });

  test("addColumn() refuses values when their number, offsets or encoding do not fit", () => {
    const batch = batchFromRecords([{}, {}], META);
    const text = (offsets: number[], data: Uint8Array) => () =>
      batch.addColumn("t", { type: "string", values: { offsets: Int32Array.from(offsets), data } });
    expect(() => batch.addColumn("n", [1])).toThrow('column "n" has 1 values; the batch has 2 rows');
    expect(text([0, 1], Buffer.from("ab"))).toThrow("has 1 values");
    expect(text([0, 2, 1], Buffer.from("ab"))).toThrow("offset 2 is 1");
    expect(text([0, 1, 3], Buffer.from("ab"))).toThrow("offset 2 is 3");
    expect(text([0, 1, 2], Buffer.from("é"))).toThrow("must not split a character");
    expect(text([0, 1, 2], Uint8Array.of(97, 0xff))).toThrow("not valid UTF-8");
  });

  test("column() says the narrowest type that fits when values differ", () => {
    const types = (...values: string[]) =>
      parse(values.map((value) => `{"v":${value}}`).join("\n")).batch.column("v")!.type;
    expect(types("1", "2", "null")).toBe("integer");
    expect(types("1", "9007199254740993")).toBe("integer");
    expect(types("1", "99999999999999999999")).toBe("json");
    expect(types("1", "2.0")).toBe("double");
    expect(types("1.5", "9007199254740993")).toBe("json");
    expect(types('"x"', '"é"', '"\\n"')).toBe("string");
    expect(types("true", "false")).toBe("bool");
    expect(types("null", "null")).toBe("null");
    expect(types('"x"', "1")).toBe("json");
    expect(types("[1]")).toBe("json");
    expect(parse('{"a":1}').batch.column("v")).toBeUndefined();
  });

  test("string() tells strings apart when they agree in length, beginning, middle and end", () => {
    const base = "abcdefghijklmnopqrstu";
    const words = Array.from({ length: 4000 }, (_, row) => {
      const word = base.slice(0, 6 + (row % 15));
      const at = (row >> 4) % word.length;
      return `${word.slice(0, at)}${(row >> 2) % 3}${word.slice(at + 1)}`;
    });
    const { batch } = parse(words.map((word) => `{"w":"${word}"}`).join("\n"));
    const column = batch.column("w")!;
    expect(words.map((_word, row) => column.string(row)!)).toEqual(words);
    expect(words.map((_word, row) => column.get(row) as string)).toEqual(words);
  });

  test("bytes() gives text of strings and JSON of other values", () => {
    const { batch } = parse('{"v":"x\\u00e9"}\n{"v":"é"}\n{"v":[1, 2]}\n{"v":null}\n{}');
    const read = () =>
      [0, 1, 2, 3, 4]
        .map((row) => batch.column("v")!.bytes(row))
        .map((bytes) => bytes && Buffer.from(bytes).toString());
    expect(read()).toEqual(["xé", "é", "[1, 2]", "null", undefined]);
    batch.set(4, "v", "own");
    expect(read()).toEqual(["xé", "é", "[1, 2]", "null", "own"]);
  });

  test("selectRows() narrows a batch to live rows in the ranges when columns were set", () => {
    const { batch } = parse([0, 1, 2, 3, 4, 5].map((n) => `{"n":${n}}`).join("\n"));
    batch.addColumn("square", Float64Array.of(0, 1, 4, 9, 16, 25));
    batch.set(4, "n", "four");
    batch.drop(1);
    const part = batch.selectRows([
      [0, 2],
      [3, 99],
    ]);
    expect(part.length).toBe(4);
    const expected = '{"n":0,"square":0}\n{"n":3,"square":9}\n{"n":"four","square":16}\n{"n":5,"square":25}\n';
    expect(ndjson(part)).toBe(expected);
    expect(ndjson(throughEnvelope(part))).toBe(expected);
    expect(part.id).toBe(batch.id);
  });

  test("append() refuses what is not a record", () => {
    const batch = batchFromRecords([], META);
    expect(() => batch.append([1] as unknown as { a: 1 })).toThrow("expected a JSON object");
    expect(() => batch.appendJson('{"a":1}\n{"a":2}')).toThrow("expected exactly one JSON object");
    const circle: { self?: Value } = {};
    circle.self = circle as Value;
    expect(() => batch.append(circle)).toThrow("contains itself");
    expect(batch.appendedRows).toBe(0);
  });

  test("RecordBatch refuses a row when it has no such number", () => {
    const batch = batchFromRecords([{ a: 1 }], META);
    for (const row of [-1, 1, 0.5, Number.NaN]) {
      expect(() => batch.record(row)).toThrow(`row ${row} of a batch`);
      expect(() => batch.drop(row)).toThrow(`row ${row} of a batch`);
      expect(() => batch.set(row, "a", 1)).toThrow();
      expect(() => batch.json(row)).toThrow();
    }
  });
});

function throughEnvelope(batch: RecordBatch): RecordBatch {
  const packed = packBatch(batch);
  const target = new Uint8Array(packed.sizeBytes);
  expect(packed.writeTo(target)).toBe(packed.sizeBytes);
  return readBatch(target);
}

/** Fields of a record as a map, so that no name is special. */
function fieldsOf(record: object, text?: string): Plain {
  if (text !== undefined) expect(Object.keys(record).length).toBe(Object.keys(JSON.parse(text) as object).length);
  return new Map(Object.keys(record).map((name) => [name, (record as Record<string, unknown>)[name]]));
}

function compareColumns(batch: RecordBatch, model: readonly (Plain | typeof GONE)[]): void {
  for (const name of batch.columnNames) {
    const column = batch.column(name)!;
    model.forEach((record, row) => {
      if (record === GONE) return;
      const value = record.get(name);
      expect(column.get(row)).toEqual(value as Value);
      expect(column.string(row)).toBe(typeof value === "string" ? value : undefined);
      expect(column.number(row)).toBe(
        typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN,
      );
      expect(column.numbers()[row]).toBe(column.number(row));
    });
  }
}

/** record() and json() say the same, whether or not the row is still in. */
function compareRecords(batch: RecordBatch, model: readonly (Plain | typeof GONE)[]): void {
  model.forEach((record, row) => {
    if (record === GONE) return;
    expect(fieldsOf(batch.record(row))).toEqual(record);
    expect(Object.keys(batch.record(row))).toEqual(Object.keys(parse(batch.json(row)).batch.record(0)));
  });
}
