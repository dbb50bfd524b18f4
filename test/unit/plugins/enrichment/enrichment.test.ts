import { describe, expect, test } from "bun:test";
import enrichment from "../../../../plugins/enrichment/index.ts";
import { batchOf, batchOfText, type Records, recordsOf, start, tempDir, textOf } from "../support.ts";

async function enrich(params: Record<string, unknown>, records: Records): Promise<Record<string, unknown>[]> {
  await using plugin = await start(enrichment, params);
  return recordsOf(await plugin.process(batchOf(records)));
}

describe("enrichment factor", () => {
  test("processBatch() multiplies amount and nothing else when only factor is given", async () => {
    await using plugin = await start(enrichment, { factor: 1.1 });
    const batch = batchOfText('{"id":12345678901234567890,"amount":10.0,"x": "é"}\n{"amount": 2}\n');
    expect(textOf(await plugin.process(batch))).toBe(
      '{"id":12345678901234567890,"amount":11,"x": "é"}\n{"amount": 2.2}\n',
    );
  });

  test("processBatch() leaves records byte for byte when they have no number there", async () => {
    await using plugin = await start(enrichment, { factor: 1.1 });
    const text = '{"amount": "12"}\n{"amount":null }\n{"b":1.0}\n';
    expect(textOf(await plugin.process(batchOfText(`${text}{"amount":1}\n`)))).toBe(`${text}{"amount":1.1}\n`);
    expect(textOf(await plugin.process(batchOfText('{"b":1.0}\n')))).toBe('{"b":1.0}\n');
  });

  test("processBatch() writes the rounded product to the target when both are set", async () => {
    expect(await enrich({ factor: 1.19, field: "net", target: "gross", decimals: 2 }, [{ net: 9.95 }])).toEqual([
      { net: 9.95, gross: 11.84 },
    ]);
  });
});

describe("enrichment constants", () => {
  test("processBatch() adds constants of every kind to every record, whatever the batch's size", async () => {
    await using plugin = await start(enrichment, {
      constants: 'region:EU;tier:3;live:true;none:null;code:"7";long:1.50;city:Zürich',
    });
    const added = { region: "EU", tier: 3, live: true, none: null, code: "7", long: "1.50", city: "Zürich" };
    for (const length of [1, 3, 2]) {
      const records = Array.from({ length }, (_unused, id) => ({ id }));
      expect(recordsOf(await plugin.process(batchOf(records)))).toEqual(
        records.map((record) => ({ ...record, ...added })),
      );
    }
  });
});

describe("enrichment time parts", () => {
  test("processBatch() adds parts in UTC and skips records without a time", async () => {
    const parts = ["year", "quarter", "month", "day", "hour", "minute", "second", "weekday"];
    const records = [{ at: "2024-12-29T23:30:15-02:00" }, { at: "never" }, {}];
    expect(await enrich({ time_field: "at", time_parts: parts }, records)).toEqual([
      {
        at: records[0]!.at!,
        at_year: 2024,
        at_quarter: 4,
        at_month: 12,
        at_day: 30,
        at_hour: 1,
        at_minute: 30,
        at_second: 15,
        at_weekday: 1,
      },
      { at: "never" },
      {},
    ]);
  });

  test("processBatch() reads numbers as seconds when time_unit says so, before 1970 too", async () => {
    expect(
      await enrich({ time_field: "t", time_parts: ["year", "hour", "weekday"], time_unit: "s" }, [{ t: -1 }]),
    ).toEqual([{ t: -1, t_year: 1969, t_hour: 23, t_weekday: 3 }]);
  });
});

