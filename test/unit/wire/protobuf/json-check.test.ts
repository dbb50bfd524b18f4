/** What is seen of JSON before it is parsed, and texts taken apart unread. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../src/base/turns.ts";
import {
  binaryOf,
  elementsOfJson,
  membersOfJson,
  messageOfJson,
  messageOfJsonInTurns,
  parseJson,
} from "../../../../src/wire/protobuf/index.ts";
import { failureOfCall } from "./outcomes.ts";
import { EVERYTHING, load } from "./protos.ts";

const store = await load({ "every.proto": EVERYTHING });
const All = store.message("every.All")!;

function parsed(text: string, valuesMax?: number): unknown {
  return finishAtOnce(parseJson(text, { valuesMax }));
}

describe("parseJson()", () => {
  test.each([
    [`{"a":1,"a":2}`],
    [`{"a":{"b":[{"c":1,"\\u0063":2}]}}`],
    [`{"a":"}","b":"\\"","a":1}`],
    [`{"a\\\\":1,"a\\\\":2}`],
    [`{${Array.from({ length: 50 }, (_, index) => `"k${index}":1`)},"k7":2}`],
  ])("refuses %s, where a member stands twice", async (text) => {
    expect(await failureOfCall(() => parsed(text))).toMatchObject({
      code: "protobuf.json",
      message: expect.stringContaining("duplicate"),
    });
  });

  test("reads what any parser reads, and refuses what none does", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parsed(text)).toEqual(JSON.parse(text));
      }),
    );
    fc.assert(
      fc.property(fc.json(), fc.nat(), (text, at) => {
        const cut = text.slice(0, at % text.length);
        const isJson = (read: () => unknown): boolean => {
          try {
            read();
            return true;
          } catch {
            return false;
          }
        };
        expect(isJson(() => parsed(cut))).toBe(isJson(() => JSON.parse(cut)));
      }),
    );
  });

  test("takes 200 levels and no more", async () => {
    const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(parsed(nested(200))).toBeArray();
    expect((await failureOfCall(() => parsed(nested(201))))?.message).toContain("200 levels");
  });

  test.each([
    ["members", `{"a":1,"b":2,"c":3}`, 4, 3],
    ["elements, an eighth each", `[${"1,".repeat(27)}1]`, 4, 3],
    ["objects, half a member each", `[{},{},{},{},{}]`, 4, 3],
  ])("counts %s", async (_, text, enough, few) => {
    expect(parsed(text, enough)).toEqual(JSON.parse(text));
    expect((await failureOfCall(() => parsed(text, few)))?.code).toBe("protobuf.too_many_values");
  });

  test("tells little of a long text that is no JSON", async () => {
    expect((await failureOfCall(() => parsed("a".repeat(100_000))))?.message.length).toBeLessThan(500);
  });
});

describe("messageOfJsonInTurns()", () => {
  test("makes the same message of long lists and maps, and lets others in between", () => {
    const numbers = Array.from({ length: 3000 }, (_, index) => `${index}e0`);
    const counts = Array.from({ length: 3000 }, (_, index) => `"k${index}":${index}`);
    const flags = Array.from({ length: 3000 }, (_, index) => `{"text":"${index}","numbers":[${index}]}`);
    const text = `{"text":"t","numbers":[${numbers}],"counts":{${counts}},"inners":[${flags}],"maybe":0}`;
    const work = messageOfJsonInTurns(All, text, { registry: store.registry });
    let turns = 1;
    let step = work.next();
    for (; step.done !== true; step = work.next()) turns++;
    const message = step.value as ReturnType<typeof messageOfJson>;
    const { length } = (message as unknown as { numbers: unknown[] }).numbers;
    const again = JSON.parse(text) as Record<string, unknown>;
    const parts = [
      { text: "t", numbers: again.numbers, maybe: 0 },
      { inners: again.inners, counts: again.counts },
    ];
    const sizes = parts.map(
      (part) => binaryOf(All, messageOfJson(All, JSON.stringify(part), { registry: store.registry })).length,
    );
    expect([turns > 15, length, binaryOf(All, message).length]).toEqual([true, 3000, sizes[0]! + sizes[1]!]);
  });

  test.each([
    ["one field under both names", (long: string) => `{"doubleReal":1,"numbers":${long},"double_real":2}`],
    ["a value that is none, far behind", (long: string) => `{"numbers":${long.replace("2999]", '"x"]')}}`],
    ["an unknown field beside", (long: string) => `{"numbers":${long},"nothing":1}`],
  ])("refuses %s", async (_, text) => {
    const long = `[${Array.from({ length: 3000 }, (__, index) => index)}]`;
    const failure = await failureOfCall(() => messageOfJson(All, text(long), { registry: store.registry }));
    expect(failure?.code).toStartWith("protobuf.");
  });
});

describe("elementsOfJson()", () => {
  test("gives the texts of an array's values, that parse to them", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const text = JSON.stringify(values, undefined, 1);
        expect([...elementsOfJson(text)].map((one) => JSON.parse(one))).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("membersOfJson()", () => {
  test("gives the texts of an object's values as they were written", () => {
    const members = membersOfJson(` { "a" : 1.50 ,"b\\u0041":[1 ,{"c":"},\\""}], "d":"x:y" } `);
    expect([...members]).toEqual([
      ["a", "1.50"],
      ["bA", `[1 ,{"c":"},\\""}]`],
      ["d", `"x:y"`],
    ]);
    expect([...membersOfJson("{}")]).toEqual([]);
  });
});
