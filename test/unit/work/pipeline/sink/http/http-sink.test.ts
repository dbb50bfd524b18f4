/** The HTTP sink against a service that answers as it is told to: what is sent, when again, and when no more. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Clock, systemClock, type Timer } from "../../../../../../src/base/clock.ts";
import type { Failure } from "../../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../../src/base/random.ts";
import { createSink, type Sink } from "../../../../../../src/work/pipeline/sink/index.ts";
import { freePort } from "../../../../../support/free-port.ts";
import { SteppedClock } from "../../../../../support/stepped-clock.ts";
import { until } from "../../../../../support/until.ts";
import { codeOf } from "../support.ts";

interface Seen {
  readonly key: string | null;
  readonly text: string;
  readonly headers: Headers;
  readonly method: string;
}

type Reply = (seen: Seen, attempt: number) => Response | Promise<Response>;

class Service implements Disposable {
  readonly seen: Seen[] = [];
  readonly #server: Bun.Server<undefined>;
  underWayMost = 0;
  #underWay = 0;

  constructor(reply: Reply = () => new Response(null, { status: 202 })) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      development: false,
      fetch: async (request) => {
        this.underWayMost = Math.max(this.underWayMost, ++this.#underWay);
        const { headers, method } = request;
        const seen = { key: headers.get("idempotency-key"), text: await request.text(), headers, method };
        this.seen.push(seen);
        const attempt = this.seen.filter(({ key }) => key === seen.key).length;
        return Promise.resolve(reply(seen, attempt)).finally(() => this.#underWay--);
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/records`;
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}

interface SinkOptions {
  readonly clock?: Clock;
  readonly variables?: Readonly<Record<string, string>>;
}

function create(
  params: Readonly<Record<string, unknown>>,
  { clock = systemClock, variables = {} }: SinkOptions = {},
): Sink {
  return createSink("http", params, { run: "run-1", clock, random: seededRandom(1), variables });
}

async function opened(params: Readonly<Record<string, unknown>>, options?: SinkOptions): Promise<Sink> {
  const sink = create(params, options);
  await sink.open(undefined);
  return sink;
}

const lines = (...ids: number[]): Buffer => Buffer.from(ids.map((id) => `{"id":${id}}\n`).join(""));

/** Of requests; no wait between two is as long. */
const TIMEOUT_MS = 3_600_000;

/** Passes over every wait at once, and knows how long they were. */
class HurriedClock extends SteppedClock {
  readonly waitsMs: number[] = [];

  override after(delayMs: number, callback: () => void): Timer {
    const timer = super.after(delayMs, callback);
    if (delayMs === TIMEOUT_MS) return timer;
    this.waitsMs.push(delayMs);
    queueMicrotask(() => this.advance(delayMs));
    return timer;
  }
}