describe("enrichment look-up", () => {
  const CSV = "sku,name,price\nA,Äpfel,1.5\n7,Seven,7\n";

  test.each([
    [
      "null",
      [
        { sku: "A", name: "Äpfel", price: 1.5 },
        { sku: 7, name: "Seven", price: 7 },
        { sku: "Z", name: null, price: null },
        { name: null, price: null },
      ],
    ],
    [
      "skip",
      [{ sku: "A", name: "Äpfel", price: 1.5 }, { sku: 7, name: "Seven", price: 7 }, { sku: "Z", name: "own" }, {}],
    ],
    [
      "reject",
      [
        { sku: "A", name: "Äpfel", price: 1.5 },
        { sku: 7, name: "Seven", price: 7 },
      ],
    ],
  ])("processBatch() adds the entry's fields and treats a missing key with %s", async (onMissing, expected) => {
    using dir = tempDir();
    const params = { lookup: dir.file("t.csv", CSV), lookup_key: "sku", on_missing: onMissing };
    expect(await enrich(params, [{ sku: "A" }, { sku: 7 }, { sku: "Z", name: "own" }, {}])).toEqual(expected);
  });

  test("processBatch() takes chosen fields under new names from a JSON table with another key", async () => {
    using dir = tempDir();
    const lookup = dir.file("t.json", '[{"id":12345678901234567890,"n":"big","x":1},{"id":1,"n":"small"}]');
    const params = { lookup, lookup_key: "ref", lookup_table_key: "id", lookup_fields: "n:ref_name;x" };
    await using plugin = await start(enrichment, params);
    const batch = await plugin.process(batchOfText('{"ref":12345678901234567890}\n{"ref":1}\n'));
    expect(textOf(batch)).toBe('{"ref":12345678901234567890,"ref_name":"big","x":1}\n{"ref":1,"ref_name":"small"}\n');
  });

  test.each([
    ["t.csv", "sku,name\nA,1\nA,2\n", {}, 'the key "A" appears twice'],
    ["t.csv", "sku,name\n,2\n", {}, 'has no key "sku"'],
    ["t.csv", CSV, { lookup_fields: "nam" }, 'has no field "nam"; it has sku, name, price'],
    ["t.csv", "sku\n1,2\n", {}, "line 2 has 2 fields"],
    ["t.json", "{}", {}, "an array of objects is required"],
    ["t.json", "[1]", {}, "1 is no object"],
    ["t.json", '[{"sku":"toString"},{"a":1}]', {}, 'has no key "sku"'],
    ["t.txt", CSV, {}, "unknown ending; .csv and .json are allowed"],
    ["t.csv", CSV, { lookup_key: undefined }, "lookup: is set without lookup_key"],
  ])("init() refuses %s %j %j", async (name, content, more, message) => {
    using dir = tempDir();
    const started = start(enrichment, { lookup: dir.file(name, content), lookup_key: "sku", ...more });
    await expect(started).rejects.toThrow(message);
  });
});

describe("enrichment compute", () => {
  test("processBatch() computes fields in order, each seeing what came before", async () => {
    const params = { factor: 2, constants: "rate:3", compute: 'total:round(amount*rate, 1);label:concat("t=", total)' };
    expect(await enrich(params, [{ amount: 1.25 }, {}])).toEqual([
      { amount: 2.5, rate: 3, total: 7.5, label: "t=7.5" },
      { rate: 3, label: "t=" },
    ]);
  });

  test("processBatch() leaves the field of records for which there is no result", async () => {
    expect(
      await enrich({ compute: "a:a/b" }, [
        { a: 4, b: 2 },
        { a: 4, b: 0 },
        { a: "x", b: 1 },
      ]),
    ).toEqual([
      { a: 2, b: 2 },
      { a: 4, b: 0 },
      { a: "x", b: 1 },
    ]);
  });

  test("init() names parameter, field and column of a bad expression", async () => {
    await expect(start(enrichment, { compute: "total:amount *" })).rejects.toThrow(
      'parameter compute: total: "amount *" column 9: found the end',
    );
    await expect(start(enrichment, { time_field: "t", time_parts: ["aeon"] })).rejects.toThrow('"aeon" is no part');
  });
});
