import { describe, expect, test } from "bun:test";
import { auth, cache, defineService, method, z } from "distributed-system/service";
import { Failure } from "../../../../src/base/errors.ts";
import { readDescription } from "../../../../src/process/service/check-description.ts";
import type { DefinitionFault } from "../../../../src/process/service/definition-faults.ts";
import { describeService } from "../../../../src/process/service/describe.ts";

const users = defineService({
  name: "users",
  version: "1.2.0",
  about: "people",
  tags: ["eu"],
  instances: 2,
  balancer: "LEAST_CONNECTIONS",
  health() {},
  middleware: [cache({ ttl: "5s" })],
  methods: {
    get: method({
      about: "one user",
      public: true,
      http: "GET /users/:id",
      timeout: "2s",
      input: z.object({ id: z.coerce.number() }),
      output: z.object({ id: z.number(), born: z.date().optional() }),
      middleware: [cache({ ttl: "1m", key: ["id"], tags: ["user:{id}"], negativeTtl: 500, perCaller: true })],
      handler: ({ id }) => ({ id }),
    }),
    list: method({ http: ["GET /users", "GET /people"], handler: () => [] }),
    rename: method({
      http: "PUT /users/:id",
      invalidates: "user:{id}",
      concurrency: 4,
      queue: 8,
      retries: 2,
      fallback: { method: "get" },
      middleware: [auth({ role: "operator" })],
      handler: () => null,
    }),
    ticks: method({ stream: true, handler: () => [] }),
    ping: () => "pong",
  },
});

function faultsOf(definition: unknown): readonly DefinitionFault[] {
  try {
    describeService("/s/users.ts", definition);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Failure);
    const { code, data } = thrown as Failure; // as was just looked at
    expect(code).toBe("service.definition");
    return data!.faults as readonly DefinitionFault[];
  }
  return [];
}

const broken = (more: object): unknown => ({ ...users, ...more });
const withMethod = (more: object): unknown => broken({ methods: { get: { handler() {}, ...more } } });

const MANY_ENDPOINTS = Array.from({ length: 17 }, (_, at) => `GET /${at}`);
const CHANGES_AND_KEEPS = withMethod({ cache: { ttl: 1 }, invalidates: "users" });
const THEN = "then";
const namedThen = { [THEN]: () => null };

