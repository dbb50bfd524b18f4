import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import aggregation from "../../../../plugins/aggregation/index.ts";
import { batchOf, batchOfText, type Records, type Running, recordsOf, start, textOf } from "../support.ts";

type Params = Record<string, unknown>;

const isSummary = (record: Record<string, unknown>): boolean => "summary" in record;

/** Processes the records in batches of the given sizes, and gives all summaries, also those of the end. */
async function summaries(
  params: Params,
  records: Records,
  sizes: readonly number[] = [records.length],
): Promise<Record<string, unknown>[]> {
  await using plugin = await start(aggregation, params, "sums");
  const found: Record<string, unknown>[] = [];
  for (const batch of cut(records, sizes))
    found.push(...recordsOf(await plugin.process(batchOf(batch))).filter(isSummary));
  found.push(...recordsOf(await plugin.finish()));
  return found;
}

function cut(records: Records, sizes: readonly number[]): Records[] {
  const batches: Records[] = [];
  for (let from = 0, at = 0; from < records.length; at++) {
    const size = Math.max(1, sizes[at % sizes.length]!);
    batches.push(records.slice(from, from + size));
    from += size;
  }
  return batches;
}

const at = (second: number): string => new Date(Date.UTC(2024, 0, 1, 0, 0, second)).toISOString();