describe("an HTTP sink", () => {
  test("sends each batch once, in order, under a key of its own, and counts it when it was taken", async () => {
    using service = new Service();
    const sink = await opened({ url: service.url });
    for (let i = 0; i < 5; i++) await sink.write(lines(i), `a b/é.ndjson@${i}`);
    expect(await sink.flush()).toEqual({ v: 1, kind: "http", batches: 5 });
    expect(service.seen.map(({ text }) => text)).toEqual([0, 1, 2, 3, 4].map((i) => `{"id":${i}}\n`));
    expect(service.seen[0]).toMatchObject({ method: "POST", key: "run-1/a%20b/%C3%A9.ndjson@0" });
    expect(service.seen[0]!.headers.get("content-type")).toBe("application/x-ndjson");
    expect(service.underWayMost).toBe(1);
    await sink.close();
  });

  test("sends JSON arrays that hold the same records", async () => {
    using service = new Service();
    const sink = await opened({ url: service.url, format: "json", method: "PUT" });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 5 }),
        async (records) => {
          await sink.write(Buffer.from(records.map((each) => `${JSON.stringify(each)}\n`).join("")), "b");
          await sink.flush();
          expect(JSON.parse(service.seen.at(-1)!.text)).toEqual(JSON.parse(JSON.stringify(records)));
        },
      ),
      { numRuns: 40 },
    );
    expect(service.seen[0]).toMatchObject({ method: "PUT" });
    await sink.close();
  });

  test("keeps the bytes that it was given, whatever becomes of them before they are sent again", async () => {
    using service = new Service((_, attempt) => new Response(null, { status: attempt === 1 ? 503 : 200 }));
    const sink = await opened({ url: service.url, timeout: TIMEOUT_MS }, { clock: new HurriedClock() });
    const bytes = lines(1);
    await sink.write(bytes, "a");
    bytes.fill(0x20);
    await sink.flush();
    expect(service.seen.map(({ text }) => text)).toEqual(['{"id":1}\n', '{"id":1}\n']);
    await sink.close();
  });

  test("has as many requests under way as it may, and flush() waits for all of them", async () => {
    const gate = Promise.withResolvers<void>();
    using service = new Service(async () => {
      await gate.promise;
      return new Response("ok");
    });
    const sink = await opened({ url: service.url, concurrency: 3 });
    const writes = [1, 2, 3, 4].map((id) => sink.write(lines(id), `b@${id}`));
    await Promise.all(writes.slice(0, 3));
    await until("three are under way", () => service.underWayMost === 3);
    const flushed = sink.flush();
    gate.resolve();
    await Promise.all(writes);
    expect(await flushed).toMatchObject({ kind: "http" });
    expect(await sink.flush()).toMatchObject({ batches: 4 });
    expect(service.underWayMost).toBe(3);
    await sink.close();
  });

  test("tries again under the same key what may go better later, with waits that grow", async () => {
    for (const status of [408, 425, 429, 500, 502, 503]) {
      const clock = new HurriedClock();
      using service = new Service((_, attempt) => new Response("later", { status: attempt < 4 ? status : 200 }));
      const sink = await opened({ url: service.url, timeout: TIMEOUT_MS }, { clock });
      await sink.write(lines(1), "a@0");
      await sink.flush();
      expect(service.seen.map(({ key }) => key)).toEqual(Array.from({ length: 4 }, () => "run-1/a@0"));
      expect(clock.waitsMs.map((ms, i) => ms >= 50 * 2 ** i && ms <= 100 * 2 ** i)).toEqual([true, true, true]);
      await sink.close();
    }
  });

  test("waits as long as the other side wants, in seconds or until a date, up to a bound", async () => {
    const cases = [
      ["7", 7000],
      [new Date(9000).toUTCString(), 9000],
      ["999999", 300_000],
    ] as const;
    for (const [retryAfter, waitMs] of cases) {
      const clock = new HurriedClock();
      const headers = { "retry-after": retryAfter };
      using service = new Service((_, attempt) => new Response(null, attempt === 1 ? { status: 429, headers } : {}));
      const sink = await opened({ url: service.url, retry_for: 400_000, timeout: TIMEOUT_MS }, { clock });
      await sink.write(lines(1), "a@0");
      await sink.flush();
      expect(clock.waitsMs).toEqual([waitMs]);
      await sink.close();
    }
  });

  test("waits no longer than retry_for is, asks once more then, and tells how long it has tried", async () => {
    const clock = new HurriedClock();
    using service = new Service(() => new Response("slow down", { status: 429, headers: { "retry-after": "300" } }));
    const sink = await opened({ url: service.url, retry_for: 300_000, timeout: TIMEOUT_MS }, { clock });
    clock.advance(3);
    await sink.write(lines(1), "a@0");
    expect(await sink.flush().catch((thrown: Failure) => thrown.message)).toContain(
      "slow down, and wants to be left alone for 5 m 0 s more, at attempt 2; given up after 5 m 0 s (retry_for is 5 m 0 s)",
    );
    expect(clock.waitsMs).toEqual([300_000]);
    using patient = new Service(
      (_, attempt) => new Response(null, { status: attempt < 2 ? 503 : 200, headers: { "retry-after": "9" } }),
    );
    const short = await opened(
      { url: patient.url, retry_for: 1000, timeout: TIMEOUT_MS },
      { clock: new HurriedClock() },
    );
    await short.write(lines(1), "a@0");
    expect(await short.flush()).toMatchObject({ batches: 1 });
  });

  test("fails at once with the answer's beginning when it is refused, and takes no more", async () => {
    using service = new Service(() => new Response(`no such\u001b[2J thing${"x".repeat(100_000)}`, { status: 422 }));
    const sink = await opened({ url: service.url });
    await sink.write(lines(1), "a@0");
    const failure = await sink.flush().catch((thrown: Failure) => thrown);
    expect(failure).toMatchObject({ code: "sink.http.refused", retryable: false });
    expect((failure as Failure).message).toContain("the answer is 422: no such\u241b[2J thing");
    expect((failure as Failure).message.length).toBeLessThan(600);
    expect(await codeOf(() => sink.write(lines(2), "b@0"))).toBe("sink.http.refused");
    expect(service.seen).toHaveLength(1);
    await sink.abort();
  });

  test("follows no redirection", async () => {
    using other = new Service();
    using service = new Service(() => Response.redirect(other.url, 307));
    const sink = await opened({ url: service.url, token_env: "T" }, { variables: { T: "secret" } });
    await sink.write(lines(1), "a@0");
    expect(await codeOf(() => sink.flush())).toBe("sink.http.refused");
    expect(other.seen).toEqual([]);
    await sink.abort();
  });

  test("gives up after retry_for when nobody is there, and can be opened again", async () => {
    const clock = new HurriedClock();
    const url = `http://127.0.0.1:${freePort()}/`;
    const sink = await opened({ url, retry_for: 1000, timeout: TIMEOUT_MS }, { clock });
    await sink.write(lines(1), "a@0");
    expect(await codeOf(() => sink.flush())).toBe("sink.http.unreachable");
    expect(clock.waitsMs.length).toBeGreaterThan(1);
    expect(clock.monotonic()).toBeLessThanOrEqual(1000);
    await sink.open({ v: 1, kind: "http", batches: 3 });
    expect(await sink.flush()).toEqual({ v: 1, kind: "http", batches: 3 });
  });

  test("takes no answer in time for one that may come later", async () => {
    const clock = new SteppedClock();
    using service = new Service((_, attempt) => (attempt === 1 ? new Promise<never>(() => {}) : new Response("ok")));
    const sink = await opened({ url: service.url, timeout: 5000 }, { clock });
    await sink.write(lines(1), "a@0");
    await until("the first is under way", () => service.seen.length === 1);
    clock.advance(5000);
    await until("the second waits for its turn", () => clock.timers === 1);
    clock.advance(100);
    await sink.flush();
    expect(service.seen).toHaveLength(2);
    await sink.abort();
  });

  test("abort() ends what is under way", async () => {
    using service = new Service(() => new Promise<never>(() => {}));
    const sink = await opened({ url: service.url });
    await sink.write(lines(1), "a@0");
    await until("it is under way", () => service.seen.length === 1);
    await sink.abort();
    using down = new Service(() => new Response(null, { status: 503 }));
    const waiting = await opened({ url: down.url, retry_for: 3_600_000 }, { clock: new SteppedClock() });
    await waiting.write(lines(1), "a@0");
    await until("it was refused", () => down.seen.length === 1);
    await waiting.abort();
  });

  test("sends further headers, and secrets out of the environment", async () => {
    using service = new Service();
    const params = { url: service.url, headers: ["x-kind: orders"], header_env: ["x-key:KEY"], token_env: "TOKEN" };
    const sink = await opened(params, { variables: { KEY: "k1", TOKEN: "t1" } });
    await sink.write(lines(1), `${"long".repeat(100)}@0`);
    await sink.write(lines(2), `${"long".repeat(100)}@1`);
    await sink.flush();
    const { headers } = service.seen[0]!;
    expect(["x-kind", "x-key", "authorization"].map((name) => headers.get(name))).toEqual([
      "orders",
      "k1",
      "Bearer t1",
    ]);
    const keys = service.seen.map(({ key }) => key!);
    expect(keys.map(({ length }) => length)).toEqual([255, 255]);
    expect(keys[0]).not.toBe(keys[1]);
    await sink.close();
  });

  test("refuses parameters that cannot be right, and tells no secret", () => {
    const refusal = (params: Record<string, unknown>, variables: Record<string, string> = {}): string => {
      try {
        create({ url: "http://127.0.0.1:1/", ...params }, { variables });
        return "nothing";
      } catch (thrown) {
        return (thrown as Failure).message;
      }
    };
    expect(refusal({})).toBe("nothing");
    expect(refusal({ url: "ftp://a/" })).toContain("url=ftp://a/; an address with http:// or https://");
    expect(refusal({ url: "http://me:secret@a/" })).toContain("header_env or token_env is for secrets");
    expect(refusal({ url: "http://me:secret@a/" })).not.toContain("me:secret");
    expect(refusal({ headers: ["nothing"] })).toContain("headers=nothing; name:value");
    expect(refusal({ headers: ["Content-Type:a"] })).toContain("another header than");
    expect(refusal({ header_env: ["x-key:KEY"] })).toContain("the environment variable KEY for x-key is not set");
    expect(refusal({ token_env: "T" }, { T: "line\nbreak" })).toContain("T for authorization holds what no header can");
  });
});
