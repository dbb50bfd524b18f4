/** The HTTP source as those who post see it, and that what it answered with 202 comes out once, whatever happens. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../../../src/base/errors.ts";
import { createSource, type SourcePosition } from "../../../../../../src/work/pipeline/source/index.ts";
import { SteppedClock } from "../../../../../support/stepped-clock.ts";
import { until } from "../../../../../support/until.ts";
import { environment, readAll, textOf, viaJson } from "../support.ts";
import { begin, exchange, JSON_TYPE, openHttp, post, statusOf, TestDirectory } from "./support.ts";

const HEAD = "POST /orders HTTP/1.1\r\nhost: test\r\ncontent-type: text/plain\r\n";
const TOKEN = "0123456789abcdef";

function record(number: number): string {
  return `{"id":${number}}\n`;
}

describe("an HTTP source", () => {
  test("gives every record that was acknowledged, in the order of the answers", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    for (let i = 0; i < 20; i++) {
      const answer = await http.post(record(i));
      expect(answer).toMatchObject({ status: 202, body: { accepted: true, records: 1 } });
    }
    expect(textOf(await http.read(1))).toBe(Array.from({ length: 20 }, (_, i) => record(i)).join(""));
  });

  test("gives every record of requests that come at the same time, each request's together", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const bodies = Array.from({ length: 40 }, (_, i) => record(2 * i) + record(2 * i + 1));
    const answers = await Promise.all(bodies.map((body) => http.post(body)));
    const order = answers.map(({ body }, i) => ({ at: Number(body.position), text: bodies[i]! }));
    const expected = order.toSorted((a, b) => a.at - b.at).map(({ text }) => text);
    expect(textOf(await http.read(4, 20))).toBe(expected.join(""));
  });

  test("takes a JSON array, one object and gzip, and keeps what records hold", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const big = '{"n":9007199254740993,"t":"a  b"}';
    expect((await http.post(`[${big},\n {"a":\n1}]`, JSON_TYPE)).body.records).toBe(2);
    expect((await http.post('{"b":2}', JSON_TYPE)).body.records).toBe(1);
    expect((await http.post(gzipSync('{"c":3}\n{"d":4}'), { "content-encoding": "gzip" })).body.records).toBe(2);
    expect((await http.post("[]", JSON_TYPE)).body.records).toBe(0);
    expect(textOf(await http.read(1))).toBe(`${big}\n{"a": 1}\n{"b":2}\n{"c":3}\n{"d":4}\n`);
  });

  test("goes on behind a position, under the same ids, also without one that was committed", async () => {
    using directory = new TestDirectory();
    let position: SourcePosition | undefined;
    const all: unknown[] = [];
    {
      await using http = await openHttp(directory);
      for (let i = 0; i < 9; i++) await http.post(record(i));
      const cuts = await http.read(3, 3);
      all.push(...cuts);
      position = viaJson(cuts[0]!.position);
    }
    {
      await using http = await openHttp(directory, { position });
      expect(await http.read(2, 3)).toEqual(all.slice(1) as never);
      http.source.committed?.(position!);
    }
    await using http = await openHttp(directory);
    expect(await http.read(2, 3)).toMatchObject((all.slice(1) as { id: string }[]).map(({ id }) => ({ id })));
  });

  test("takes the position that it is opened with for committed", async () => {
    using directory = new TestDirectory();
    let position: SourcePosition | undefined;
    {
      await using http = await openHttp(directory);
      for (let i = 0; i < 4; i++) await http.post(record(i));
      position = (await http.read(1, 3))[0]!.position;
    }
    await (await openHttp(directory, { position }))[Symbol.asyncDispose]();
    await using http = await openHttp(directory);
    expect(textOf(await http.read(1))).toBe(record(3));
  });

  test("hands on a batch that is not full when no more came for a while, and not before", async () => {
    using directory = new TestDirectory();
    const clock = new SteppedClock();
    await using http = await openHttp(directory, { clock, params: { linger: 25 } });
    await http.post(record(1));
    const reading = http.read(1);
    await until("the batch waits for more", () => clock.timers === 1);
    await http.post(record(2));
    clock.advance(24);
    await http.post(record(3));
    clock.advance(1);
    expect(textOf(await reading)).toBe(record(1) + record(2) + record(3));
    expect(clock.timers).toBe(0);
  });

  test("ends a read that waits when it is closed", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const reading = http.read(1);
    await http.source.close();
    expect(await reading).toEqual([]);
  });

  test("answers what has begun when it is closed, and cuts off what does not come to its end", async () => {
    using directory = new TestDirectory();
    const clock = new SteppedClock();
    await using http = await openHttp(directory, { clock, params: { max_requests: 1 } });
    const begun = await begin(http.port, HEAD);
    const closing = http.source.close();
    await until("it waits for the request", () => clock.timers === 1);
    clock.advance(2000);
    await closing;
    expect([0, 400]).toContain(statusOf(await begun.answer));
  });

  test("reports a record that is larger than the target, and goes on behind it", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const long = `{"long":"${"x".repeat(5000)}"}\n`;
    await http.post(record(1) + long + record(2));
    const cuts = await readAll(http.source, { cuts: 3, targetBytes: 1024 });
    expect(cuts.map(({ bytes, oversized }) => [bytes, oversized.map((each) => [each.line, each.bytes])])).toEqual([
      [record(1).length, []],
      [0, [[2, long.length]]],
      [record(2).length, []],
    ]);
  });

  test("open() refuses a position that its spool does not hold", async () => {
    using directory = new TestDirectory();
    const position = { v: 1, kind: "http", path: "/orders", offset: 999, frame: 999, line: 1 } as const;
    const codes = [position, { ...position, offset: -1 }, { ...position, kind: "csv" }].map((each) =>
      openHttp(directory, { position: each as SourcePosition }).catch((thrown: Failure) => thrown.code),
    );
    expect(await Promise.all(codes)).toEqual(["source.position", "source.position", "source.position"]);
  });

  test("open() says so when the port is taken", async () => {
    using directory = new TestDirectory();
    using other = new TestDirectory();
    await using http = await openHttp(directory);
    const listen = `127.0.0.1:${http.port}`;
    const failure = await openHttp(other, { params: { listen } }).catch((thrown: Failure) => thrown);
    expect(failure).toMatchObject({ code: "source.http.listen", message: expect.stringContaining(listen) });
  });
});

describe("an HTTP source with idempotency keys", () => {
  const KEY = { "idempotency-key": "order-7" };

  test("gives a repeated key the same answer and adds nothing, also after a restart and when its records are gone", async () => {
    using directory = new TestDirectory();
    let first: Record<string, unknown>;
    {
      await using http = await openHttp(directory);
      first = (await http.post(record(1), KEY)).body;
      const again = await http.post(record(1), KEY);
      expect(again).toMatchObject({ status: 202, body: first });
      expect(again.headers.get("idempotent-replayed")).toBe("true");
      const [cut] = await http.read(1);
      http.source.committed?.(cut!.position);
    }
    await using http = await openHttp(directory);
    expect(await http.post(record(1), KEY)).toMatchObject({ status: 202, body: first });
    await http.post(record(2));
    expect(textOf(await http.read(1))).toBe(record(2));
  });

  test("refuses a key that came with another body", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    await http.post(record(1), KEY);
    expect(await http.post(record(2), KEY)).toMatchObject({ status: 422, body: { code: "source.http.key_reused" } });
  });

  test("adds once what several requests bring under one key at the same time", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const answers = await Promise.all(Array.from({ length: 20 }, () => http.post(record(1), KEY)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    await http.post(record(2));
    expect(textOf(await http.read(1))).toBe(record(1) + record(2));
  });

  test("takes a request whose key failed before", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const [bad, good] = await Promise.all([http.post("{", KEY), http.post(record(1), KEY)]);
    expect([bad.status, good.status]).toEqual([400, 202]);
  });

  test("forgets the oldest key when the window is full", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { idempotency_keys: 2 } });
    for (const key of ["a", "b", "c"]) await http.post(record(1), { "idempotency-key": key });
    const replayed = async (key: string) =>
      (await http.post(record(1), { "idempotency-key": key })).headers.get("idempotent-replayed");
    expect([await replayed("c"), await replayed("b"), await replayed("a")]).toEqual(["true", "true", null]);
  });
});

describe("an HTTP source refuses", () => {
  const cases: readonly [string, number, string | Uint8Array, Record<string, string>, string][] = [
    ["a line that is no record", 400, '{"a":1}\nnonsense\n', {}, "source.http.malformed"],
    ["JSON that is none", 400, "[{]", JSON_TYPE, "source.http.malformed"],
    ["gzip that is none", 400, "plain", { "content-encoding": "gzip" }, "source.http.encoding"],
    [
      "a cut off gzip",
      400,
      gzipSync(record(1)).subarray(0, 15),
      { "content-encoding": "gzip" },
      "source.http.encoding",
    ],
    ["a key that is too long", 400, record(1), { "idempotency-key": "k".repeat(256) }, "source.http.bad_key"],
    ["a web page", 403, record(1), { origin: "http://evil.example" }, "source.http.foreign_page"],
    ["a body that is too large", 413, record(1).repeat(200), {}, "source.http.too_large"],
    [
      "gzip that becomes too large",
      413,
      gzipSync("x".repeat(1e7)),
      { "content-encoding": "gzip" },
      "source.http.too_large",
    ],
    ["another type", 415, record(1), { "content-type": "text/html" }, "source.http.content_type"],
    [
      "another character set",
      415,
      record(1),
      { "content-type": "text/plain; charset=latin1" },
      "source.http.content_type",
    ],
    ["another encoding", 415, record(1), { "content-encoding": "br" }, "source.http.content_type"],
  ];

  for (const [name, status, body, headers, code] of cases) {
    test(`${name} with ${status}, and keeps nothing of it`, async () => {
      using directory = new TestDirectory();
      await using http = await openHttp(directory, { params: { max_body: 1024 } });
      const answer = await http.post(body, headers);
      expect(answer).toMatchObject({ status, body: { code } });
      expect(await http.post(record(7))).toMatchObject({ status: 202 });
      expect(textOf(await http.read(1))).toBe(record(7));
    });
  }

  test("other paths and methods", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    expect((await post(http.url.replace("orders", "other"), record(1), {})).status).toBe(404);
    const got = await fetch(http.url, { proxy: "" });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("a body of unknown length that grows too large", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { max_body: 1024 } });
    const chunk = `400\r\n${"x".repeat(0x400)}\r\n`;
    const answer = await exchange(http.port, [`${HEAD}transfer-encoding: chunked\r\n\r\n${chunk}`, chunk, chunk]);
    expect(statusOf(answer)).toBe(413);
  });

  test("broken chunks and bodies that end early, and adds nothing", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory);
    const chunked = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
    const broken = [
      [`${chunked}9\r\n${record(1)}\r\nXX\r\n`],
      [`${chunked}ZZ\r\n`],
      [`${chunked}9\r\n${record(1)}\r\n`, "end" as const],
      [`${HEAD}content-length: 20\r\n\r\n${record(1)}`, "end" as const],
      [`${HEAD}content-length: 9\r\ncontent-length: 10\r\n\r\n${record(1)}`],
      ["\u0000\u0001 nonsense\r\n\r\n"],
    ];
    for (const steps of broken) expect([0, 400]).toContain(statusOf(await exchange(http.port, steps)));
    await http.post(record(7));
    expect(textOf(await http.read(1))).toBe(record(7));
  });

  test("a body that does not come in time, with 408", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { request_timeout: 100 } });
    expect(statusOf(await exchange(http.port, [`${HEAD}content-length: 20\r\n\r\nbegin`]))).toBe(408);
    expect(statusOf(await exchange(http.port, [HEAD]))).toBe(408);
    expect((await http.post(record(1))).status).toBe(202);
  });

  test("more requests at the same time than are allowed, with 429", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { max_requests: 1 } });
    const slow = await begin(http.port, HEAD);
    const refused = await http.post(record(1));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    slow.destroy();
    await until("the next is taken", async () => (await http.post(record(1))).status === 202);
  });

  test("records beyond the spool's bound with 429, and takes them when there is room again", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { spool_bytes: 1 << 20, max_body: 1 << 20 } });
    const body = `{"fill":"${"x".repeat(400_000)}"}\n`;
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await http.post(body)).status);
    expect(statuses).toEqual([202, 202, 429, 429]);
    const [cut] = await readAll(http.source, { cuts: 1, targetBytes: 1 << 20, limits: { rows: 1, bytes: 1 << 20 } });
    http.source.committed?.(cut!.position);
    expect((await http.post(body)).status).toBe(202);
  });

  test("requests without the token, and takes those with it from anywhere", async () => {
    using directory = new TestDirectory();
    await using http = await openHttp(directory, { params: { token_env: "TOKEN" }, variables: { TOKEN } });
    const statuses = [];
    for (const authorization of ["", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `bearer ${TOKEN}`]) {
      statuses.push((await http.post(record(1), { authorization, origin: "http://page.example" })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 202]);
  });
});

describe("createSource() of an HTTP source", () => {
  const create = (params: Record<string, unknown>, variables: Record<string, string> = {}): string => {
    try {
      const more = { clock: new SteppedClock(), stateDirectory: "unused", variables };
      createSource("http", { listen: "127.0.0.1:1", ...params }, environment(more));
      return "nothing";
    } catch (thrown) {
      return thrown instanceof Failure ? `${thrown.code}: ${thrown.message}` : String(thrown);
    }
  };

  test("refuses addresses that others can reach unless there are a token and a certificate", () => {
    const tls = { tls_cert: "cert.pem", tls_key: "key.pem" };
    for (const listen of ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "node.example:1"]) {
      for (const more of [{}, tls, { token_env: "TOKEN" }]) {
        expect(create({ listen, ...more }, { TOKEN })).toMatch(
          /^source\.http\.not_safe: .*token_env, tls_cert and tls_key/,
        );
      }
      expect(create({ listen, ...tls, token_env: "TOKEN" }, { TOKEN })).toBe("nothing");
    }
    for (const listen of ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"])
      expect(create({ listen })).toBe("nothing");
  });

  test("refuses parameters that do not go together", () => {
    expect(create({ listen: "8090" })).toContain("listen=8090; HOST:PORT");
    expect(create({ path: "orders" })).toContain("path=orders");
    expect(create({ tls_cert: "cert.pem" })).toContain("tls_cert and tls_key are required together");
    expect(create({ token_env: "TOKEN" })).toContain("token_env=TOKEN");
    expect(create({ token_env: "TOKEN" }, { TOKEN: "short" })).toContain("at least 16");
    expect(create({ max_body: 2 << 20, spool_bytes: 1 << 20 })).toContain("max_body=2097152");
  });
});
