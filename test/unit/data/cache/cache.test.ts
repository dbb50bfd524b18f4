/** The cache of one node, without Redis and with a well-behaved one. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { Cache, type CacheOptions, type Invalidation, isNegative } from "../../../../src/data/cache/index.ts";
import { FakeRedis } from "../../../support/fake-redis.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const clock = () => new SteppedClock();
let ids = 0;

function open(options: Partial<CacheOptions> = {}): Cache {
  return new Cache({ clock: clock(), random: seededRandom(1), newId: () => `id${ids++}`, ...options });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(given: Uint8Array): string {
  return new TextDecoder().decode(given);
}

/** A source that counts how often it is asked, and answers when it is told to. */
class Source {
  asked = 0;
  #waiting: PromiseWithResolvers<Uint8Array>[] = [];

  readonly load = (): Promise<Uint8Array> => {
    this.asked++;
    const waiting = Promise.withResolvers<Uint8Array>();
    this.#waiting.push(waiting);
    return waiting.promise;
  };

  async answer(with_: string | Failure): Promise<void> {
    await turn();
    const waiting = this.#waiting.shift();
    if (!waiting) throw new Error("nobody has asked");
    if (with_ instanceof Failure) waiting.reject(with_);
    else waiting.resolve(bytes(with_));
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

const ttlMs = 1_000;
const notFound = new Failure("users.not_found", "there is no user 7");

describe("Cache.get()", () => {
  test("get() loads once when many ask at once, and not at all afterwards", async () => {
    const cache = open();
    const source = new Source();
    const all = Array.from({ length: 50 }, () => cache.get("a", source.load, { ttlMs }));
    await source.answer("one");
    expect((await Promise.all(all)).map(text)).toEqual(all.map(() => "one"));
    expect(text(await cache.get("a", source.load, { ttlMs }))).toBe("one");
    expect(source.asked).toBe(1);
    expect(cache.counts()).toMatchObject({ loads: 1, joined: 49, hits: 1, misses: 1, entries: 1 });
  });

  test("get() loads again when the time is over, at most a tenth too early", async () => {
    const now = clock();
    const cache = open({ clock: now });
    const load = async () => bytes(String(now.now()));
    await cache.get("a", load, { ttlMs });
    now.advance(0.9 * ttlMs - 1);
    expect(text(await cache.get("a", load, { ttlMs }))).toBe("0");
    now.advance(0.1 * ttlMs + 1);
    expect(text(await cache.get("a", load, { ttlMs }))).toBe("1000");
  });

  test("get() keeps no failure when it is none of not_found or nobody wants that", async () => {
    const cache = open();
    const source = new Source();
    const busy = new Failure("users.busy", "busy", { retryable: true });
    for (const [failure, negativeTtlMs] of [
      [busy, ttlMs],
      [notFound, undefined],
    ] as const) {
      const asked = cache.get("a", source.load, { ttlMs, negativeTtlMs });
      asked.catch(() => {});
      await source.answer(failure);
      expect(asked).rejects.toBe(failure);
    }
    expect(source.asked).toBe(2);
    expect(cache.counts()).toMatchObject({ entries: 0, loadFailures: 2 });
  });

  test("get() believes not_found for its own time", async () => {
    const now = clock();
    const cache = open({ clock: now });
    const load = async () => Promise.reject(notFound);
    const query = { ttlMs, negativeTtlMs: 100 };
    for (let at = 0; at < 3; at++) {
      const failure = await cache.get("a", load, query).then(undefined, (thrown) => thrown);
      expect(failure).toMatchObject({ code: "users.not_found", message: notFound.message });
    }
    expect(cache.counts()).toMatchObject({ loads: 1, negativeHits: 2 });
    now.advance(100);
    expect(text(await cache.get("a", async () => bytes("there"), query))).toBe("there");
  });

  test("get() ends one caller's wait when his signal aborts, and nobody else's", async () => {
    const cache = open();
    const source = new Source();
    const gone = new AbortController();
    const first = cache.get("a", source.load, { ttlMs, signal: gone.signal }).then(undefined, (thrown) => thrown.code);
    const second = cache.get("a", source.load, { ttlMs });
    gone.abort();
    expect(await first).toBe("cache.cancelled");
    await source.answer("one");
    expect(text(await second)).toBe("one");
    expect(source.asked).toBe(1);
  });

  test("get() loads ahead of the end when the load takes long, and gives what there is meanwhile", async () => {
    const now = clock();
    const cache = open({ clock: now, random: { next: () => 0.5, below: () => 0 } });
    const source = new Source();
    const first = cache.get("a", source.load, { ttlMs });
    await turn();
    now.advance(300); // a long load
    await source.answer("old");
    await first;
    now.advance(0.95 * ttlMs - 100);
    expect(text(await cache.get("a", source.load, { ttlMs }))).toBe("old");
    expect(text(await cache.get("a", source.load, { ttlMs }))).toBe("old");
    await source.answer("new");
    expect(text(await cache.get("a", source.load, { ttlMs }))).toBe("new");
    expect(source.asked).toBe(2);
    expect(cache.counts()).toMatchObject({ refreshes: 1 });
  });

  test("get() finds nothing under other tags, and the same under tags in another order", async () => {
    const cache = open();
    await cache.get("a", async () => bytes("1"), { ttlMs, tags: ["x", "y"] });
    expect(text(await cache.get("a", async () => bytes("2"), { ttlMs, tags: ["y", "x", "y"] }))).toBe("1");
    expect(text(await cache.get("a", async () => bytes("2"), { ttlMs, tags: ["x"] }))).toBe("2");
  });

  test("get() gives a value that is too big, and keeps it nowhere", async () => {
    const cache = open();
    const big = new Uint8Array(2 * 1024 * 1024);
    await cache.get("small", async () => bytes("1"), { ttlMs });
    expect(await cache.get("big", async () => big, { ttlMs })).toBe(big);
    expect(cache.counts()).toMatchObject({ entries: 1 });
  });

  test("get() drops what was not used for longest when there is more than fits", async () => {
    const cache = open({ entriesMax: 3 });
    for (const key of ["a", "b", "c", "a", "d"]) await cache.get(key, async () => bytes(key), { ttlMs, tags: ["t"] });
    expect(cache.counts()).toMatchObject({ entries: 3, evicted: 1, loads: 4 });
    await cache.get("b", async () => bytes("again"), { ttlMs, tags: ["t"] });
    expect(cache.counts().loads).toBe(5);
    await cache.invalidate({ tags: ["t"] });
    expect(cache.counts()).toMatchObject({ entries: 0, bytes: 0 });
  });

  test("get() refuses what is no key, tag or time", async () => {
    const cache = open();
    const load = async () => bytes("1");
    for (const [key, query] of [
      ["", { ttlMs }],
      ["x".repeat(16_385), { ttlMs }],
      ["a", { ttlMs: 0 }],
      ["a", { ttlMs: Number.NaN }],
      ["a", { ttlMs: 8 * 24 * 3_600_000 }],
      ["a", { ttlMs, negativeTtlMs: -1 }],
      ["a", { ttlMs, tags: [""] }],
      ["a", { ttlMs, tags: Array.from({ length: 65 }, (_, at) => `t${at}`) }],
    ] as const) {
      const code = await cache.get(key, load, query).then(undefined, (thrown) => thrown.code);
      expect(code).toBe("cache.invalid");
    }
    expect(cache.counts().loads).toBe(0);
  });
});

describe("Cache.invalidate()", () => {
  test("invalidate() drops by key and by tag, and leaves the others", async () => {
    const cache = open();
    const fill = async () => {
      for (const key of ["a", "b", "c"]) {
        await cache.get(key, async () => bytes(key), { ttlMs, tags: [key === "c" ? "odd" : "even"] });
      }
    };
    await fill();
    await cache.invalidate({ keys: ["a"], tags: ["odd"] });
    expect(cache.counts()).toMatchObject({ entries: 1, invalidations: 1 });
    await fill();
    expect(cache.counts()).toMatchObject({ entries: 3, loads: 5 });
  });

  test("invalidate() lets a load under way end for who waits, and keeps it nowhere", async () => {
    const redis = new FakeRedis(clock());
    const cache = open({ shared: redis });
    await cache.ready();
    const source = new Source();
    const before = cache.get("a", source.load, { ttlMs, tags: ["t"] });
    await turn();
    await cache.invalidate({ tags: ["t"] });
    const after = cache.get("a", source.load, { ttlMs, tags: ["t"] });
    await turn();
    expect(source.asked).toBe(2);
    await source.answer("old");
    expect(text(await before)).toBe("old");
    expect(cache.counts()).toMatchObject({ entries: 0, outdated: 1 });
    expect(redis.data.values.size).toBe(0);
    await source.answer("new");
    expect(text(await after)).toBe("new");
    expect(cache.counts()).toMatchObject({ entries: 1 });
  });

  test("invalidate() tells others once, and hear() tells nobody", async () => {
    const told: Invalidation[] = [];
    const cache = open({ tell: (each) => void told.push(each) });
    await cache.invalidate({ keys: ["a", "a"], tags: ["t"] });
    expect(told).toMatchObject([{ keys: ["a"], tags: ["t"] }]);
    await cache.hear({ id: "x", keys: ["a"], tags: [] });
    expect(told.length).toBe(1);
    expect(cache.counts()).toMatchObject({ invalidations: 1, heard: 1 });
  });

  test("invalidate() refuses nothing and too much", async () => {
    const cache = open();
    for (const what of [{}, { keys: Array.from({ length: 1_001 }, (_, at) => `k${at}`) }, { tags: [""] }]) {
      expect(await cache.invalidate(what).then(undefined, (thrown) => thrown.code)).toBe("cache.invalid");
    }
  });
});

describe("Cache with Redis", () => {
  test("get() takes from Redis what another node has loaded, failures too", async () => {
    const shared = new FakeRedis(clock());
    const [one, two] = [open({ shared }), open({ shared })];
    await Promise.all([one.ready(), two.ready()]);
    const query = { ttlMs, negativeTtlMs: ttlMs };
    await one.get("a", async () => bytes("\u0000ü"), query);
    await one.get("b", () => Promise.reject(notFound), query).catch(() => {});
    await turn();
    const never = () => Promise.reject(new Error("it is in Redis"));
    expect(text(await two.get("a", never, query))).toBe("\u0000ü");
    expect(await two.get("b", never, query).then(undefined, (thrown) => thrown.code)).toBe("users.not_found");
    expect(two.counts()).toMatchObject({ sharedHits: 2, loads: 0 });
  });

  test("get() never finds a key under the name of a tag", async () => {
    const shared = new FakeRedis(clock());
    const [one, two] = [open({ shared }), open({ shared })];
    await Promise.all([one.ready(), two.ready()]);
    await one.get("t", async () => bytes("1"), { ttlMs });
    await one.invalidate({ tags: ["t"] });
    expect(text(await two.get("t", async () => bytes("2"), { ttlMs }))).toBe("1");
  });

  test("get() does not wait for Redis when that is silent for longer than its deadline", async () => {
    const now = clock();
    const shared = new FakeRedis(now);
    const said: string[] = [];
    const cache = open({ clock: now, shared, report: (each) => void said.push(each) });
    await cache.ready();
    shared.faults.silence = 1;
    for (let at = 0; at < 5; at++) {
      const asked = cache.get(`key${at}`, async () => bytes("1"), { ttlMs });
      await turn();
      now.advance(50);
      expect(text(await asked)).toBe("1");
    }
    expect(cache.counts().shared).toMatchObject({ state: "away", timeouts: 3 });
    shared.faults.silence = 0;
    now.advance(500);
    await turn();
    expect(cache.counts().shared).toMatchObject({ state: "open", connections: 2 });
    expect(said).toEqual([
      "the cache goes on without fake redis: 3 failures in a row: no answer within 50 ms",
      "the cache has fake redis again",
    ]);
  });

  test("invalidate() reaches Redis when that comes back, before anything is read there", async () => {
    const now = clock();
    const shared = new FakeRedis(now);
    const [cut, other] = [open({ clock: now, shared }), open({ clock: now, shared })];
    await Promise.all([cut.ready(), other.ready()]);
    await other.get("a", async () => bytes("old"), { ttlMs: 60_000 });
    shared.kill();
    await cut.invalidate({ keys: ["a"] });
    expect(cut.counts().shared).toMatchObject({ state: "away", journal: 1 });
    shared.faults.isDown = false; // it was the network: nothing is lost in there
    now.advance(500);
    await turn();
    expect(cut.counts().shared).toMatchObject({ state: "open", journal: 0 });
    expect(text(await cut.get("a", async () => bytes("new"), { ttlMs }))).toBe("new");
  });

  test("invalidate() makes all in Redis forgotten when there was more than the journal holds", async () => {
    const now = clock();
    const shared = new FakeRedis(now);
    const [cut, other] = [open({ clock: now, shared }), open({ clock: now, shared })];
    await Promise.all([cut.ready(), other.ready()]);
    await other.get("a", async () => bytes("old"), { ttlMs: 60_000 });
    shared.kill();
    await cut.invalidate({ keys: ["a"] });
    for (let at = 0; at < 10_001; at++) void cut.invalidate({ keys: [`other${at}`] });
    shared.faults.isDown = false;
    now.advance(500);
    await turn();
    expect(cut.counts().shared).toMatchObject({ state: "open", journal: 0, forgotten: 1 });
    expect(text(await cut.get("a", async () => bytes("new"), { ttlMs }))).toBe("new");
  });
});

test("isNegative() knows failures by their code, and does not believe that a service is gone", () => {
  const failures = ["not_found", "a.found", "service.not_found"].map((code) => new Failure(code, ""));
  expect([notFound, new Error("not_found"), ...failures].map(isNegative)).toEqual([true, false, true, false, false]);
});
