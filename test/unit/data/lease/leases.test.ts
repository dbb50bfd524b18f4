/** Leases and the keys under them, in a machine: nothing of a lease shows without keys. */
import { describe, expect, test } from "bun:test";
import type { Command, LeaseReply } from "../../../../src/data/words/index.ts";
import { Fed } from "../machine/commands.ts";

function grant(fed: Fed, ttlMs = 1_000): number {
  return (fed.done({ type: "lease.grant", ttlMs }) as LeaseReply).lease;
}

function put(key: string, lease?: number): Command {
  return { type: "map.put", map: "m", key, value: "v", lease };
}

function keysOf(fed: Fed): string[] {
  return fed.machine.maps.range({ map: "m" }).entries.map(({ key }) => key);
}

describe("a lease that ends", () => {
  test("takes all keys under it, in one revision, and no others", () => {
    const fed = new Fed();
    const lease = grant(fed);
    for (const key of ["b", "a"]) fed.done(put(key, lease));
    fed.done(put("c"));
    fed.clockMs += 1_000;
    fed.done({ type: "tick" });
    expect(keysOf(fed)).toEqual(["c"]);
    const { events } = fed.machine.maps.events({ fromRevision: 4, limit: 10 });
    expect(events.map(({ type, entry, revision }) => [type, entry.key, revision])).toEqual([
      ["delete", "a", 4],
      ["delete", "b", 4],
    ]);
    expect(fed.machine.leases.size).toBe(0);
  });

  test("does so before the command that finds it over", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.done(put("a", lease));
    fed.clockMs += 1_000;
    expect(fed.done({ type: "map.delete", map: "m", key: "a" })).toMatchObject({ deleted: 0 });
    expect(fed.refusal(put("b", lease))).toBe("data.lease_unknown");
  });

  test("goes by its end, and by its id where that is the same", () => {
    const fed = new Fed();
    const [long, short, same] = [grant(fed, 900), grant(fed, 500), grant(fed, 500)];
    fed.done(put("long", long));
    fed.done(put("same", same));
    fed.done(put("short", short));
    fed.clockMs += 5_000;
    fed.done({ type: "tick" });
    const { events } = fed.machine.maps.events({ fromRevision: 4, limit: 10 });
    expect(events.map(({ entry }) => entry.key)).toEqual(["short", "same", "long"]);
  });
});

describe("keep()", () => {
  test("makes it last for its time from now on", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.done(put("a", lease));
    fed.clockMs += 999;
    expect(fed.machine.nextDueMs).toBe(1_000);
    expect(fed.done({ type: "lease.keep", lease })).toEqual({ lease, ttlMs: 1_000 });
    expect(fed.machine.nextDueMs).toBe(1_999);
    fed.pass(999);
    expect(keysOf(fed)).toEqual(["a"]);
    fed.pass(1);
    expect(keysOf(fed)).toEqual([]);
    expect(fed.machine.nextDueMs).toBeUndefined();
  });

  test("is refused when it is over", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.clockMs += 1_000;
    expect(fed.refusal({ type: "lease.keep", lease })).toBe("data.lease_unknown");
  });
});

describe("a key", () => {
  test("stays when it was put again without the lease, or under another one", () => {
    const fed = new Fed();
    const [one, two] = [grant(fed), grant(fed)];
    for (const key of ["a", "b", "c"]) fed.done(put(key, one));
    fed.done(put("a"));
    fed.done(put("b", two));
    fed.done({ type: "lease.revoke", lease: one });
    expect(keysOf(fed)).toEqual(["a", "b"]);
    expect(fed.machine.leases.show(two)).toMatchObject({ keys: 1 });
    fed.done({ type: "lease.revoke", lease: two });
    expect(keysOf(fed)).toEqual(["a"]);
  });

  test("is no more the lease's when it was deleted and put again", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.done(put("a", lease));
    fed.done({ type: "map.delete", map: "m", key: "a" });
    fed.done(put("a"));
    fed.done({ type: "lease.revoke", lease });
    expect(keysOf(fed)).toEqual(["a"]);
  });
});

describe("a key that a prepared transaction relies on", () => {
  const prepare: Command = {
    type: "distributed.prepare",
    id: "t",
    coordinator: "main",
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    part: { compare: [{ type: "exists", map: "m", key: "a" }], then: [] },
    timeoutMs: 1_000,
  };

  test("holds its lease back until that is decided", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.done(put("a", lease));
    expect(fed.done(prepare)).toMatchObject({ state: "prepared" });
    expect(fed.refusal({ type: "lease.revoke", lease })).toBe("data.locked");
    fed.pass(2_000);
    expect(keysOf(fed)).toEqual(["a"]);
    expect(fed.machine.nextDueMs).toBeUndefined();
    fed.done({ type: "distributed.commit", id: "t" });
    expect(fed.machine.nextDueMs).toBe(1_000);
    fed.pass(0);
    expect(keysOf(fed)).toEqual([]);
  });

  test("holds its lease back on a node that was restored meanwhile, which waits for nothing else", () => {
    const [fed, other] = [new Fed(), new Fed()];
    fed.done(put("a", grant(fed)));
    fed.done(prepare);
    fed.pass(2_000);
    other.machine.restore(fed.machine.snapshot());
    expect(other.machine.nextDueMs).toBeUndefined();
    other.index = fed.index;
    other.done({ type: "distributed.abort", id: "t" });
    expect(other.machine.nextDueMs).toBe(1_000);
  });

  test("lets its lease be kept meanwhile", () => {
    const fed = new Fed();
    const lease = grant(fed);
    fed.done(put("a", lease));
    fed.done(prepare);
    fed.pass(2_000);
    fed.done({ type: "lease.keep", lease });
    fed.done({ type: "distributed.abort", id: "t" });
    fed.pass(999);
    expect(keysOf(fed)).toEqual(["a"]);
    fed.pass(1);
    expect(keysOf(fed)).toEqual([]);
  });
});

test("the group's clock stands still when an entry claims an earlier time, or none", () => {
  const fed = new Fed();
  const lease = grant(fed);
  fed.clockMs = 999;
  fed.done({ type: "tick" });
  for (const clockMs of [5, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    fed.clockMs = clockMs;
    fed.done({ type: "lease.keep", lease });
    expect(fed.machine.clockMs).toBe(999);
  }
});

test("list() gives leases by their ids, page by page", () => {
  const fed = new Fed();
  const ids = [grant(fed), grant(fed), grant(fed)];
  fed.done({ type: "lease.keep", lease: ids[0]! });
  expect(fed.machine.leases.list(2).map(({ lease }) => lease)).toEqual(ids.slice(0, 2));
  expect(fed.machine.leases.list(2, ids[1]).map(({ lease }) => lease)).toEqual(ids.slice(2));
});
