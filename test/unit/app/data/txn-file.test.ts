import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTransaction } from "../../../../src/app/data/txn-file/load.ts";
import { parseTransaction } from "../../../../src/app/data/txn-file/parse.ts";
import { Failure } from "../../../../src/base/errors.ts";

const ROOT = join(import.meta.dir, "../../../..");

const faultsOf = (text: string): string[] =>
  parseTransaction(text, "f").faults.map(
    ({ code, column, line }) => `${line}:${column} ${code.replace("txn.file.", "")}`,
  );

function refused(text: string): Failure {
  try {
    loadTransaction(text, "t.txn", undefined);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error(`taken: ${text}`);
}

describe("parseTransaction", () => {
  test("parseTransaction() reads every form", () => {
    const text = [
      "# a comment",
      "group main",
      "compare # what must hold",
      '  value m k = "a b"',
      "  revision m k != 3",
      "  created m k < 4",
      "  version m k > 0",
      "  exists m k",
      '  absent m "k\\n2"',
      "  counter c < -1",
      "  lock l 7",
      "then",
      "  put m k v lease 9",
      '  put m "lease" ""',
      "  delete m k",
      "  delete-range m a b",
      "  delete-range m a",
      "  get m k",
      "  add c -100",
      "  set c +5",
      "  enqueue q hello delay 5s dedupe d",
      "else",
      "  get m #no",
    ].join("\n");
    const { faults, parts } = parseTransaction(`\ufeff${text.replaceAll("\n", "\r\n")}`.replace("m #no", "m k"), "f");
    expect(faults).toEqual([]);
    expect(parts).toMatchObject([
      {
        group: "main",
        compare: [
          { type: "value", map: "m", key: "k", is: "=", value: "a b" },
          { type: "revision", map: "m", key: "k", is: "!=", than: 3 },
          { type: "created", is: "<", than: 4 },
          { type: "version", is: ">", than: 0 },
          { type: "exists", map: "m", key: "k" },
          { type: "absent", map: "m", key: "k\n2" },
          { type: "counter", counter: "c", is: "<", than: -1 },
          { type: "lock", lock: "l", token: 7 },
        ],
        done: [
          { type: "map.put", map: "m", key: "k", value: "v", lease: 9 },
          { type: "map.put", map: "m", key: "lease", value: "" },
          { type: "map.delete", map: "m", key: "k" },
          { type: "map.deleteRange", map: "m", key: "a", end: "b" },
          { type: "map.deleteRange", map: "m", key: "a" },
          { type: "map.get", map: "m", key: "k" },
          { type: "counter.add", counter: "c", by: -100 },
          { type: "counter.set", counter: "c", to: 5 },
          { type: "queue.enqueue", queue: "q", values: ["hello"], delayMs: 5_000, dedupeKey: "d" },
        ],
        otherwise: [{ type: "map.get", map: "m", key: "k" }],
      },
    ]);
  });

  test("parseTransaction() finds all faults at once, each at its place", () => {
    const text = [
      "  put m k v", // no section yet
      "compare",
      "  value m k == v",
      "  exits m k",
      "  counter c > many",
      "then",
      '  put m k "open',
      "  put m",
      "  delete m k too much",
      '  get m "k"x',
      "  add c 1.5",
      "  enqueue q v delay soon",
      "compare",
      "then now",
    ].join("\n");
    expect(faultsOf(text)).toEqual([
      "1:3 unknown_word",
      "3:13 choice",
      "4:3 unknown_word",
      "5:15 number",
      "7:11 quotes",
      "8:8 missing",
      "9:14 too_much",
      "10:12 quotes",
      "11:9 number",
      "12:21 duration",
      "13:1 section",
      "14:6 too_much",
    ]);
  });

  test("parseTransaction() refuses else over several groups, groups twice and nothing at all", () => {
    expect(faultsOf("group a\nthen\n add c 1\nelse\n add c 2\ngroup b\nthen\n add c 1")).toEqual(["4:1 else"]);
    expect(faultsOf("group a\nthen\n add c 1\ngroup a\nthen\n add c 1")).toEqual(["4:1 group", "5:1 section"]);
    expect(faultsOf("then\n add c 1\ngroup a")).toEqual(["3:1 group"]);
    expect(faultsOf("# nothing\n")).toEqual(["1:1 empty"]);
    expect(faultsOf("compare\n exists m k")).toEqual(["1:1 empty"]);
  });
});

describe("loadTransaction", () => {
  test("loadTransaction() shows every fault with its line and a caret, and what was meant", () => {
    const { code, message } = refused("then\n  putt m k v\n  add c");
    expect(code).toBe("txn.file.faults");
    expect(message).toContain('t.txn:2:3: line: "putt" is unknown here (did you mean put?)');
    expect(message).toContain("      putt m k v\n      ^");
    expect(message).toContain("t.txn:3:8: number: the number is missing");
    expect(message).toEndWith("2 faults");
  });

  test("loadTransaction() takes the examples as they are shipped", () => {
    const load = (name: string) =>
      loadTransaction(readFileSync(join(ROOT, "config/transactions", name), "utf8"), name, undefined);
    expect(load("two-accounts.txn")).toMatchObject({ type: "local", input: { compare: [{ counter: "account1" }] } });
    expect(load("two-groups.txn")).toMatchObject({
      type: "distributed",
      parts: [{ group: "main" }, { group: "east", compare: [] }],
    });
  });

  test("loadTransaction() takes JSON as the contract does, and tells its faults", () => {
    const local = { compare: [], [THEN]: [{ type: "counter.add", counter: "c", by: 1 }] };
    expect(loadTransaction(JSON.stringify(local), "f", "east")).toEqual({
      type: "local",
      input: { group: "east", ...local } as never,
    });
    const parts = [{ group: "a", ...local }];
    expect(loadTransaction(JSON.stringify({ parts }), "f", undefined)).toMatchObject({ type: "distributed" });
    expect(refused("{").code).toBe("txn.file.json");
    expect(refused(JSON.stringify({ ...local, els: [] })).message).toContain("els");
    expect(refused(JSON.stringify({ parts: [{ group: "a" }] })).code).toBe("txn.file.faults");
  });
});

const THEN = "then";
