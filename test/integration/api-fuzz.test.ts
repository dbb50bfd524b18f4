/** Bodies and connections that somebody made to do harm, against a real node: each is refused, none of them holds up others. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Client, metricOf } from "../support/http.ts";
import { sendRaw } from "../support/raw-http.ts";
import { ServiceCluster } from "../support/services.ts";

const ECHO = `
  import { defineService, method, z } from "distributed-system/service";
  export default defineService({
    name: "echo", version: "1.0.0",
    methods: {
      any: method({ public: true, access: "read", handler: (params) => params ?? null }),
      name: method({ public: true, http: "POST /names", input: z.object({ name: z.string() }), handler: ({ name }) => ({ name }) }),
    },
  });`;

let cluster: ServiceCluster;
let operator: Client;
let token: string;

beforeAll(async () => {
  cluster = await ServiceCluster.start({ "echo/echo.ts": ECHO }, { n1: { services: ["echo"] } });
  await cluster.untilServed("n1", "echo", "n1");
  [operator, token] = [await cluster.client("n1"), await cluster.token("operator")];
});

afterAll(() => cluster[Symbol.asyncDispose]());

/** A way for each kind of reader: a contract's method, a service's, a path of the table, an endpoint. */
const WAYS = ["/rpc/system/get_system_info", "/rpc/echo/name", "/auth/token", "/names"] as const;
const MIB = 1024 * 1024;
/** How often others ask meanwhile: now and then, not as fast as two processors can. */
const ASK_EVERY_MS = 20;
const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

const BODIES: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>> = {
  "arrays a hundred thousand deep": "[".repeat(100_000),
  "closed arrays a hundred thousand deep": "[".repeat(100_000) + "]".repeat(100_000),
  "objects a hundred thousand deep": '{"a":'.repeat(100_000),
  "deep inside a field": `{"name":${"[".repeat(70)}${"]".repeat(70)}}`,
  "a byte more than a mebibyte": `"${"a".repeat(MIB - 1)}"`,
  "eight mebibytes": `"${"a".repeat(8 * MIB)}"`,
  "a key __proto__": '{"__proto__":{"access":"admin"}}',
  "__proto__, escaped": '{"\\u005f_proto__":{"access":"admin"}}',
  "__proto__ deep down": '{"name":{"a":[{"__proto__":null}]}}',
  "bytes that are no UTF-8": bytes('{"name":"', [0xff, 0xfe, 0xc0, 0x80], '"}'),
  "a surrogate in UTF-8": bytes('{"name":"', [0xed, 0xa0, 0x80], '"}'),
  "half a surrogate pair": '{"name":"\\ud800"}',
  "half a character": bytes('{"name":"', [0xe2, 0x82]),
  "a NUL": bytes('{"name":"', [0], '"}'),
  "a NUL behind it": bytes('{"name":"a"}', [0]),
  "a control character": bytes('{"name":"', [0x1b], '"}'),
  "UTF-16": new Uint8Array(Buffer.from('{"name":"a"}', "utf16le")),
  "two values": "{}{}",
  "half a value": '{"name":"a',
  "an open escape": '{"name":"\\',
  "a comma too many": '{"name":"a",}',
  NaN: '{"name":NaN}',
  "a number of a mebibyte": `{"name":${"9".repeat(MIB - 100)}}x`,
  "a number of a mebibyte that is one": `{"name":${"9".repeat(MIB - 100)}}`,
  "half a million values and a comma": `[${"0,".repeat(500_000)}]`,
  "a megabyte of nothing": `${" ".repeat(MIB - 10)}x`,
  "many keys and a bad end": `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":0`).join()}`,
  "an escape each": `"${"\\u0041".repeat(170_000)}`,
};

