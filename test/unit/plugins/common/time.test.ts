import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseTime, timeReader } from "../../../../plugins/common/time.ts";
import { batchOf } from "../support.ts";

const parse = (text: string): number => parseTime(new TextEncoder().encode(text));

describe("parseTime", () => {
  test("parseTime() agrees with Date for any time between the years 0 and 9999", () => {
    const date = fc.date({
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    fc.assert(fc.property(date, (each) => expect(parse(each.toISOString())).toBe(each.getTime())));
  });

  test.each([
    ["2024-02-29", Date.UTC(2024, 1, 29)],
    ["2024-05-06 07:08", Date.UTC(2024, 4, 6, 7, 8)],
    ["2024-05-06T07:08:09", Date.UTC(2024, 4, 6, 7, 8, 9)],
    ["2024-05-06T07:08:09.5Z", Date.UTC(2024, 4, 6, 7, 8, 9, 500)],
    ["2024-05-06T07:08:09.123456789Z", Date.UTC(2024, 4, 6, 7, 8, 9, 123)],
    ["2024-05-06T07:08:09+02:00", Date.UTC(2024, 4, 6, 5, 8, 9)],
    ["2024-05-06T07:08-0530", Date.UTC(2024, 4, 6, 12, 38)],
  ])("parseTime() reads %s", (text, ms) => {
    expect(parse(text)).toBe(ms);
  });

  test.each([
    "",
    "today",
    "2024",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-32",
    "2024-05-06T",
    "2024-05-06T24:00",
    "2024-05-06T07:60",
    "2024-05-06T07:08:60Z",
    "2024-05-06T07:08:09.Z",
    "2024-05-06T07:08:09Zjunk",
    "2024-05-06T07:08+25:00",
    "2024-05-06T07:08+2:00",
    "2024/05/06",
    "20240506",
    "2024-05-06X07:08",
    "+2024-05-06",
  ])("parseTime() refuses %p", (text) => {
    expect(parse(text)).toBeNaN();
  });

  test("parseTime() never throws whatever the bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => expect(typeof parseTime(bytes)).toBe("number")));
  });
});

test("timeReader() reads text, numbers in the unit, and neither when a column is mixed", () => {
  const batch = batchOf([{ at: "1970-01-01T00:00:01Z" }, { at: 2 }, { at: null }, { at: true }, {}, { at: 1e300 }]);
  const read = timeReader(batch.column("at")!, 1000);
  expect([0, 1, 2, 3, 4, 5].map(read)).toEqual([1000, 2000, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
});
