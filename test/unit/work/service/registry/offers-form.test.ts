/** Offers that come from other nodes: taken whole or not at all, whatever the bytes are. */
import { describe, expect, test } from "bun:test";
import { defineService, method } from "distributed-system/service";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { readDescription } from "../../../../../src/process/service/check-description.ts";
import { describeService } from "../../../../../src/process/service/describe.ts";
import { faultOfDescription } from "../../../../../src/work/service/registry/index.ts";
import { readOffers, writeOffers } from "../../../../../src/work/service/registry/offers-form.ts";
import { bytesOf, offerOf, serviceOf } from "../fakes.ts";

const whole = serviceOf(
  "users",
  "1.2.0-beta.1",
  {
    get: {
      timeoutMs: 500,
      retries: 1,
      cache: { ttlMs: 5, key: ["id"], negativeTtlMs: 1 },
      fallback: { value: { name: null } },
      endpoints: [{ verb: "GET", path: "/users/:id" }],
      input: { type: "object", properties: { id: {} } },
    },
    list: { isStream: true, fallback: { method: "get" } },
  },
  { tags: ["eu"], balancer: "LEAST_LOAD" },
);

test("faultOfDescription() has nothing against the most that a definition may say", () => {
  const days = "7d";
  const words = (prefix: string, count: number, chars: number) =>
    Array.from({ length: count }, (_, at) => `${prefix}${at}`.padEnd(chars, "x"));
  const large = method({
    about: "a".repeat(1_000),
    public: true,
    timeout: "1h",
    concurrency: 100_000,
    queue: 100_000,
    retries: 10,
    cache: { ttl: days, negativeTtl: days, key: words("k", 32, 64), tags: words("t", 32, 200), perCaller: true },
    fallback: { method: `other.${"m".repeat(194)}` },
    http: words("GET /p", 16, 200),
    handler: () => null,
  });
  const definition = defineService({
    name: "u".repeat(64),
    version: `999999999.0.0-${"p".repeat(64)}+${"b".repeat(64)}`,
    about: "a".repeat(1_000),
    tags: words("t", 32, 64),
    instances: 64,
    methods: { one: large, two: method({ invalidates: words("i", 32, 200), handler: () => null }) },
  });
  const many = Object.fromEntries(words("m", 16, 64).map((name) => [name, { ...large, http: [] }]));
  for (const each of [definition, { ...definition, methods: many }]) {
    const crossed = readDescription(JSON.parse(JSON.stringify(describeService("/s/users.ts", each))));
    expect(crossed).toBeDefined();
    expect(faultOfDescription(crossed!)).toBeUndefined();
  }
});

function codeOf(bytes: unknown): string {
  try {
    readOffers("a", bytes);
    return "taken";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Failure);
    return (thrown as Failure).code; // just seen to be one
  }
}

describe("readOffers()", () => {
  test("readOffers() gives what writeOffers() was given, under the name of the link's node", () => {
    const services = [offerOf(whole, 2), offerOf(serviceOf("orders"), 0)];
    const bytes = writeOffers({ instance: "1", revision: 7, services });
    expect(readOffers("a", bytes)).toEqual({ node: "a", instance: "1", revision: 7, services });
  });

  test("readOffers() leaves out what a newer node says beyond, its own name included", () => {
    const bytes = bytesOf({ node: "b", instance: "1", revision: 1, services: [offerOf(serviceOf("users"))], more: 1 });
    expect(Object.keys(readOffers("a", bytes)).toSorted()).toEqual(["instance", "node", "revision", "services"]);
    expect(readOffers("a", bytes).node).toBe("a");
  });

  test("readOffers() refuses what has not the form, with what is wrong and where", () => {
    const offers = (change: object) => bytesOf({ instance: "1", revision: 1, services: [], ...change });
    const described = (change: object) => offers({ services: [{ healthy: 1, description: { ...whole, ...change } }] });
    const bad: unknown[] = [
      undefined,
      "text",
      new Uint8Array([0xff, 0xfe]),
      new Uint8Array(0),
      new Uint8Array(9 * 2 ** 20),
      bytesOf(null),
      bytesOf([]),
      offers({ revision: 0 }),
      offers({ revision: 1.5 }),
      offers({ instance: "" }),
      offers({ services: [{ healthy: -1, description: whole }] }),
      offers({ services: [offerOf(whole), offerOf(whole)] }),
      described({ name: "users.get" }),
      described({ name: "a".repeat(200) }),
      described({ version: "1" }),
      described({ tags: Array.from({ length: 65 }, () => "t") }),
      described({ methods: { "a.b": whole.methods.get } }),
      described({ methods: { get: { ...whole.methods.get, access: "root" } } }),
      described({ methods: { get: { ...whole.methods.get, timeoutMs: -1 } } }),
    ];
    for (const bytes of bad) expect(codeOf(bytes)).toBe("service.offers.malformed");
    const proto = `{"instance":"1","revision":1,"services":[],"__proto__":{"polluted":true}}`;
    expect(codeOf(new TextEncoder().encode(proto))).toBe("taken");
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(() => readOffers("a", described({ version: "1" }))).toThrow(/node a .*services\.0\.description\.version/);
  });

  test("readOffers() throws nothing but its failure, whatever the bytes are", () => {
    const good = writeOffers({ instance: "1", revision: 1, services: [offerOf(whole)] });
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, (changes) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        expect(["taken", "service.offers.malformed"]).toContain(codeOf(bytes));
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.json(), (text) => void codeOf(new TextEncoder().encode(text))));
  });

  test("writeOffers() leaves schemas out when all of it would be too large", () => {
    const input = { description: "x".repeat(3 * 2 ** 20) };
    const services = ["a", "b", "c"].map((name) => offerOf(serviceOf(name, "1.0.0", { get: { input } })));
    const bytes = writeOffers({ instance: "1", revision: 1, services });
    expect(bytes.byteLength).toBeLessThan(10_000);
    expect(readOffers("n", bytes).services[0]?.description.methods.get?.input).toBeUndefined();
  });

  test("faultOfDescription() says what others would refuse", () => {
    expect(faultOfDescription(whole)).toBeUndefined();
    expect(faultOfDescription({ ...whole, version: "one" })).toContain("version");
  });
});
