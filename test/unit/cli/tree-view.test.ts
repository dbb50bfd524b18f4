import { describe, expect, test } from "bun:test";
import { paramsFrom } from "../../../src/cli/commands/swap.ts";
import { choicesFrom, repeated } from "../../../src/cli/instances.ts";
import { instancesTable } from "../../../src/cli/view/tree.ts";

type Shown = Parameters<typeof instancesTable>[0][number];
type Node = Extract<Shown, { readonly tree: unknown }>["tree"];

const NOW = 100_000_000;
const instance = {
  pid: 4711,
  version: "1",
  startedMs: NOW - 90_000,
  command: "run",
  pipeline: "/p/orders.txt",
  dataDir: "/d",
};

function node(name: string, more: Partial<Node> = {}): Node {
  return { name, kind: "worker", state: "running", restarts: 0, children: [], ...more };
}

const tree = node("orders", {
  kind: "supervisor",
  children: [
    node("validate", {
      kind: "supervisor",
      children: [
        node("lane 0", { pid: 12, uptimeMs: 2000, restarts: 1234, memoryBytes: 2 ** 20, cpuMs: 300 }),
        node("lane 1", { lastExit: { code: 3, signal: null, reason: "it said no", atMs: NOW - 5000 } }),
      ],
    }),
    node("größe", { state: "stopped", lastExit: { code: null, signal: "SIGKILL", reason: "", atMs: NOW } }),
  ],
});

describe("instancesTable()", () => {
  test("instancesTable() has a row for each node under its path when it is flat", () => {
    expect(`\n${instancesTable([{ instance, path: "/orders", tree }], false, NOW)}\n`).toBe(`
NAME             STATE     PID    UPTIME  RESTARTS  LAST EXIT                      MEMORY     CPU
orders           running  4711  1 m 30 s         0
validate         running                         0
validate/lane 0  running    12     2.0 s     1,234                                1.0 MiB  300 ms
validate/lane 1  running                         0  code 3 5.0 s ago: it said no
größe            stopped                         0  SIGKILL just now
`);
  });

  test("instancesTable() draws branches when it is a tree", () => {
    expect(`\n${instancesTable([{ instance, path: "/orders", tree }], true, NOW)}\n`).toBe(`
NAME          STATE     PID    UPTIME  RESTARTS  LAST EXIT                      MEMORY     CPU
orders        running  4711  1 m 30 s         0
├─ validate   running                         0
│  ├─ lane 0  running    12     2.0 s     1,234                                1.0 MiB  300 ms
│  └─ lane 1  running                         0  code 3 5.0 s ago: it said no
└─ größe      stopped                         0  SIGKILL just now
`);
  });

  test("instancesTable() names a part by its path when only that is asked for", () => {
    const shown = { instance, path: "/orders/validate", tree: tree.children[0]! };
    const lines = instancesTable([shown], false, NOW).split("\n");
    expect(lines.slice(1).map((line) => line.split("  ")[0])).toEqual([
      "validate",
      "validate/lane 0",
      "validate/lane 1",
    ]);
    expect(lines[1]).not.toContain("4711"); // a part is not the instance's process
  });

  test("instancesTable() says which instance does not answer, beside the others", () => {
    const error = { code: "rpc.deadline_exceeded", message: "no answer", retryable: false };
    const text = instancesTable(
      [
        { instance, error },
        { instance, path: "/orders", tree },
      ],
      true,
      NOW,
    );
    expect(text.split("\n")[1]).toMatch(/^\/p\/orders\.txt +not answering +4711 +1 m 30 s +no answer$/);
    expect(text.split("\n")[0]).toContain("DETAIL");
    expect(text.split("\n")[2]).toMatch(/^orders/);
  });

  test("instancesTable() lets no foreign text move the cursor, forge a line or fill the screen", () => {
    const bad = "\u001b[2J\nforged\u202e";
    const lastExit = { code: 1, signal: bad, reason: "x".repeat(5000), atMs: NOW };
    const evil = node(bad, { state: bad, detail: bad, lastExit, children: [node("child")] });
    for (const asTree of [true, false]) {
      const lines = instancesTable(
        [{ instance: { ...instance, pipeline: bad }, path: `/${bad}`, tree: evil }],
        asTree,
        NOW,
      );
      expect(lines.split("\n")).toHaveLength(3);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(lines.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u202e]/);
      expect(Math.max(...lines.split("\n").map((line) => line.length))).toBeLessThan(300);
    }
  });
});

describe("choicesFrom()", () => {
  test("choicesFrom() reads times and numbers when they are right", () => {
    expect(choicesFrom({ timeout: "2m", instance: "17", "data-dir": "/d" })).toEqual({
      dataDir: "/d",
      timeoutMs: 120_000,
      instance: 17,
    });
  });
  for (const flags of [
    { timeout: "soon" },
    { timeout: "0s" },
    { timeout: "1s", instance: "0" },
    { timeout: "1s", instance: "12x" },
    { timeout: "1s", instance: "" },
  ]) {
    test(`choicesFrom() refuses when the flags are ${JSON.stringify(flags)}`, () => {
      expect(() => choicesFrom(flags)).toThrow("is required");
    });
  }
});

describe("repeated()", () => {
  test("repeated() finds each value of a flag when it is given several times in both forms", () => {
    const words = ["s", "--param", "a=1", "--json", "--param=b=2", "--params", "--param", "", "--", "--param", "c=3"];
    expect(repeated("--param", words)).toEqual(["a=1", "b=2", ""]);
  });
});

describe("paramsFrom()", () => {
  test("paramsFrom() splits at the first equals sign, and gives nothing when there is none", () => {
    expect(paramsFrom(["a=1", "b=x=y", "c="])).toEqual({ a: "1", b: "x=y", c: "" });
    expect(paramsFrom([])).toBeUndefined();
  });
  for (const texts of [["a"], ["=1"], ["a=1", "a=2"], [""]]) {
    test(`paramsFrom() refuses when it is ${JSON.stringify(texts)}`, () => {
      expect(() => paramsFrom(texts)).toThrow("--param");
    });
  }
});
