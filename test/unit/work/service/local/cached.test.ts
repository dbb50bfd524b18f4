import { expect, test } from "bun:test";
import fc from "fast-check";
import { cachedUnder, canonical, invalidatedBy, tagOf } from "../../../../../src/work/service/local/cached.ts";
import type { ServiceCache } from "../../../../../src/work/service/local/index.ts";
import { codeOf, invocation, LocalRig } from "../../../../support/local-services.ts";

function withParams(params: unknown) {
  return invocation("get", { params: Buffer.from(JSON.stringify(params)) });
}

class MapCache implements ServiceCache {
  readonly kept = new Map<string, Promise<Uint8Array>>();
  readonly dropped: string[] = [];

  get(key: string, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const found = this.kept.get(key) ?? load();
    this.kept.set(key, found);
    return found;
  }

  invalidate({ tags = [] }: { readonly tags?: readonly string[] }): void {
    this.dropped.push(...tags);
  }
}

test("canonical() is one text for equal values, whatever the order of their keys", () => {
  const shuffled = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shuffled)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, each]) => [key, shuffled(each)]),
          )
        : value;
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
      const [a, b] = [JSON.parse(JSON.stringify(left)), JSON.parse(JSON.stringify(right))];
      expect(canonical(shuffled(a))).toBe(canonical(a));
      expect(JSON.parse(canonical(a))).toEqual(a);
      expect(canonical(a) === canonical(b)).toBe(Bun.deepEquals(a, b, true));
    }),
  );
});

test("cachedUnder() tells apart by the chosen params only, and fills them into the tags", () => {
  const policy = { ttlMs: 1_000, key: ["id"], tags: ["user:{id}", "users"] };
  const one = cachedUnder(withParams({ id: 7, page: 1 }), policy);
  const two = cachedUnder(withParams({ page: 2, id: 7 }), policy);
  expect(one).toEqual(two!);
  expect(one!.under).toEqual({ ttlMs: 1_000, tags: ["user:7", "users"] });
  expect(cachedUnder(withParams({ id: "7" }), policy)!.key).not.toBe(one!.key);
  expect(cachedUnder(withParams({}), policy)!.under.tags).toEqual(["user:", "users"]);
});

test("cachedUnder() tells versions, methods, and where asked for callers apart", () => {
  const policy = { ttlMs: 1_000, perCaller: true };
  const call = withParams({ id: 7 });
  const ann = { kind: "outside", name: "ann", access: "read", scopes: [] } as const;
  const keys = [
    call,
    { ...call, version: "2.0.0" },
    { ...call, method: "list" },
    { ...call, caller: ann },
    { ...call, caller: { ...ann, kind: "service" as const } },
  ].map((each) => cachedUnder(each, policy)!.key);
  expect(new Set(keys).size).toBe(5);
});

test.each([600, 0])("cachedUnder() makes tags that a cache takes of a param with %p characters", (length) => {
  const q = "x".repeat(length);
  const [tag] = cachedUnder(withParams({ q }), { ttlMs: 1, tags: ["{q}"] })!.under.tags;
  expect(tag!.length).toBeGreaterThan(0);
  expect(tag!.length).toBeLessThan(200);
  expect(invalidatedBy(withParams({ q }), ["{q}"]).tags).toEqual([tag!]);
  expect(tagOf(q)).toBe(tag!);
});

test("cachedUnder() keeps keys short", () => {
  const { key } = cachedUnder(withParams({ id: "x".repeat(10_000) }), { ttlMs: 1 })!;
  expect(key.length).toBeLessThan(300);
  expect(cachedUnder(withParams({ id: `${"x".repeat(9_999)}y` }), { ttlMs: 1 })!.key).not.toBe(key);
});

test.each(["[1]", "7", "{", "", `${"[".repeat(200_000)}`, `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`])(
  "cachedUnder() keeps nothing under params that are no object (case %#)",
  (text) => {
    const call = invocation("get", { params: Buffer.from(text) });
    expect(cachedUnder(call, { ttlMs: 1 }) === undefined).toBe(text !== "");
    expect(invalidatedBy(call, ["user:{id}"]).tags).toEqual(["user:"]);
  },
);

test("call() asks a cached method once, and drops what a success makes invalid", async () => {
  const cache = new MapCache();
  await using rig = new LocalRig({ cache });
  rig.write("users.ts", {
    methods: { get: { cache: { ttlMs: 1_000 } }, rename: { invalidates: ["user:{id}"] }, who: {} },
  });
  await rig.local.start();
  await Promise.all([rig.call("get"), rig.call("get")]);
  await rig.call("get");
  await rig.call("who");
  expect(rig.process().calls.map(({ method }) => method)).toEqual(["get", "who"]);
  await rig.call("rename", { params: Buffer.from('{"id":7}') });
  expect(cache.dropped).toEqual(["user:7"]);
  expect(cache.kept.size).toBe(1);
});

test("call() of a cached method ends for who has gone, and goes on for the others", async () => {
  const cache = new MapCache();
  await using rig = new LocalRig({ cache });
  rig.write("users.ts", { methods: { hang: { cache: { ttlMs: 1_000 } } } });
  await rig.local.start();
  const { timers } = rig.clock;
  const gone = new AbortController();
  const [left, late, patient] = [
    rig.call("hang", { signal: gone.signal }),
    rig.call("hang", { timeoutMs: 10 }),
    rig.call("hang"),
  ];
  gone.abort();
  expect(await codeOf(left)).toBe("rpc.cancelled");
  rig.clock.advance(10);
  expect(await codeOf(late)).toBe("rpc.deadline_exceeded");
  rig.process().release();
  expect((await patient).pid).toBe(1);
  expect(rig.clock.timers).toBe(timers);
});

test("a method has succeeded although what is kept cannot be dropped", async () => {
  const cache: ServiceCache = {
    get: (_, load) => load(),
    invalidate: () => Promise.reject(new Error("Redis is away")),
  };
  await using rig = new LocalRig({ cache });
  rig.write("users.ts", { methods: { rename: { invalidates: ["users"] } } });
  await rig.local.start();
  expect((await rig.call("rename")).pid).toBe(1);
});
