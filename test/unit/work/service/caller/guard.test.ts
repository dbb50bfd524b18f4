/** Breaker, ejection, bulkhead and fallbacks of calls. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { failureOf } from "../../../../support/auth.ts";
import { Bench, exited, unavailable } from "../bench.ts";
import { callOf, jsonOf, type Methods, offerOf, serviceOf } from "../fakes.ts";

const users = (methods: Methods = { get: {} }, version = "1.0.0") => offerOf(serviceOf("users", version, methods));
const get = callOf("users", "get");

function breakerAt(bench: Bench, node: string): string | undefined {
  return bench.services.counts().targets.find((target) => target.node === node)?.breaker;
}

describe("circuit breaker", () => {
  test("call() leaves a node alone that keeps failing, asks it once after a while, and comes back when it answers", async () => {
    const bench = new Bench();
    let isIll = true;
    bench.offersAt("n1", [users()], () => (isIll ? exited() : "well"));
    for (let count = 0; count < 5; count++) await failureOf(() => bench.services.call(get));
    expect(breakerAt(bench, "n1")).toBe("open");
    const refused = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get", { timeoutMs: 50 }))));
    expect([refused.code, bench.asked.length]).toEqual(["service.unavailable", 5]);
    expect(refused.message).toContain("users@1.0.0 has failed at all of n1 (service.exited)");
    bench.clock.advance(2_000);
    isIll = false;
    expect(jsonOf(await bench.services.call(get))).toBe("well");
    expect(breakerAt(bench, "n1")).toBe("closed");
  });

  test("call() takes the end of a process with many calls for one failure, and asks the others of that node at once", async () => {
    const bench = new Bench();
    let ended = Promise.withResolvers<void>();
    bench.offersAt("n1", [offerOf(serviceOf("users"), 2)], async () => {
      await ended.promise;
      return exited();
    });
    for (let death = 1; death <= 5; death++) {
      const failed = Promise.all(Array.from({ length: 50 }, () => failureOf(() => bench.services.call(get))));
      bench.clock.advance(10);
      ended.resolve();
      await failed;
      expect([death, breakerAt(bench, "n1")]).toEqual([death, death < 5 ? "closed" : "open"]);
      ended = Promise.withResolvers();
      bench.clock.advance(10);
    }
  });

  test("call() goes to another node while the breaker of one is open", async () => {
    const bench = new Bench();
    const idempotent = users({ get: { isIdempotent: true } });
    bench.offersAt("n1", [idempotent], exited);
    bench.offersAt("n2", [idempotent]);
    for (let count = 0; count < 40; count++) expect(jsonOf(await bench.services.call(get))).toBe("n2");
    expect(bench.nodesAsked().filter((node) => node === "n1")).toHaveLength(5);
    expect([breakerAt(bench, "n1"), breakerAt(bench, "n2")]).toEqual(["open", "closed"]);
  });

  test("call() holds nothing against a node that refuses, finds nothing, is full or was given too little time", async () => {
    const answers = [
      new Failure("rpc.forbidden", "not you"),
      new Failure("rpc.invalid_input", "no id"),
      new Failure("users.not_found", "no user 7"),
      new Failure("link.too_large", "too large"),
      new Failure("link.deadline_exceeded", "late", { retryable: true }),
      new Failure("service.overloaded", "full", { retryable: true, data: { begun: false } }),
    ];
    for (const answer of answers) {
      const bench = new Bench();
      bench.offersAt("n1", [users()], () => answer);
      const call = callOf("users", "get", { timeoutMs: 30 });
      for (let count = 0; count < 30; count++) await bench.settle(failureOf(() => bench.services.call(call)));
      expect([answer.code, breakerAt(bench, "n1")]).toEqual([answer.code, "closed"]);
    }
  });

  test("call() holds a missed deadline against the node when there was time enough", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users()], () => new Failure("link.deadline_exceeded", "late", { retryable: true }));
    for (let count = 0; count < 5; count++) await failureOf(() => bench.services.call(get));
    expect(breakerAt(bench, "n1")).toBe("open");
  });

  test("call() forgets what was held against a node when its processes are new", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users()], exited);
    for (let count = 0; count < 5; count++) await failureOf(() => bench.services.call(get));
    bench.offersAt("n1", [offerOf(serviceOf("users"), 0)]);
    await bench.settle(failureOf(() => bench.services.call(get)));
    bench.offersAt("n1", [users()]);
    expect(jsonOf(await bench.services.call(get))).toBe("n1");
  });

  test("call() passes over a node that fails far more than the others, though it sometimes answers", async () => {
    const bench = new Bench({}, { breaker: { failureThreshold: 1_000, halfOpenAfterMs: 1_000 } });
    const balanced = offerOf(serviceOf("users", "1.0.0", { get: {} }, { balancer: "ROUND_ROBIN" }));
    let count = 0;
    bench.offersAt("n1", [balanced], () => (++count % 2 === 0 ? new Failure("service.failed", "TypeError") : "n1"));
    bench.offersAt("n2", [balanced]);
    for (let each = 0; each < 100; each++) await bench.services.call(get).catch(() => {});
    bench.clock.advance(5_000);
    const before = bench.nodesAsked().filter((node) => node === "n1").length;
    for (let each = 0; each < 20; each++) await bench.services.call(get);
    expect(bench.nodesAsked().filter((node) => node === "n1")).toHaveLength(before);
    expect(bench.services.counts().targets.map(({ node, isEjected }) => [node, isEjected])).toEqual([
      ["n1", true],
      ["n2", false],
    ]);
  });
});

describe("bulkhead", () => {
  test("call() is refused when the service has too many calls under way, and others are not", async () => {
    const bench = new Bench({}, { callsInFlightMax: 3 });
    const ends: (() => void)[] = [];
    bench.offersHere(users(), offerOf(serviceOf("orders", "1.0.0", { list: {} })));
    bench.local.answers.get = () => new Promise<void>((resolve) => ends.push(resolve));
    const held = [1, 2, 3].map(() => bench.services.call(get));
    const refused = await failureOf(() => bench.services.call(get));
    expect([refused.code, refused.retryable]).toEqual(["service.overloaded", true]);
    expect(refused.message).toContain("3 calls of that service under way, at most 3 are allowed");
    await bench.services.call(callOf("orders", "list"));
    for (const end of ends) end();
    await Promise.all(held);
    const again = bench.services.call(get);
    ends.at(-1)!();
    await again;
  });
});

describe("fallback", () => {
  const value = { get: { fallback: { value: { name: "nobody" } } } };

  test("call() gives the value when nobody can be asked, at once, and when all attempts failed", async () => {
    for (const offer of [users(value), offerOf(serviceOf("users", "1.0.0", value), 0)]) {
      const bench = new Bench();
      bench.offersAt("n1", [offer], unavailable);
      expect(jsonOf(await bench.settle(bench.services.call(get)))).toEqual({ name: "nobody" });
      const [counts] = bench.services.counts().methods;
      expect([counts!.fallbacks, counts!.failed]).toEqual([1, 0]);
    }
  });

  test("call() gives the value after the last place of the service is gone", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users(value)]);
    expect(jsonOf(await bench.services.call(get))).toBe("n1");
    bench.table.remove("n1");
    expect(jsonOf(await bench.services.call(get))).toEqual({ name: "nobody" });
    const other = await failureOf(() => bench.services.call(callOf("users", "other")));
    expect([other.code, other.retryable]).toEqual(["service.unavailable", true]);
    bench.clock.advance(600_000);
    expect((await failureOf(() => bench.services.call(get))).code).toBe("service.not_found");
  });

  test("call() gives no value for what the method itself said", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users(value)], () => new Failure("users.not_found", "no user 7"));
    expect((await failureOf(() => bench.services.call(get))).code).toBe("users.not_found");
  });

  test("call() gives a value only to who may call the method: nobody else has looked", async () => {
    const bench = new Bench();
    const methods = {
      get: { fallback: { value: 7 }, access: "operate" },
      own: { fallback: { value: 8 }, isPublic: false },
    };
    bench.offersAt("n1", [users(methods as Methods)], unavailable);
    const outcome = async (access: "none" | "read" | "operate", scopes: string[] = [], method = "get") => {
      const caller = { kind: "outside", name: "kim", access, scopes } as const;
      const call = bench.services.call(callOf("users", method, { caller }));
      return await bench.settle(call.then(jsonOf, ({ code }) => code));
    };
    expect(await outcome("operate")).toBe(7);
    expect(await outcome("none", ["users.get"])).toBe(7);
    expect(await outcome("none", ["users"])).toBe(7);
    expect(await outcome("none", ["users.put", "user"])).toBe("rpc.forbidden");
    expect(await outcome("read")).toBe("service.unavailable");
    expect(await outcome("operate", ["*"], "own")).toBe("service.unavailable");
  });

  test("call() asks the other method with the same params, of this service or another", async () => {
    for (const method of ["copy", "archive.copy", "archive@1.0.0.copy"]) {
      const bench = new Bench();
      bench.offersAt("n1", [users({ get: { fallback: { method } }, copy: {} })], ({ method: asked }) =>
        asked === "copy" ? "copied" : unavailable(),
      );
      bench.offersHere(offerOf(serviceOf("archive", "1.0.0", { copy: {} })));
      bench.local.answers.copy = ({ params }) => params;
      const params = new TextEncoder().encode("[1]");
      const answer = jsonOf(await bench.settle(bench.services.call(callOf("users", "get", { params }))));
      expect(answer).toEqual(method === "copy" ? "copied" : [1]);
    }
  });

  test("call() fails when fallbacks lead in a circle", async () => {
    const bench = new Bench();
    const circle: Methods = { get: { fallback: { method: "list" } }, list: { fallback: { method: "get" } } };
    bench.offersAt("n1", [offerOf(serviceOf("users", "1.0.0", circle), 0)]);
    const failure = await bench.settle(failureOf(() => bench.services.call(get)));
    expect(failure.code).toBe("service.unavailable");
    const calls = bench.services.counts().methods.map(({ calls }) => calls);
    expect(calls.reduce((sum, each) => sum + each, 0)).toBe(5);
  });
});

describe("broadcast()", () => {
  test("broadcast() asks every node that offers it once, and each answers for itself", async () => {
    const bench = new Bench();
    bench.offersHere(users());
    bench.local.answers.get = () => ({ here: true });
    bench.offersAt("n1", [users(), users({ get: {} }, "1.1.0")], ({ version }) => version);
    bench.offersAt("n2", [users()], unavailable);
    bench.offersAt("n3", [offerOf(serviceOf("users"), 0)]);
    bench.offersAt("n4", [users()], () => new Uint8Array([1, 2]));
    bench.offersAt("n5", [offerOf(serviceOf("orders"))]);
    const answers = await bench.services.broadcast(get);
    const told = answers.map(({ error, node, result }) => [node, error?.code ?? result]);
    expect(told.toSorted()).toEqual([
      ["n1", "1.1.0"],
      ["n2", "service.unavailable"],
      ["n3", "service.unavailable"],
      ["n4", "service.bad_answer"],
      ["self", { here: true }],
    ]);
    expect(bench.nodesAsked().toSorted()).toEqual(["n1", "n2", "n4"]);
    expect((await failureOf(() => bench.services.broadcast(callOf("nobody", "get")))).code).toBe("service.not_found");
  });

  test("broadcast() asks no more than 64 nodes at the same time", async () => {
    const bench = new Bench();
    let now = 0;
    let most = 0;
    for (let node = 0; node < 150; node++)
      bench.offersAt(`n${node}`, [users()], async () => {
        most = Math.max(most, ++now);
        await Bun.sleep(0);
        now--;
      });
    expect(await bench.services.broadcast(get)).toHaveLength(150);
    expect(most).toBe(64);
  });
});

describe("discover(), find(), list(), endpoints()", () => {
  test("discover() tells the places that can be reached, by service, version and tags", () => {
    const bench = new Bench();
    const tagged = offerOf(serviceOf("users", "2.0.0", { get: {} }, { tags: ["eu"] }), 3);
    bench.offersHere(users());
    bench.offersAt("n1", [tagged, offerOf(serviceOf("orders"), 0)]);
    bench.offersAt("n2", [users()]);
    bench.table.reach("n2", false);
    const told = (query: object) =>
      bench.services
        .discover(query)
        .map(({ healthy, node, service, version }) => `${service}@${version} ${node} ${healthy}`);
    expect(told({})).toEqual(["orders@1.0.0 n1 0", "users@2.0.0 n1 3", "users@1.0.0 self 1"]);
    expect(told({ service: "users@1" })).toEqual(["users@1.0.0 self 1"]);
    expect(told({ service: "users", tags: ["eu"] })).toEqual(["users@2.0.0 n1 3"]);
  });

  test("find() gives the highest version that is healthy, else the highest; list() all of them once", () => {
    const bench = new Bench();
    bench.offersAt("n1", [users(), offerOf(serviceOf("users", "2.0.0"), 0)]);
    bench.offersAt("n2", [users(), offerOf(serviceOf("orders", "3.0.0"), 0)]);
    expect(bench.services.find("users")?.version).toBe("1.0.0");
    expect(bench.services.find("orders")?.version).toBe("3.0.0");
    expect(bench.services.find("nobody")).toBeUndefined();
    const listed = bench.services.list().map(({ name, version }) => `${name}@${version}`);
    expect(listed).toEqual(["orders@3.0.0", "users@2.0.0", "users@1.0.0"]);
  });

  test("endpoints() tells those of the highest healthy version, and revision changes with them", () => {
    const bench = new Bench();
    const at = (path: string): Methods => ({ get: { endpoints: [{ verb: "GET", path }] } });
    bench.offersAt("n1", [users(at("/v1/:id")), offerOf(serviceOf("users", "2.0.0", at("/v2/:id")), 0)]);
    const paths = () => bench.services.endpoints().map(({ endpoint, version }) => `${endpoint.path} ${version}`);
    expect(paths()).toEqual(["/v1/:id 1.0.0"]);
    const { revision } = bench.services;
    expect(bench.services.revision).toBe(revision);
    bench.offersAt("n2", [offerOf(serviceOf("users", "2.0.0", at("/v2/:id")))]);
    expect(paths()).toEqual(["/v2/:id 2.0.0"]);
    expect(bench.services.revision).not.toBe(revision);
  });
});