describe("describeService()", () => {
  test("describeService() says all that a definition says when it is right", () => {
    const { methods, ...service } = describeService("/s/users.ts", users);
    expect(service).toEqual({
      name: "users",
      version: "1.2.0",
      about: "people",
      tags: ["eu"],
      instances: 2,
      isExclusive: false,
      hasHealth: true,
      balancer: "LEAST_CONNECTIONS",
    });
    expect(methods.get).toMatchObject({
      about: "one user",
      isPublic: true,
      access: "read",
      isIdempotent: true,
      isStream: false,
      timeoutMs: 2_000,
      endpoints: [{ verb: "GET", path: "/users/:id" }],
      cache: { ttlMs: 60_000, key: ["id"], tags: ["user:{id}"], negativeTtlMs: 500, perCaller: true },
    });
    expect(methods.rename).toMatchObject({
      access: "operate",
      isIdempotent: false,
      concurrency: 4,
      queue: 8,
      retries: 2,
      invalidates: ["user:{id}"],
      fallback: { method: "get" },
    });
  });

  test("describeService() gives JSON schemas when methods have schemas", () => {
    const { get, list } = describeService("/s/users.ts", users).methods;
    expect(get!.output).toMatchObject({ type: "object", properties: { id: { type: "number" } }, required: ["id"] });
    expect(get!.input).toMatchObject({ type: "object" });
    expect(list!.input).toBeUndefined();
  });

  test("describeService() lets the service's cache hold for what only looks and for nothing else", () => {
    const { list, ping, rename, ticks } = describeService("/s/users.ts", users).methods;
    expect([list, ping, rename, ticks].map((each) => each!.cache?.ttlMs)).toEqual([
      5_000,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("describeService() lets the service's cache hold for nothing that invalidates", () => {
    const touch = method({ http: "GET /touch", invalidates: "users", handler: () => null });
    expect(describeService("/s/users.ts", broken({ methods: { touch } })).methods.touch!.cache).toBeUndefined();
  });

  test("describeService() says nothing that readDescription() refuses when it has crossed as JSON", () => {
    const description = describeService("/s/users.ts", users);
    const crossed: unknown = JSON.parse(JSON.stringify(description));
    expect(readDescription(crossed)).toEqual(crossed as never);
  });

  test("describeService() tells all faults at once when there are several", () => {
    const faults = faultsOf(
      broken({ name: "Users!", version: "one", instances: 0, middelware: [], methods: { get: { timeout: "soon" } } }),
    );
    expect(faults.map(({ path }) => path).sort()).toEqual([
      "instances",
      "methods.get.handler",
      "methods.get.timeout",
      "middelware",
      "name",
      "version",
    ]);
    expect(faults.find(({ path }) => path === "middelware")!.message).toContain("did you mean middleware?");
  });

  for (const [what, definition, path, says] of [
    ["there is no definition", undefined, "", "no default export"],
    ["it is a plugin", { api: 1 }, "", "not made by defineService"],
    ["it is for another API", broken({ serviceApi: 9 }), "", "service API 9"],
    ["it has no methods", broken({ methods: {} }), "methods", "1 to 256"],
    ["a method is named then", broken({ methods: namedThen }), "methods.then", "no name of a method"],
    ["a method is a number", broken({ methods: { get: 7 } }), "methods.get", "neither a function"],
    ["an endpoint has no verb", withMethod({ http: "/users" }), "methods.get.http", "GET|POST"],
    ["an endpoint is odd", withMethod({ http: ["GET /a//b"] }), "methods.get.http", "neither letters"],
    ["an endpoint names twice", withMethod({ http: "GET /:a/:a" }), "methods.get.http", "twice"],
    ["a schema is none", withMethod({ input: { type: "object" } }), "methods.get.input", "made by z"],
    ["a queue has no concurrency", withMethod({ queue: 3 }), "methods.get.queue", "nobody waits"],
    ["a stream is cached", withMethod({ stream: true, cache: { ttl: 1 } }), "methods.get.cache", "stream"],
    ["answers are kept of what changes something", CHANGES_AND_KEEPS, "methods.get.invalidates", "changes nothing"],
    ["a cache lasts for a month", withMethod({ cache: { ttl: "30d" } }), "methods.get.cache", "too long"],
    ["a cache around it lasts for ever", broken({ middleware: [cache({ ttl: "9d" })] }), "middleware", "too long"],
    [
      "a cache around it is odd",
      withMethod({ middleware: [cache({ ttl: "x" })] }),
      "methods.get.middleware",
      "duration",
    ],
    ["a call may take a day", withMethod({ timeout: "1d" }), "methods.get.timeout", "too long"],
    ["a method has many endpoints", withMethod({ http: MANY_ENDPOINTS }), "methods.get.http", "at most 16"],
    ["a version has leading zeros", broken({ version: "01.2.3" }), "version", "semantic version"],
    ["a fallback is nothing", withMethod({ fallback: { value: undefined } }), "methods.get.fallback", "required"],
    ["a cache lasts for nothing", withMethod({ cache: {} }), "methods.get.cache", "ttl: it is required"],
    [
      "a fallback is unknown",
      withMethod({ fallback: { method: "gte" } }),
      "methods.get.fallback.method",
      "did you mean get",
    ],
    ["a balancer is unknown", broken({ balancer: "ROUND" }), "balancer", "ROUND_ROBIN"],
    ["many are exclusive", broken({ exclusive: true }), "instances", "exclusive"],
    ["a tag is no text", broken({ tags: ["a", 7] }), "tags", "[1]"],
  ] as const) {
    test(`describeService() refuses the definition when ${what}`, () => {
      const faults = faultsOf(definition);
      expect(faults).toHaveLength(1);
      expect(faults[0]).toEqual({ path, message: expect.stringContaining(says) });
    });
  }

  test("describeService() refuses two methods when they would answer the same requests", () => {
    const one = { handler() {}, http: "GET /users/:id" };
    const faults = faultsOf(broken({ methods: { one, other: { ...one, http: "GET /users/:name" } } }));
    expect(faults).toEqual([{ path: "methods.other.http", message: "GET /users/:name is what one answers" }]);
  });
});

describe("readDescription()", () => {
  const right = JSON.parse(JSON.stringify(describeService("/s/users.ts", users))) as Record<string, unknown>;

  for (const more of [
    { name: "../users" },
    { version: 1 },
    { instances: 1e9 },
    { methods: { get: {} } },
    { methods: { __proto__x: {} } },
    { tags: Array.from({ length: 1_000 }, () => "a") },
  ]) {
    test(`readDescription() gives nothing when a host says ${JSON.stringify(more).slice(0, 40)}`, () => {
      expect(readDescription({ ...right, ...more })).toBeUndefined();
    });
  }
});
