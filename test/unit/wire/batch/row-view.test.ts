import { describe, expect, test } from "bun:test";
import { batchFromRecords } from "../../../../src/wire/batch/index.ts";
import { META, ndjson, parse } from "./support.ts";

/** A name that linters warn of, and that a record may well have. */
const PROTO = "__proto__";

describe("Row", () => {
  test("Row reads fields, enumerates them and spreads like an object when it stands for a record", () => {
    const { batch } = parse('{"a":1,"b":"x"}\n{"b":null,"c":[1]}\n');
    expect([...batch].length).toBe(2);
    const seen: unknown[] = [];
    for (const row of batch) seen.push([batch.index, row.a, row.b, Object.keys(row), "a" in row, JSON.stringify(row)]);
    expect(seen).toEqual([
      [0, 1, "x", ["a", "b", "c"], true, '{"a":1,"b":"x"}'],
      [1, undefined, null, ["a", "b", "c"], true, '{"b":null,"c":[1]}'],
    ]);
    expect({ ...batch.row(0) }).toEqual({ a: 1, b: "x", c: undefined });
    expect(`${batch.row(1)}`).toBe('{"b":null,"c":[1]}');
  });

  test("Row treats no field name as special when it is __proto__, constructor or toString", () => {
    const { batch } = parse('{"__proto__":1,"constructor":2,"toString":3}\n{"a":0}\n');
    const row = batch.row(0);
    expect([row[PROTO], row.constructor, row.toString]).toEqual([1, 2, 3]);
    const plain = parse('{"a":0}').batch;
    const other = plain.row(0);
    expect([other[PROTO], other.constructor, other.toString, other.hasOwnProperty]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    other[PROTO] = "p";
    Object.assign(other, { constructor: "c" });
    expect(ndjson(plain)).toBe('{"a":0,"__proto__":"p","constructor":"c"}\n');
    expect(Object.getOwnPropertyDescriptor(plain.record(0), "__proto__")?.value).toBe("p");
    expect(plain.row(0)[PROTO]).toBe("p");
  });

  test("Row changes the record when a known or a new field is assigned, also with undefined", () => {
    const { batch } = parse('{"a":1,"b":2}\n{"a":3}\n');
    for (const row of batch) {
      row.a = (row.a as number) * 10;
      row.fresh = `n${row.a}`;
      row.b = undefined;
    }
    expect(ndjson(batch)).toBe('{"a":10,"fresh":"n10"}\n{"a":30,"fresh":"n30"}\n');
    expect(batch.row(1).fresh).toBe("n30");
    expect(Object.keys(batch.row(1))).toContain("fresh");
  });

  test("row() gives a view that stays on its record when iteration moves on and columns change", () => {
    const batch = batchFromRecords([{ a: 1 }, { a: 2 }], META);
    const first = batch.row(0);
    for (const row of batch) row.a = 0;
    batch.addColumn("a", [7, 8]);
    batch.addColumn("b", ["x", "y"]);
    expect([first.a, first.b]).toEqual([7, "x"]);
    batch.removeColumn("a");
    expect(first.a).toBeUndefined();
    first.a = 5;
    expect(ndjson(batch)).toBe('{"b":"x","a":5}\n{"b":"y"}\n');
  });

  test("filter() skips rows that were dropped before and counts those it drops", () => {
    const batch = batchFromRecords([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], META);
    batch.drop(0);
    const asked: number[] = [];
    batch.filter((row, index) => {
      asked.push(index);
      return (row.n as number) % 2 === 0;
    });
    expect(asked).toEqual([1, 2, 3]);
    expect(batch.filteredRows).toBe(2);
    expect([...batch].length).toBe(2);
  });

  test("Row works by name when a batch has more fields than a class is worth", () => {
    const record = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, at]));
    const batch = batchFromRecords([record, { ...record, f7: "seven" }], META);
    const values: unknown[] = [];
    for (const row of batch) {
      values.push(row.f7, row.f299, row.nope, Object.keys(row).length, "f1" in row);
      row.f0 = "set";
      row.fresh = true;
    }
    expect(values).toEqual([7, 299, undefined, 300, true, "seven", 299, undefined, 301, true]);
    expect({ ...batch.row(1) }.f0).toBe("set");
    expect(batch.record(0).fresh).toBe(true);
  });
});
