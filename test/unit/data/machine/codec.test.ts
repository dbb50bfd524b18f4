/** Commands as bytes: there and back, and whatever is malformed refused with one code, the same on every node. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { COMMAND_VERSION, decodeCommand, encodeCommand } from "../../../../src/data/machine/index.ts";
import {
  COMMAND_BYTES_MAX,
  type Command,
  KEY_CHARS_MAX,
  type MarkedCommand,
  NAME_CHARS_MAX,
  TRANSACTION_OPERATIONS_MAX,
  VALUE_BYTES_MAX,
} from "../../../../src/data/words/index.ts";
import { Encoder } from "../../../../src/wire/codec/index.ts";
import { command, Fed } from "./commands.ts";

const marked: fc.Arbitrary<MarkedCommand> = fc.record({
  command,
  mark: fc.option(
    fc.record({ session: fc.constant("s"), sequence: fc.integer({ min: 8, max: 99 }), received: fc.nat(7) }),
    { nil: undefined },
  ),
});

/** The code with which it is refused. */
function codeOf(data: Uint8Array): string {
  try {
    decodeCommand(data);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return "none";
}

function bytesOf(parts: unknown): Uint8Array {
  return new Uint8Array([COMMAND_VERSION, ...new Encoder().encode(parts)]);
}

test("decodeCommand() gives what encodeCommand() took when it is any command", () => {
  fc.assert(
    fc.property(marked, (each) => expect(decodeCommand(encodeCommand(each))).toEqual(each)),
    { numRuns: 500 },
  );
});

test("decodeCommand() copies bytes when they are a view of a larger buffer", () => {
  const put: Command = { type: "map.put", map: "m", key: "k", value: new Uint8Array(300).fill(7) };
  const page = new Uint8Array(1_000);
  const data = encodeCommand({ command: put });
  page.set(data, 10);
  const decoded = decodeCommand(page.subarray(10, 10 + data.length));
  page.fill(9);
  expect(decoded.command).toEqual(put);
});

test("decodeCommand() fails with data.malformed and nothing else when bytes are changed, cut or added", () => {
  fc.assert(
    fc.property(marked, fc.nat(), fc.nat(255), fc.constantFrom("change", "cut", "add"), (each, at, byte, how) => {
      const data = encodeCommand(each);
      const place = at % data.length;
      if (how === "change") data[place] = byte;
      const bytes = how === "cut" ? data.subarray(0, place) : how === "add" ? new Uint8Array([...data, byte]) : data;
      const code = codeOf(bytes);
      if (how === "change") expect(["none", "data.malformed"]).toContain(code);
      else expect(code).toBe("data.malformed");
    }),
    { numRuns: 1_000 },
  );
});

test("decodeCommand() fails with data.malformed when it is given any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(["none", "data.malformed"]).toContain(codeOf(new Uint8Array([COMMAND_VERSION, ...bytes])));
      expect(codeOf(new Uint8Array([COMMAND_VERSION + 1, ...bytes]))).toBe("data.malformed");
    }),
    { numRuns: 500 },
  );
});

test("encodeCommand() fails with data.too_large when the command takes more than one entry may", () => {
  const values = Array.from({ length: 5 }, () => "x".repeat(VALUE_BYTES_MAX));
  const large: Command = { type: "queue.enqueue", queue: "q", values };
  expect(() => encodeCommand({ command: large })).toThrow(expect.objectContaining({ code: "data.too_large" }));
});

describe("apply() refuses with data.malformed", () => {
  const name = "n".repeat(NAME_CHARS_MAX + 1);
  const put = { type: "map.put", map: "m", key: "k", value: "v" } as const;
  const transaction = (operations: readonly unknown[]): unknown => ({
    type: "transaction",
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    transaction: { compare: [], then: operations, else: [] },
  });
  const bad: readonly (readonly [what: string, command: unknown])[] = [
    ["an empty name", { ...put, map: "" }],
    ["a long name", { ...put, map: name }],
    ["a long key", { ...put, key: "k".repeat(KEY_CHARS_MAX + 1) }],
    ["a key that is a number", { ...put, key: 7 }],
    ["a large value", { ...put, value: "v".repeat(VALUE_BYTES_MAX + 1) }],
    ["a value that is large in UTF-8", { ...put, value: "é".repeat(VALUE_BYTES_MAX / 2 + 1) }],
    ["large bytes", { ...put, value: new Uint8Array(VALUE_BYTES_MAX + 1) }],
    ["a value that is a number", { ...put, value: 1 }],
    ["a lease of 0", { ...put, lease: 0 }],
    ["a short ttl", { type: "lease.grant", ttlMs: 99 }],
    ["a fraction", { type: "lease.grant", ttlMs: 100.5 }],
    ["no number", { type: "counter.add", counter: "c", by: Number.NaN }],
    ["a number that is not exact", { type: "counter.set", counter: "c", to: 2 ** 53 }],
    ["a flag that is a number", { type: "lock.acquire", lock: "l", holder: "h", ttlMs: 100, waits: 1 }],
    ["no values", { type: "queue.enqueue", queue: "q", values: [] }],
    ["two values with a dedupe key", { type: "queue.enqueue", queue: "q", values: ["a", "b"], dedupeKey: "k" }],
    ["too many messages", { type: "queue.dequeue", queue: "q", count: 1_001, visibilityMs: 100, consumer: "c" }],
    ["no receipts", { type: "queue.ack", queue: "q", receipts: [] }],
    ["an unknown decision", { type: "distributed.decide", id: "t", decision: "maybe" }],
    ["too many operations", transaction(Array.from({ length: TRANSACTION_OPERATIONS_MAX + 1 }, () => put))],
    ["an operation that no transaction has", transaction([{ type: "lease.keep", lease: 1 }])],
    [
      "a comparison with an unknown sign",
      {
        type: "transaction",
        // biome-ignore lint/suspicious/noThenProperty: the word of transactions
        transaction: { compare: [{ type: "version", map: "m", key: "k", is: ">=", than: 1 }], then: [], else: [] },
      },
    ],
  ];
  for (const [what, each] of bad) {
    test(`${what}`, () => {
      const fed = new Fed();
      const data = encodeCommand({ command: each as Command }); // wrong on purpose
      expect(fed.applyBytes(data)).toMatchObject({ ok: false, code: "data.malformed", retryable: false });
      expect(fed.machine.stats().revision).toBe(0);
    });
  }

  const forms: readonly (readonly [what: string, parts: unknown])[] = [
    ["no list", "text"],
    ["an unknown kind", [999, []]],
    ["a get by itself", [6, ["m", "k"]]],
    ["a field too many", [2, ["m", "k", "more"]]],
    ["a part too many", [2, ["m", "k"], "s", 1, 0, 1]],
    ["a sequence of 0", [2, ["m", "k"], "s", 0, 0]],
    ["more received than sent", [2, ["m", "k"], "s", 5, 5]],
    ["a session without a sequence", [2, ["m", "k"], "s"]],
  ];
  for (const [what, parts] of forms) {
    test(`${what}`, () => expect(new Fed().applyBytes(bytesOf(parts))).toMatchObject({ code: "data.malformed" }));
  }

  test("more bytes than an entry has", () => {
    expect(new Fed().applyBytes(new Uint8Array(COMMAND_BYTES_MAX + 1))).toMatchObject({ code: "data.malformed" });
  });

  test("no bytes at all", () =>
    expect(new Fed().applyBytes(new Uint8Array())).toMatchObject({ code: "data.malformed" }));
});