describe("aggregation", () => {
  test("finish() gives one summary for each group of the whole input when there is no window", async () => {
    const aggregates = "count;sum:amount;min:amount;max:amount;mean:amount;p50:amount;p99.9:amount;distinct:who";
    const records = [
      { country: "DE", amount: 1, who: "a" },
      { country: "FR", amount: 5, who: "a" },
      { country: "DE", amount: 4, who: "b" },
      { country: "DE", amount: "4", who: "b" },
    ];
    expect(await summaries({ group_by: ["country"], aggregates }, records)).toEqual([
      {
        summary: "sums",
        country: "DE",
        count: 3,
        sum_amount: 5,
        min_amount: 1,
        max_amount: 4,
        mean_amount: 2.5,
        p50_amount: 1,
        "p99.9_amount": 4,
        distinct_who: 2,
      },
      {
        summary: "sums",
        country: "FR",
        count: 1,
        sum_amount: 5,
        min_amount: 5,
        max_amount: 5,
        mean_amount: 5,
        p50_amount: 5,
        "p99.9_amount": 5,
        distinct_who: 1,
      },
    ]);
  });

  test("processBatch() keeps missing, null, texts, numbers and nested values apart as groups", async () => {
    const values = [undefined, null, "1", 1, true, [1, "a"], { x: 1 }, "\u0000[1]", 1];
    const found = await summaries(
      { group_by: ["k"] },
      values.map((k) => ({ k, z: 0 })),
    );
    expect(found.map(({ summary, count, ...rest }) => [rest, count])).toEqual([
      [{}, 1],
      [{ k: null }, 1],
      [{ k: "1" }, 1],
      [{ k: 1 }, 2],
      [{ k: true }, 1],
      [{ k: [1, "a"] }, 1],
      [{ k: { x: 1 } }, 1],
      [{ k: "\u0000[1]" }, 1],
    ]);
  });

  test("processBatch() keeps integers beyond 2^53 apart as groups", async () => {
    await using plugin = await start(aggregation, { group_by: ["id"], summary_field: "" });
    await plugin.process(batchOfText('{"id":12345678901234567890}\n{"id":12345678901234567891}\n'));
    expect(textOf(await plugin.finish())).toBe(
      '{"id":12345678901234567890,"count":1}\n{"id":12345678901234567891,"count":1}\n',
    );
  });

  test("processBatch() closes a window by count with the record that fills it", async () => {
    await using plugin = await start(aggregation, { window_count: 2, aggregates: "count;sum:n" }, "sums");
    const first = await plugin.process(batchOf([{ n: 1 }, { n: 2 }, { n: 3 }]));
    expect(recordsOf(first)).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 3 },
      { summary: "sums", window_start: 0, window_end: 2, count: 2, sum_n: 3 },
    ]);
    expect(first.filteredRows).toBe(0);
    expect(recordsOf(await plugin.finish())).toEqual([
      { summary: "sums", window_start: 2, window_end: 4, count: 1, sum_n: 3 },
    ]);
  });

  test("processBatch() lets only summaries go on when mode is replace", async () => {
    await using plugin = await start(aggregation, { window_count: 2, mode: "replace", summary_field: "" });
    const batch = await plugin.process(batchOf([{ n: 1 }, { n: 2 }, { n: 3 }]));
    expect(recordsOf(batch)).toEqual([{ window_start: 0, window_end: 2, count: 2 }]);
    expect(batch.filteredRows).toBe(3);
  });

  test("processBatch() closes windows by event time when a record passes their end and the lateness", async () => {
    const params = { window: 10_000, time_field: "t", lateness: 5000, aggregates: "count" };
    await using plugin = await start(aggregation, params, "sums");
    const batch = await plugin.process(batchOf([1, 12, 9, 14, 15, 3, 16].map((second) => ({ t: at(second) }))));
    // 15 moves the watermark to 10: the first window closes with 1 and 9; 3 comes too late
    expect(recordsOf(batch).slice(7)).toEqual([{ summary: "sums", window_start: at(0), window_end: at(10), count: 2 }]);
    expect(recordsOf(await plugin.finish())).toEqual([
      { summary: "sums", window_start: at(10), window_end: at(20), count: 4 },
    ]);
  });

  test.each([
    ["keep", 3, 0, 0],
    ["drop", 1, 2, 0],
    ["reject", 1, 0, 2],
  ])(
    "processBatch() treats late records and those without a time as on_late=%s says",
    async (onLate, live, filtered, rejected) => {
      await using plugin = await start(aggregation, { window: 1000, time_field: "t", on_late: onLate });
      await plugin.process(batchOf([{ t: at(5) }]));
      const batch = await plugin.process(batchOf([{ t: at(3) }, {}, { t: at(5) }]));
      expect([recordsOf(batch).length, batch.filteredRows, batch.rejected.length]).toEqual([live, filtered, rejected]);
    },
  );

  test("processBatch() gives the summaries of several windows in order of their start, groups by first appearance", async () => {
    const records = [
      { t: 25, g: "b" },
      { t: 5, g: "z" },
      { t: 15, g: "x" },
      { t: 5, g: "a" },
      { t: 60, g: "x" },
    ];
    const found = await summaries({ window: 10, lateness: 30, time_field: "t", group_by: ["g"] }, records);
    expect(found.map(({ window_start: start, g }) => `${start} ${g}`)).toEqual(
      [
        [0, "z"],
        [0, "a"],
        [10, "x"],
        [20, "b"],
        [60, "x"],
      ].map(([ms, g]) => `${new Date(ms as number).toISOString()} ${g}`),
    );
  });

  test("summaries do not depend on where batches are cut", async () => {
    const record = fc.record({
      t: fc.integer({ min: 0, max: 200 }),
      g: fc.constantFrom("a", "b", "c"),
      n: fc.integer(),
    });
    const params: fc.Arbitrary<Params> = fc.constantFrom<Params>(
      { window: 20, time_field: "t", lateness: 10 },
      { window_count: 7 },
      {},
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 60 }),
        params,
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        async (records, window, sizes) => {
          const all = { ...window, group_by: ["g"], aggregates: "count;sum:n;p50:n;distinct:n" };
          expect(await summaries(all, records, sizes)).toEqual(await summaries(all, records));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("summaries agree with a naive computation over all records of a group", async () => {
    const record = fc.record(
      { g: fc.constantFrom("a", "b", null), n: fc.integer({ min: -1000, max: 1000 }) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 50 }), async (records) => {
        const found = await summaries(
          { group_by: ["g"], aggregates: "count;sum:n;max:n;distinct:n", summary_field: "summary" },
          records,
        );
        const expected = [...new Set(records.map(({ g }) => g))].map((g) => {
          const group = records.filter((each) => each.g === g);
          const numbers = group.flatMap(({ n }) => (n === undefined ? [] : [n]));
          const none = numbers.length === 0;
          return {
            summary: "sums",
            ...(g !== undefined && { g }),
            count: group.length,
            sum_n: none ? null : numbers.reduce((a, b) => a + b, 0),
            max_n: none ? null : Math.max(...numbers),
            distinct_n: new Set(numbers).size,
          };
        });
        expect(found).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe("aggregation state", () => {
  const PARAMS = {
    window: 20,
    time_field: "t",
    lateness: 10,
    group_by: ["g", "h"],
    aggregates: "count;sum:n;p99:n;distinct:n",
  };
  const record = fc.record(
    {
      t: fc.integer({ min: 0, max: 200 }),
      g: fc.constantFrom("a", 1, null),
      h: fc.constantFrom(true, "x"),
      n: fc.double({ noNaN: true, noDefaultInfinity: true }),
    },
    { requiredKeys: ["t"] },
  );
  const batches = fc.array(fc.array(record, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });

  async function output(plugin: Running, records: readonly Records[]): Promise<string> {
    let text = "";
    for (const batch of records) text += textOf(await plugin.process(batchOf(batch)));
    return text;
  }

  test("restore() goes on as if nothing had happened, wherever the snapshot was taken", async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(8), async (all, cutAt) => {
        let whole: string;
        {
          await using plugin = await start(aggregation, PARAMS);
          whole = (await output(plugin, all)) + textOf(await plugin.finish());
        }
        let parts: string;
        let state: Awaited<ReturnType<Running["snapshot"]>>;
        {
          await using plugin = await start(aggregation, PARAMS);
          parts = await output(plugin, all.slice(0, cutAt));
          state = await plugin.snapshot();
        }
        await using plugin = await start(aggregation, PARAMS);
        await plugin.restore(state);
        parts += (await output(plugin, all.slice(cutAt))) + textOf(await plugin.finish());
        expect(parts).toBe(whole);
      }),
      { numRuns: 60 },
    );
  });

  test("a probe changes nothing, wherever it comes", async () => {
    await fc.assert(
      fc.asyncProperty(batches, batches, async (all, others) => {
        await using undisturbed = await start(aggregation, PARAMS);
        const expected = (await output(undisturbed, all)) + textOf(await undisturbed.finish());
        await using plugin = await start(aggregation, PARAMS); // takes the place of the one before
        let text = "";
        for (const batch of all) {
          for (const other of [...others, batch]) {
            const before = await plugin.snapshot();
            await plugin.process(batchOf(other, { probe: true }));
            expect(await plugin.snapshot()).toEqual(before);
          }
          text += await output(plugin, [batch]);
        }
        expect(text + textOf(await plugin.finish())).toBe(expected);
      }),
      { numRuns: 30 },
    );
  });

  test("a failed batch changes nothing: its good records go in when it is tried again without the others", async () => {
    await using plugin = await start(aggregation, { group_by: ["g"], max_groups: 3 }, "sums");
    await plugin.process(batchOf([{ g: 1 }]));
    const before = await plugin.snapshot();
    const batch = [{ g: 1 }, { g: 2 }, { g: 3 }, { g: 4 }];
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(plugin.process(batchOf(batch))).rejects.toThrow("opens group number 4");
      expect(await plugin.snapshot()).toEqual(before);
    }
    await plugin.process(batchOf(batch.slice(0, 3)));
    expect(recordsOf(await plugin.finish()).map(({ g, count }) => [g, count])).toEqual([
      [1, 2],
      [2, 1],
      [3, 1],
    ]);
  });

  test("finish() gives the same again when the end is replayed", async () => {
    await using plugin = await start(aggregation, { group_by: ["g"] });
    await plugin.process(batchOf([{ g: 1 }, { g: 2 }]));
    expect(textOf(await plugin.finish())).toBe(textOf(await plugin.finish()));
  });

  test("restore() refuses a state made with other parameters", async () => {
    let state: Awaited<ReturnType<Running["snapshot"]>>;
    {
      await using plugin = await start(aggregation, { group_by: ["a"] });
      state = await plugin.snapshot();
    }
    await using plugin = await start(aggregation, { group_by: ["b"] });
    await expect(plugin.restore(state)).rejects.toThrow("start over (--fresh)");
  });
});

describe("aggregation limits", () => {
  test("processBatch() fails with the limit when a record opens a group too many", async () => {
    await using plugin = await start(aggregation, { group_by: ["g"], max_groups: 2 });
    await plugin.process(batchOf([{ g: 1 }, { g: 2 }, { g: 1 }]));
    await expect(plugin.process(batchOf([{ g: 1 }, { g: 3 }]))).rejects.toThrow("opens group number 3");
    await plugin.process(batchOf([{ g: 2 }]));
    expect(recordsOf(await plugin.finish()).map(({ count }) => count)).toEqual([2, 2]);
  });

  test("processBatch() rejects only that record when on_full is reject", async () => {
    await using plugin = await start(aggregation, { group_by: ["g"], max_groups: 1, on_full: "reject" });
    const batch = await plugin.process(batchOf([{ g: 1 }, { g: 2 }, { g: 1 }]));
    expect(batch.rejected.map(({ row }) => row)).toEqual([1]);
    expect(recordsOf(await plugin.finish())).toMatchObject([{ g: 1, count: 2 }]);
  });

  test("processBatch() counts closed windows' groups no more", async () => {
    await using plugin = await start(aggregation, { group_by: ["g"], max_groups: 2, window_count: 2, mode: "replace" });
    const batch = await plugin.process(batchOf([1, 2, 3, 4, 5].map((g) => ({ g }))));
    expect(recordsOf(batch)).toHaveLength(4);
  });

  test.each([
    [{ window: 10, window_count: 5, time_field: "t" }, "window_count: is set, and so is window"],
    [{ window: 10 }, "window: is set without time_field"],
    [{ aggregates: "" }, "aggregates: is empty"],
    [{ aggregates: "median:x" }, '"median:x" is no function of a field'],
    [{ aggregates: "sum" }, '"sum" is no function of a field'],
    [{ aggregates: "count:x" }, '"count:x" is no function of a field'],
    [{ aggregates: "p100:x" }, '"p100:x" is no function of a field'],
  ])("init() refuses %j", async (params, message) => {
    await expect(start(aggregation, params)).rejects.toThrow(message);
  });
});