/** Sent by hand: each is answered so, or cut off without an answer where that is undefined. */
const CONNECTIONS: readonly { readonly what: string; readonly bytes: string; readonly status?: number }[] = [
  { what: "no HTTP", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", status: 400 },
  { what: "an unfinished line", bytes: "GET /health HTTP/1.1" },
  { what: "a verb that is none", bytes: "EAT /health HTTP/1.1\r\nhost: x\r\n\r\n" },
  { what: "a blank in a header's name", bytes: "GET /health HTTP/1.1\r\nho st: x\r\n\r\n", status: 400 },
  { what: "a NUL in a header", bytes: "GET /health HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n", status: 400 },
  {
    what: "a length below nothing",
    bytes: "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\nhello",
    status: 400,
  },
  {
    what: "two lengths",
    bytes: "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 50\r\n\r\nhello",
    status: 400,
  },
  {
    what: "a length and pieces",
    bytes: "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    status: 400,
  },
  {
    what: "pieces of no size",
    bytes: "POST /auth/token HTTP/1.1\r\nhost: x\r\nAUTH\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
  },
  { what: "ten thousand headers", bytes: `GET /health HTTP/1.1\r\nhost: x\r\n${"x: y\r\n".repeat(10_000)}\r\n` },
  { what: "a header of a megabyte", bytes: `GET /health HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(1_000_000)}\r\n\r\n` },
  { what: "an address of 100 KB", bytes: `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n` },
  { what: "an address of 12 KB", bytes: `GET /${"a".repeat(12_000)} HTTP/1.1\r\nhost: x\r\nAUTH\r\n\r\n` },
  {
    what: "a length that is too short",
    bytes: 'POST /auth/token HTTP/1.1\r\nhost: x\r\nAUTH\r\ncontent-length: 5\r\n\r\n{"node_id":"a"}',
    status: 400,
  },
  {
    what: "a body in gzip",
    bytes: "POST /auth/token HTTP/1.1\r\nhost: x\r\nAUTH\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
  },
];

/** What a body may cost: as long as that others wait, for nothing in the node waits for anything while it reads one. */
const CPU_SECONDS_MAX = 0.05;
const TRIES = 3;

const isRefused = (status: number): boolean => status >= 400 && status < 500;

async function cpuSeconds(): Promise<number> {
  return metricOf(await operator.metrics(), "process_cpu_seconds_total")!;
}

describe("a node that gets bodies made to do harm", () => {
  test.each(Object.entries(BODIES))("refuses %s by each way in, at small cost", async (_, body) => {
    for (const way of WAYS) {
      let least = Number.POSITIVE_INFINITY; // others use the machine too, and code is compiled
      for (let at = 0; at < TRIES; at++) {
        const before = await cpuSeconds();
        const { status } = await operator.ask(way, { method: "POST", body });
        least = Math.min(least, (await cpuSeconds()) - before);
        expect([way, status, isRefused(status)]).toEqual([way, status, true]);
      }
      expect(least).toBeLessThan(CPU_SECONDS_MAX);
    }
  });

  test("answers any bytes with a refusal or a result, and never with a fault of its own", async () => {
    const junk = fc.uint8Array({ maxLength: 300 });
    const spoiled = fc
      .tuple(fc.json({ maxDepth: 6 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([json, at, byte]) => {
        const text = Buffer.from(json);
        text[at % Math.max(1, text.length)] = byte;
        return new Uint8Array(text);
      });
    const enveloped = fc
      .record({ method: fc.constantFrom("any", "name", "__proto__"), params: fc.jsonValue(), id: fc.jsonValue() })
      .map((envelope) => new Uint8Array(Buffer.from(JSON.stringify(envelope))));
    const ways = fc.constantFrom(...WAYS, "/rpc/echo/any");
    await fc.assert(
      fc.asyncProperty(ways, fc.oneof(junk, spoiled, enveloped), async (way, body) => {
        const { status } = await operator.ask(way, { method: "POST", body: new Uint8Array(body) });
        expect(status === 200 || isRefused(status)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a node that gets connections made to do harm", () => {
  test.each(CONNECTIONS)("refuses $what, and answers the next one", async ({ bytes: text, status }) => {
    const address = cluster.address("n1");
    const pieces = [text.replace("AUTH", `authorization: Bearer ${token}`)];
    const { statuses } = await sendRaw(address, { pieces, ends: true });
    if (status !== undefined) expect(statuses[0]).toBe(status);
    expect(statuses.every(isRefused)).toBe(true);
    expect((await sendRaw(address, { pieces: ["GET /health HTTP/1.1\r\nhost: x\r\n\r\n"] })).statuses).toEqual([200]);
  });

  test("answers requests that come in one piece one after the other", async () => {
    const one = `GET /cluster/status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`;
    const other = "GET /cluster/status HTTP/1.1\r\nhost: x\r\n\r\n";
    const pieces = [(one + other).repeat(25)];
    const { statuses } = await sendRaw(cluster.address("n1"), { pieces, answers: 50 });
    expect(statuses).toEqual(Array.from({ length: 25 }, () => [200, 401]).flat());
  });

  test("gives up a body that does not come, and answers others meanwhile", async () => {
    const address = cluster.address("n1");
    const head = `POST /auth/token HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: 60000\r\n\r\n`;
    const slow = Array.from({ length: 20 }, () =>
      sendRaw(address, { pieces: [head, "{", ...'"node_id"'], pauseMs: 700 }),
    );
    let isOver = false;
    const others: number[] = [];
    const asking = (async () => {
      while (!isOver) {
        others.push(...(await sendRaw(address, { pieces: ["GET /health HTTP/1.1\r\nhost: x\r\n\r\n"] })).statuses);
        await Bun.sleep(ASK_EVERY_MS);
      }
    })();
    const answers = await Promise.all(slow);
    isOver = true;
    await asking;
    expect(answers.every(({ statuses }) => statuses.every((status) => status === 408))).toBe(true);
    expect(new Set(others)).toEqual(new Set([200]));
  });
});

test("a node that was sent all that has mostly been on time", async () => {
  const LAG = "distributed_system_event_loop_lag_seconds";
  const metrics = await operator.metrics();
  const [looks, onTime] = [metricOf(metrics, `${LAG}_count`)!, metricOf(metrics, `${LAG}_bucket{le="0.05"}`)!];
  expect(looks).toBeGreaterThan(10);
  // A busy machine is late by itself, now and then or more often; a node that reads such bodies at length is late nearly always.
  expect(onTime / looks).toBeGreaterThan(0.5);
});
