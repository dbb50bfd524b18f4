/** Transactions on one group: all or nothing, over maps, counters and queues; and what prepared transactions keep from others. */
import { describe, expect, test } from "bun:test";
import type { Command, Compare, TransactionOperation, TransactionReply } from "../../../../src/data/words/index.ts";
import { VALUE_BYTES_MAX } from "../../../../src/data/words/index.ts";
import { Fed } from "./commands.ts";

function transaction(
  compare: readonly Compare[],
  then: readonly TransactionOperation[],
  otherwise: readonly TransactionOperation[] = [],
): Command {
  return { type: "transaction", transaction: { compare, then, else: otherwise } };
}

function put(key: string, value: string): Extract<Command, { type: "map.put" }> {
  return { type: "map.put", map: "m", key, value };
}

describe("transaction", () => {
  test("carries out one side as a whole, at one revision, and answers for each operation", () => {
    const fed = new Fed();
    fed.done(put("a", "1"));
    const get: TransactionOperation = { type: "map.get", map: "m", key: "b" };
    const reply = fed.done(
      transaction(
        [{ type: "value", map: "m", key: "a", is: "=", value: "1" }],
        [
          get,
          put("b", "2"),
          get,
          { type: "map.delete", map: "m", key: "a" },
          { type: "counter.add", counter: "c", by: 3 },
          { type: "counter.add", counter: "c", by: 4 },
          { type: "queue.enqueue", queue: "q", values: ["x"] },
        ],
        [put("never", "")],
      ),
    );
    const entry = { key: "b", value: "2", revision: 2, created: 2, version: 1 };
    expect(reply).toMatchObject({
      succeeded: true,
      revision: 2,
      replies: [
        { entry: undefined },
        { revision: 2 },
        { entry },
        { deleted: 1, previous: { value: "1" } },
        { value: 3 },
        { value: 7 },
        { ids: [expect.any(Number)] },
      ],
    });
    expect(fed.machine.maps.range({ map: "m" }).entries).toMatchObject([entry]);
    expect(fed.machine.queues.stats("q")).toMatchObject({ ready: 1 });
  });

  test("takes the other side when a comparison does not hold", () => {
    const fed = new Fed();
    const reply = fed.done(
      transaction([{ type: "exists", map: "m", key: "a" }], [put("a", "then")], [put("a", "else")]),
    );
    expect((reply as TransactionReply).succeeded).toBe(false);
    expect(fed.machine.maps.get("m", "a")?.value).toBe("else");
  });

  test("takes no revision when it changes no map", () => {
    const fed = new Fed();
    fed.done(put("a", "1"));
    const operations: TransactionOperation[] = [{ type: "map.delete", map: "m", key: "none" }];
    expect(fed.done(transaction([], operations))).toMatchObject({ revision: 1 });
  });

  const refusals: readonly (readonly [code: string, last: TransactionOperation])[] = [
    ["data.lease_unknown", { ...put("k", ""), lease: 77 }],
    ["data.counter.overflow", { type: "counter.add", counter: "big", by: Number.MAX_SAFE_INTEGER }],
  ];
  for (const [code, last] of refusals) {
    test(`changes nothing when its last operation is refused with ${code}`, () => {
      const fed = new Fed();
      fed.done({ type: "counter.set", counter: "big", to: 5 });
      const digestOf = (): unknown => [
        fed.machine.maps.revision,
        fed.machine.counters.list(9),
        fed.machine.queues.list(9),
      ];
      const before = digestOf();
      const operations: TransactionOperation[] = [
        put("a", "1"),
        { type: "counter.add", counter: "c", by: 1 },
        { type: "queue.enqueue", queue: "q", values: ["x"] },
        last,
      ];
      expect(fed.refusal(transaction([], operations))).toBe(code);
      expect(digestOf()).toEqual(before);
    });
  }

  test("is refused when its answers would be larger than a message", () => {
    const fed = new Fed();
    const keys = Array.from({ length: 9 }, (_, at) => `k${at}`);
    for (const key of keys) fed.done(put(key, "v".repeat(VALUE_BYTES_MAX)));
    const gets = keys.map((key): TransactionOperation => ({ type: "map.get", map: "m", key }));
    expect(fed.refusal(transaction([], gets))).toBe("data.too_large");
  });
});

