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

const isRefused = (status: number): boolean => status >= 400 && status < 500;

describe("a node that gets bodies made to do harm", () => {
  test.each(Object.entries(BODIES))("refuses %s by each way in, at small cost", async (_, body) => {
    for (const way of WAYS) {
      const before = metricOf(await operator.metrics(), "process_cpu_seconds_total")!;
      const { status } = await operator.ask(way, { method: "POST", body });
      const spent = metricOf(await operator.metrics(), "process_cpu_seconds_total")! - before;
      console.log(way, status, spent);
      expect([way, status, isRefused(status)]).toEqual([way, status, true]);
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
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...WAYS), fc.oneof(junk, spoiled, enveloped), async (way, body) => {
        const { status } = await operator.ask(way, { method: "POST", body: new Uint8Array(body) });
        expect(status === 200 || isRefused(status)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
