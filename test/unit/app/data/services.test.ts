import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { toWire } from "../../../../src/data/contract/index.ts";
import {
  KEY_CHARS_MAX,
  MESSAGES_AT_ONCE_MAX,
  NAME_CHARS_MAX,
  TTL_MS_MAX,
  VALUE_BYTES_MAX,
} from "../../../../src/data/words/index.ts";
import { DataNodes } from "../../../support/data-nodes.ts";

async function asked(nodes: DataNodes, contract: string, method: string, input: unknown) {
  const call = { contract, method, version: 1, input, timeoutMs: 5_000, signal: undefined };
  const reply = await nodes.ways[0]!.transport(call);
  if (reply.ok) return reply.output as Record<string, unknown>;
  throw reply.failure;
}

async function refusalOf(contract: string, method: string, input: unknown): Promise<Failure> {
  const nodes = new DataNodes();
  const outcome = await asked(nodes, contract, method, input).catch((thrown: Failure) => thrown);
  expect(nodes.applied).toEqual([]);
  if (!(outcome instanceof Failure))
    throw new Error(`${contract}.${method} took ${JSON.stringify(input).slice(0, 80)}`);
  return outcome;
}

const long = (length: number): string => "k".repeat(length);
const receipt = { id: 1, delivery: 1 };

describe("contracts", () => {
  const bad: readonly [string, string, unknown][] = [
    ["map", "put", { map: "", key: "k", value: "v" }],
    ["map", "put", { map: long(NAME_CHARS_MAX + 1), key: "k", value: "v" }],
    ["map", "put", { map: "m", key: long(KEY_CHARS_MAX + 1), value: "v" }],
    ["map", "put", { map: "m", key: "\ud800", value: "v" }],
    ["map", "put", { map: "m\udfff", key: "k", value: "v" }],
    ["map", "put", { map: "m", key: "k", value: "v\ud800" }],
    ["map", "deleteRange", { map: "m", key: "a", end: "b\ud800" }],
    ["queue", "enqueue", { queue: "q", values: ["v"], dedupeKey: "\ud800" }],
    // biome-ignore lint/suspicious/noThenProperty: as below
    ["txn", "run", { compare: [], then: [{ type: "map.put", map: "m", key: "\ud800", value: "v" }] }],
    ["map", "put", { map: "m", key: "k", value: 7 }],
    ["map", "put", { map: "m", key: "k", value: { base64: "no base64!" } }],
    ["map", "put", { map: "m", key: "k", value: "ä".repeat(VALUE_BYTES_MAX / 2 + 1) }],
    ["map", "put", { map: "m", key: "k", value: toWire(new Uint8Array(VALUE_BYTES_MAX + 1)) }],
    ["map", "put", { map: "m", key: "k", value: "v", vlaue: "typed wrong" }],
    ["map", "put", { map: "m", key: "k", value: "v", mark: { session: "s", sequence: 0, received: 0 } }],
    ["map", "put", { map: "m", key: "k", value: "v", mark: { session: "", sequence: 1, received: 0 } }],
    ["map", "cas", { map: "m", key: "k", value: "v" }],
    ["map", "cas", { map: "m", key: "k", value: "v", expect: { value: "a", revision: 1 } }],
    ["map", "cas", { map: "m", key: "k", value: "v", expect: { absent: false } }],
    ["map", "get", { map: "m", key: "k", consistency: "eventual" }],
    ["map", "range", { map: "m", limit: 0 }],
    ["map", "watch", { waitMs: 3_600_000 }],
    ["lease", "grant", { ttlMs: 1 }],
    ["lease", "grant", { ttlMs: TTL_MS_MAX + 1 }],
    ["lock", "acquire", { lock: "l", holder: "", ttlMs: 1_000 }],
    ["lock", "keep", { lock: "l", holder: "h" }],
    ["queue", "enqueue", { queue: "q", values: [] }],
    ["queue", "enqueue", { queue: "q", values: Array.from({ length: MESSAGES_AT_ONCE_MAX + 1 }, () => "") }],
    ["queue", "dequeue", { queue: "q", consumer: "c", visibilityMs: 1_000, count: 0 }],
    ["queue", "ack", { queue: "q", receipts: [] }],
    ["queue", "ack", { queue: "q", receipts: [{ ...receipt, delivery: -1 }] }],
    ["counter", "add", { counter: "c", by: 0.5 }],
    ["counter", "add", { counter: "c", by: 2 ** 53 }],
    // biome-ignore lint/suspicious/noThenProperty: a list, which nobody takes for a promise
    ["txn", "run", { compare: [{ type: "value", map: "m", key: "k", is: "~", value: "v" }], then: [] }],
    // biome-ignore lint/suspicious/noThenProperty: as above
    ["txn", "run", { compare: [], then: [{ type: "map.drop", map: "m" }] }],
    ["txn", "distributed", { id: "12345678", parts: [] }],
    ["raft", "propose", { command: { operation: "increment", key: "k" } }],
    ["raft", "propose", { command: { operation: "set", key: "k" } }],
  ];
  for (const [contract, method, input] of bad) {
    const shown = JSON.stringify(input);
    test(`${contract}.${method}() refuses ${shown.length > 90 ? `${shown.slice(0, 90)}…` : shown}`, async () => {
      expect((await refusalOf(contract, method, input)).code).toBe("rpc.invalid_input");
    });
  }

  test("map.put() takes a value of the largest size, as text and as bytes", async () => {
    const nodes = new DataNodes();
    const bytes = new Uint8Array(VALUE_BYTES_MAX).fill(200);
    await asked(nodes, "map", "put", { map: "m", key: "text", value: long(VALUE_BYTES_MAX) });
    await asked(nodes, "map", "put", { map: "m", key: "bytes", value: toWire(bytes) });
    expect(nodes.machine().maps.get("m", "text")?.value).toBe(long(VALUE_BYTES_MAX));
    expect(nodes.machine().maps.get("m", "bytes")?.value).toEqual(bytes);
  });

  test("every method says no to a group that is not there", async () => {
    expect((await refusalOf("map", "put", { group: "west", map: "m", key: "k", value: "v" })).code).toBe(
      "data.unknown_group",
    );
    expect((await refusalOf("map", "get", { group: "west", map: "m", key: "k" })).code).toBe("data.unknown_group");
  });
});