describe("a comparison", () => {
  const fed = new Fed();
  fed.done(put("a", "x"));
  fed.done(put("b", "m"));
  fed.done(put("b", "n"));
  fed.done({ type: "counter.set", counter: "c", to: 5 });
  const { token } = fed.done({ type: "lock.acquire", lock: "l", holder: "h", ttlMs: 1_000, waits: false }) as {
    token: number;
  };
  const key = (at: string): { map: string; key: string } => ({ map: "m", key: at });
  const cases: readonly (readonly [compare: Compare, holds: boolean])[] = [
    [{ type: "value", ...key("b"), is: "=", value: "n" }, true],
    [{ type: "value", ...key("b"), is: "=", value: new TextEncoder().encode("n") }, false],
    [{ type: "value", ...key("b"), is: "!=", value: "n" }, false],
    [{ type: "value", ...key("b"), is: "<", value: "o" }, true],
    [{ type: "value", ...key("b"), is: ">", value: "n" }, false],
    [{ type: "value", ...key("none"), is: "=", value: "" }, false],
    [{ type: "value", ...key("none"), is: "!=", value: "" }, true],
    [{ type: "value", ...key("none"), is: "<", value: "z" }, false],
    [{ type: "revision", ...key("b"), is: "=", than: 3 }, true],
    [{ type: "created", ...key("b"), is: "=", than: 2 }, true],
    [{ type: "version", ...key("b"), is: ">", than: 1 }, true],
    [{ type: "version", ...key("none"), is: "=", than: 0 }, true],
    [{ type: "exists", ...key("a") }, true],
    [{ type: "absent", ...key("a") }, false],
    [{ type: "counter", counter: "c", is: "<", than: 6 }, true],
    [{ type: "counter", counter: "none", is: "=", than: 0 }, true],
    [{ type: "lock", lock: "l", token }, true],
    [{ type: "lock", lock: "l", token: token + 1 }, false],
  ];
  for (const [compare, holds] of cases) {
    test(`${JSON.stringify(compare)} ${holds ? "holds" : "does not hold"}`, () => {
      expect(fed.done(transaction([compare], []))).toMatchObject({ succeeded: holds });
    });
  }
});

describe("what a prepared transaction keeps", () => {
  const prepared = (): Fed => {
    const fed = new Fed();
    fed.done(put("compared", "1"));
    const compare: Compare[] = [{ type: "exists", map: "m", key: "compared" }];
    const operations: TransactionOperation[] = [put("written", "2"), { type: "counter.add", counter: "c", by: 1 }];
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    const part = { compare, then: operations };
    const prepare = { type: "distributed.prepare", id: "t", coordinator: "main", part, timeoutMs: 1_000 } as const;
    expect(fed.done(prepare)).toMatchObject({ state: "prepared" });
    return fed;
  };
  const locked: readonly (readonly [what: string, command: Command])[] = [
    ["a put of what it writes", put("written", "x")],
    ["a put of what it compares", put("compared", "x")],
    ["a delete", { type: "map.delete", map: "m", key: "compared" }],
    ["a range that holds such a key", { type: "map.deleteRange", map: "m", key: "" }],
    ["a swap", { type: "map.cas", map: "m", key: "written", expect: { absent: true }, value: "x" }],
    ["a counter", { type: "counter.add", counter: "c", by: 1 }],
    ["a comparison with what it writes", transaction([{ type: "absent", map: "m", key: "written" }], [])],
    ["an operation of a transaction", transaction([], [put("free", ""), put("compared", "x")])],
  ];
  for (const [what, each] of locked) {
    test(`is refused to others as data.locked, retryable, until it is decided: ${what}`, () => {
      const fed = prepared();
      expect(fed.apply(each)).toMatchObject({ ok: false, code: "data.locked", retryable: true });
      fed.done({ type: "distributed.commit", id: "t" });
      expect(fed.machine.maps.get("m", "written")?.value).toBe("2");
      expect(fed.machine.counters.get("c")).toBe(1);
      fed.done(each);
    });
  }

  test("is nothing to those that touch other keys, look at what it compares, or take the other side", () => {
    const fed = prepared();
    fed.done(put("free", "x"));
    fed.done(transaction([{ type: "exists", map: "m", key: "compared" }], [], [put("written", "x")]));
    expect(fed.machine.maps.get("m", "written")).toBeUndefined();
  });
});
