/** The cache over a real redis-server: what the server keeps, and what becomes of callers when it is killed, stalled and started again. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { RedisClient } from "bun";
import { systemClock } from "../../src/base/clock.ts";
import { Histogram } from "../../src/base/histogram.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Cache, openRedis, parseRedisUrl } from "../../src/data/cache/index.ts";
import { HAS_REDIS, RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** Two round trips may meet a silent Redis, 50 ms each; the rest is for a busy machine. */
const WAIT_MS_MAX = 100 + 400;
const ttlMs = 60_000;

class Caches implements Disposable {
  readonly said: string[] = [];
  readonly errors: unknown[] = [];
  readonly #open: Cache[] = [];
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async open(prefix = "test"): Promise<Cache> {
    const cache: Cache = new Cache({
      clock: systemClock,
      random: seededRandom(this.#open.length),
      newId: () => randomBytes(12).toString("base64url"),
      shared: openRedis(parseRedisUrl(`${this.#url}?prefix=${prefix}`)),
      tell: (invalidation) => {
        for (const other of this.#open)
          if (other !== cache) other.hear(invalidation).catch((thrown) => this.errors.push(thrown));
      },
      report: (text) => void this.said.push(text),
    });
    this.#open.push(cache);
    await cache.ready();
    return cache;
  }

  [Symbol.dispose](): void {
    for (const cache of this.#open) cache.close();
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const never = (): Promise<Uint8Array> => Promise.reject(new Error("it is in Redis"));

describe.skipIf(!HAS_REDIS)("Cache over redis-server", () => {
  test("get() gives the bytes that another node has stored, and what is under a tag no more when that is invalidated", async () => {
    await using server = new RedisServer();
    await server.start();
    using caches = new Caches(server.url);
    const [one, two] = [await caches.open(), await caches.open()];
    const every = new Uint8Array(256).map((_, at) => at);
    const query = { ttlMs, tags: ["users", "ünï\u0000 code"] };
    await one.get("k\n1", async () => every, query);
    await until("two finds it", () => two.get("k\n1", never, query).catch(() => false));
    expect(await two.get("k\n1", never, query)).toEqual(every);
    await two.invalidate({ tags: ["ünï\u0000 code"] });
    expect(await one.get("k\n1", async () => bytes("new"), query)).toEqual(bytes("new"));
    expect(one.counts()).toMatchObject({ loads: 2, heard: 1, shared: { state: "open", failures: 0, journal: 0 } });
    const other = await caches.open("elsewhere");
    expect(await other.get("k\n1", async () => bytes("other"), query)).toEqual(bytes("other"));
  });

  test("get() forgets what an emptied server no longer vouches for, and what an older snapshot brings back", async () => {
    await using server = new RedisServer();
    await server.start();
    using caches = new Caches(server.url);
    const [one, two] = [await caches.open(), await caches.open()];
    await one.get("a", async () => bytes("1"), { ttlMs });
    const client = new RedisClient(server.url);
    await client.send("SAVE", []);
    await one.invalidate({ keys: ["a"] });
    await server.kill();
    await server.start();
    for (const cache of [one, two]) await until("open again", () => cache.counts().shared?.state === "open");
    await client.connect();
    expect(Number(await client.send("DBSIZE", []))).toBeGreaterThan(1); // the snapshot is there, with the old value
    expect(await two.get("a", async () => bytes("2"), { ttlMs })).toEqual(bytes("2"));
    await client.send("FLUSHALL", []);
    await one.invalidate({ keys: ["a"] });
    expect(await one.get("a", async () => bytes("3"), { ttlMs })).toEqual(bytes("3"));
    expect(await two.get("a", async () => bytes("3"), { ttlMs })).toEqual(bytes("3"));
    await until("goes on after FLUSHALL", () => one.counts().shared?.journal === 0);
    client.close();
  });

  test("get() answers in time and without an error while the server is killed, stalled and started again under load", async () => {
    await using server = new RedisServer();
    await server.start();
    using caches = new Caches(server.url);
    const nodes = [await caches.open(), await caches.open()];
    const truth = Array.from({ length: 200 }, () => 0);
    const waits = new Histogram();
    const load = new AbortController();
    let wrong = 0;
    const ask = async (cache: Cache, key: number): Promise<void> => {
      const floor = truth[key]!; // both nodes hear of an invalidation in the turn in which it is made
      const begunMs = performance.now();
      const got = await cache.get(`key${key}`, async () => bytes(String(truth[key])), {
        ttlMs,
        tags: [`group${key % 5}`],
      });
      waits.record(performance.now() - begunMs);
      if (Number(new TextDecoder().decode(got)) < floor) wrong++;
    };
    const work = async (cache: Cache, seed: number): Promise<void> => {
      const random = seededRandom(seed);
      while (!load.signal.aborted) {
        const key = random.below(truth.length);
        if (random.next() < 0.05) {
          truth[key]!++;
          await cache.invalidate({ keys: [`key${key}`] });
        }
        await ask(cache, key).catch((thrown) => caches.errors.push(thrown));
        if (random.next() < 0.1) await new Promise(setImmediate);
      }
    };
    const workers = nodes.flatMap((cache, at) => [work(cache, at), work(cache, 10 + at), work(cache, 20 + at)]);
    const away = (): Promise<unknown> =>
      until("both do without it", () => nodes.every((each) => each.counts().shared?.state === "away"));
    const back = async (): Promise<void> => {
      await until("both have it again", () => nodes.every((each) => each.counts().shared?.state === "open"));
      const before = nodes.map((each) => each.counts().sharedHits);
      await until("hits come back", () => nodes.every((each, at) => each.counts().sharedHits > before[at]!));
    };
    await back();
    await server.kill();
    await away();
    await server.start();
    await back();
    server.stall();
    await away();
    server.goOn();
    await back();
    load.abort();
    await Promise.all(workers);
    await until("the journals are empty", () => nodes.every((each) => each.counts().shared?.journal === 0));
    expect({ wrong, errors: caches.errors }).toEqual({ wrong: 0, errors: [] });
    expect(waits.quantileMs(0.99)).toBeLessThan(WAIT_MS_MAX);
    expect(caches.said.length).toBeGreaterThanOrEqual(8);
  });

  test("Cache never says a password", async () => {
    await using server = new RedisServer({ password: "s3cret word" });
    await server.start();
    using caches = new Caches(server.url);
    const cache = await caches.open();
    await cache.get("a", async () => bytes("1"), { ttlMs });
    expect(cache.counts().shared).toMatchObject({ state: "open", failures: 0 });
    using refused = new Caches(server.url.replace("s3cret", "wrong"));
    await refused.open();
    expect(refused.said.length).toBe(1);
    expect(refused.said[0]).not.toMatch(/wrong|word/);
    expect(refused.said[0]).toStartWith(`the cache goes on without redis at 127.0.0.1:${server.port}/3: `);
  });
});