describe("mapService", () => {
  test("watch() gives whole revisions when an answer cannot hold all", async () => {
    const nodes = new DataNodes();
    const value = "v".repeat(1_000_000);
    for (let at = 0; at < 9; at++) await asked(nodes, "map", "put", { map: "m", key: `k${at}`, value });
    let from = 1;
    let seen = 0;
    for (let pages = 0; seen < 9; pages++) {
      expect(pages).toBeLessThan(4);
      const page = await asked(nodes, "map", "watch", { map: "m", from });
      seen += (page.events as unknown[]).length;
      from = page.next as number;
    }
    expect([seen, from]).toEqual([9, 10]);
  });

  test("get() reads the past at a revision", async () => {
    const nodes = new DataNodes();
    for (const value of ["1", "2"]) await asked(nodes, "map", "put", { map: "m", key: "k", value });
    const then = await asked(nodes, "map", "get", { map: "m", key: "k", revision: 1 });
    expect(then).toMatchObject({ entry: { value: "1" }, revision: 1 });
  });

  test("deleteRange() takes away what a prefix names and nothing else", async () => {
    const nodes = new DataNodes();
    for (const key of ["a", "b1", "b2", "c"]) await asked(nodes, "map", "put", { map: "m", key, value: "v" });
    expect(await asked(nodes, "map", "deleteRange", { map: "m", key: "b", end: "c" })).toMatchObject({ deleted: 2 });
    expect((await asked(nodes, "map", "range", { map: "m", keysOnly: true })).entries).toMatchObject([
      { key: "a", value: "" },
      { key: "c", value: "" },
    ]);
  });
});

describe("lists", () => {
  test("list() gives the rest behind the last name", async () => {
    const nodes = new DataNodes();
    for (const name of ["c1", "c2", "c3"]) await asked(nodes, "counter", "add", { counter: name, by: 1 });
    const first = await asked(nodes, "counter", "list", { limit: 2 });
    expect(first).toEqual({
      counters: [
        { counter: "c1", value: 1 },
        { counter: "c2", value: 1 },
      ],
      more: true,
    });
    expect(await asked(nodes, "counter", "list", { limit: 2, after: "c2" })).toEqual({
      counters: [{ counter: "c3", value: 1 }],
      more: false,
    });
  });
});

describe("leaseService", () => {
  test("list() tells of leases with the time that they have left, and the rest behind the last one", async () => {
    const nodes = new DataNodes();
    const { lease } = await asked(nodes, "lease", "grant", { ttlMs: 5_000 });
    const { lease: second } = await asked(nodes, "lease", "grant", { ttlMs: 9_000 });
    await asked(nodes, "map", "put", { map: "m", key: "k", value: "v", lease });
    nodes.pass(1_000);
    expect(await asked(nodes, "lease", "list", { limit: 1 })).toEqual({
      leases: [{ lease, ttlMs: 5_000, leftMs: 4_000, keys: 1 }],
      more: true,
    });
    expect(await asked(nodes, "lease", "list", { after: lease })).toMatchObject({
      leases: [{ lease: second }],
      more: false,
    });
    nodes.pass(4_001);
    expect(await asked(nodes, "lease", "list", {})).toMatchObject({ leases: [{ lease: second }] });
  });
});

describe("raftService", () => {
  test("propose() and read() keep settings as JSON", async () => {
    const nodes = new DataNodes();
    const propose = (command: unknown) => asked(nodes, "raft", "propose", { command });
    const read = (key: string) => asked(nodes, "raft", "read", { key });
    await propose({ operation: "set", key: "max-connections", value: 1000 });
    expect(await read("max-connections")).toMatchObject({ value: 1000, revision: 1, entry: { version: 1 } });
    expect(await propose({ operation: "cas", key: "max-connections", expect: 1, value: 2 })).toMatchObject({
      swapped: false,
      current: 1000,
    });
    expect(await propose({ operation: "cas", key: "max-connections", expect: 1000, value: { a: null } })).toMatchObject(
      {
        swapped: true,
      },
    );
    expect((await read("max-connections")).value).toEqual({ a: null });
    await propose({ operation: "delete", key: "max-connections" });
    expect((await read("max-connections")).entry).toBeUndefined();
  });

  test("read() says what is no JSON", async () => {
    const nodes = new DataNodes();
    await asked(nodes, "map", "put", { map: "config", key: "k", value: "{oops" });
    await expect(asked(nodes, "raft", "read", { key: "k" })).rejects.toMatchObject({ code: "data.not_json" });
  });
});
