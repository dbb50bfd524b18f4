/** The machine as a whole: its bound of bytes, its clock, its snapshots, and what cas and ranges do at their edges. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DataMachine } from "../../../../src/data/machine/index.ts";
import { DELETE_RANGE_MAX } from "../../../../src/data/map/index.ts";
import type { Command } from "../../../../src/data/words/index.ts";
import { Encoder } from "../../../../src/wire/codec/index.ts";
import { entry, Fed, logOf } from "./commands.ts";

const BYTES_MAX = 100_000;

function put(key: string, value = "v"): Extract<Command, { type: "map.put" }> {
  return { type: "map.put", map: "m", key, value };
}

describe("a full store", () => {
  const full = (): Fed => {
    const fed = new Fed({ bytesMax: BYTES_MAX });
    fed.done({ type: "queue.enqueue", queue: "q", values: ["message"] });
    fed.done({ type: "queue.dequeue", queue: "q", count: 1, visibilityMs: 10_000, consumer: "c" });
    for (let at = 0; fed.apply(put(`k${at}`, "v".repeat(5_000))).ok; at++);
    return fed;
  };
  const adding: readonly Command[] = [
    put("k1", "v".repeat(5_000)),
    { type: "map.cas", map: "m", key: "k1", expect: { revision: 2 }, value: "v".repeat(5_000) },
    { type: "queue.enqueue", queue: "q", values: ["v".repeat(5_000)] },
    {
      type: "transaction",
      // biome-ignore lint/suspicious/noThenProperty: the word of transactions
      transaction: { compare: [], then: [put("a", "v".repeat(5_000))], else: [] },
    },
  ];
  for (const each of adding) {
    test(`refuses ${each.type} with data.full, which may be tried again`, () => {
      expect(full().apply(each)).toMatchObject({ ok: false, code: "data.full", retryable: true });
    });
  }

  const passing: readonly Command[] = [
    { type: "map.delete", map: "m", key: "k1" },
    { type: "map.deleteRange", map: "m", key: "" },
    { type: "map.cas", map: "m", key: "k1", expect: { revision: 2 }, value: undefined },
    { type: "map.compact", revision: 2 },
    { type: "queue.ack", queue: "q", receipts: [{ id: 1, delivery: 1 }] },
    { type: "lock.acquire", lock: "l", holder: "h", ttlMs: 1_000, waits: false },
    { type: "lease.grant", ttlMs: 1_000 },
    { type: "tick" },
  ];
  for (const each of passing) test(`takes ${each.type}`, () => expect(full().apply(each).ok).toBe(true));

  test("takes puts again when keys have gone", () => {
    const fed = full();
    fed.done({ type: "map.deleteRange", map: "m", key: "" });
    fed.done(put("new", "v".repeat(5_000)));
  });

  test("holds no more than its bound", () => expect(full().machine.sizeBytes).toBeLessThanOrEqual(BYTES_MAX));
});

test("sizeBytes is what it was when everything that was added is gone", () => {
  const fed = new Fed({ historyEventsMax: 0 });
  const empty = fed.machine.sizeBytes;
  const lease = fed.index + 1;
  fed.done({ type: "lease.grant", ttlMs: 1_000 });
  for (let at = 0; at < 300; at++) fed.done({ type: "map.put", map: `m${at % 3}`, key: `k${at}`, value: "v", lease });
  fed.done(put("k", "longer"));
  fed.done(put("k", "short"));
  expect(fed.machine.sizeBytes).toBeGreaterThan(empty + 300 * 100);
  fed.pass(1_000);
  fed.done({ type: "map.deleteRange", map: "m", key: "" });
  expect(fed.machine.sizeBytes).toBe(empty);
});

test("map.deleteRange is refused when it has too many keys, and changes nothing", () => {
  const fed = new Fed();
  for (let at = 0; at <= DELETE_RANGE_MAX; at++) fed.apply(put(`k${at}`));
  const { revision } = fed.machine.maps;
  expect(fed.refusal({ type: "map.deleteRange", map: "m", key: "" })).toBe("data.range_too_large");
  expect(fed.machine.maps.revision).toBe(revision);
  expect(fed.done({ type: "map.deleteRange", map: "m", key: "k1" })).toMatchObject({ deleted: DELETE_RANGE_MAX });
});

describe("map.cas", () => {
  const cas = (expect_: Extract<Command, { type: "map.cas" }>["expect"], value: string | undefined): Command => ({
    type: "map.cas",
    map: "m",
    key: "k",
    expect: expect_,
    value,
  });

  test("swaps when the expectation holds, and tells what is there when it does not", () => {
    const fed = new Fed();
    expect(fed.done(cas({ absent: true }, "1"))).toEqual({ swapped: true, revision: 1 });
    expect(fed.done(cas({ absent: true }, "2"))).toMatchObject({
      swapped: false,
      revision: 1,
      current: { value: "1" },
    });
    expect(fed.done(cas({ value: "1" }, "2"))).toEqual({ swapped: true, revision: 2 });
    expect(fed.done(cas({ revision: 1 }, "3"))).toMatchObject({ swapped: false, current: { value: "2", version: 2 } });
    expect(fed.done(cas({ revision: 2 }, undefined))).toEqual({ swapped: true, revision: 3 });
    expect(fed.machine.maps.get("m", "k")).toBeUndefined();
    expect(fed.done(cas({ revision: 0 }, undefined))).toEqual({ swapped: true, revision: 3 });
  });
});

test("reads of a revision that is to come, and of one that is gone, fail", () => {
  const fed = new Fed();
  for (const key of ["a", "b", "c"]) fed.done(put(key));
  fed.done({ type: "map.compact", revision: 2 });
  const { maps } = fed.machine;
  expect(() => maps.get("m", "a", 4)).toThrow(expect.objectContaining({ code: "data.future_revision" }));
  expect(() => maps.range({ map: "m", atRevision: 1 })).toThrow(expect.objectContaining({ code: "data.compacted" }));
  expect(maps.range({ map: "m", atRevision: 2, keysOnly: true }).entries.map(({ key, value }) => [key, value])).toEqual(
    [
      ["a", ""],
      ["b", ""],
    ],
  );
  expect(fed.refusal({ type: "map.compact", revision: 9 })).toBe("data.compact_future");
});

test("range() ends a page where it would be larger than a message, and goes on there", () => {
  const fed = new Fed();
  for (let at = 0; at < 8; at++) fed.done(put(`k${at}`, "v".repeat(1_000_000)));
  const first = fed.machine.maps.range({ map: "m" });
  expect([first.entries.length, first.count, first.next]).toEqual([4, 8, "k3"]);
  const second = fed.machine.maps.range({ map: "m", after: first.next });
  expect(second.entries[0]?.key).toBe("k4");
});

test("skip() counts an entry that is no command, and apply() takes no entry twice", () => {
  const fed = new Fed();
  fed.done(put("a"));
  fed.machine.skip(2);
  expect(fed.machine.appliedIndex).toBe(2);
  expect(() => fed.machine.apply(new Uint8Array(), { index: 2, clockMs: 0 })).toThrow("invariant broken");
});

describe("restore()", () => {
  const run = fc.sample(fc.array(entry, { minLength: 60, maxLength: 80, size: "max" }), { numRuns: 1, seed: 7 })[0]!;
  const source = new DataMachine();
  for (const each of logOf(run)) source.apply(each.data, each);
  const bytes = Buffer.concat([...source.snapshot()]);
  const codeOf = (pieces: Iterable<Uint8Array>): string => {
    const fed = new Fed();
    fed.done(put("kept"));
    const before = fed.machine.digest();
    let code = "none";
    try {
      fed.machine.restore(pieces);
    } catch (thrown) {
      code = (thrown as { code?: string }).code ?? String(thrown);
      expect(fed.machine.digest()).toBe(before);
    }
    return code;
  };

  test("takes the bytes of a snapshot however they are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        const places = [0, ...cuts.sort((left, right) => left - right), bytes.length];
        const pieces = places.slice(1).map((to, at) => bytes.subarray(places[at], to));
        const machine = new DataMachine();
        machine.restore(pieces);
        expect(machine.digest()).toBe(source.digest());
      }),
      { numRuns: 30 },
    );
  });

  test("fails with data.snapshot and leaves the state as it was when bytes are missing, added or changed", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.constantFrom("cut", "add", "change"), (at, how) => {
        if (how === "cut") expect(codeOf([bytes.subarray(0, at)])).toBe("data.snapshot");
        else if (how === "add") expect(codeOf([bytes, bytes.subarray(at)])).toBe("data.snapshot");
        else {
          const changed = Buffer.from(bytes);
          changed[at] = changed[at]! ^ 0x55;
          // A changed value or number is still a snapshot, of another state: checksums are the log's matter.
          expect(["none", "data.snapshot"]).toContain(codeOf([changed]));
        }
      }),
      { numRuns: 150 },
    );
  });

  test("refuses another version, and sections that it does not know, by name", () => {
    const later = Buffer.from(bytes);
    later[4] = 2;
    expect(() => new DataMachine().restore([later])).toThrow("version 2");
    const section = new Encoder().encode("topics");
    const frame = Buffer.concat([Buffer.from([0, 0, 0, section.length]), section]);
    const last = frameStarts().at(-1);
    const unknown = Buffer.concat([bytes.subarray(0, last), frame, bytes.subarray(last)]);
    expect(() => new DataMachine().restore([unknown])).toThrow("section topics is unknown");
  });

  test("fails with data.snapshot when any frame is missing", () => {
    const starts = frameStarts();
    for (const [at, from] of starts.entries()) {
      const to = starts[at + 1] ?? bytes.length;
      expect(codeOf([bytes.subarray(0, from), bytes.subarray(to)])).toBe("data.snapshot");
    }
  });

  function frameStarts(): number[] {
    const starts: number[] = [];
    for (let at = 5; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) starts.push(at);
    return starts;
  }
});
