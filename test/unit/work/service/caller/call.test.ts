/** Which version and place a call reaches, when it is asked again, and what it is told when nobody answers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { failureOf } from "../../../../support/auth.ts";
import { Bench, exited, unavailable } from "../bench.ts";
import { callOf, jsonOf, offerOf, serviceOf } from "../fakes.ts";

const users = (version = "1.0.0", methods = {}) => offerOf(serviceOf("users", version, { get: {}, ...methods }));
const IDEMPOTENT = { get: { isIdempotent: true } };

describe("call()", () => {
  test("call() reaches the highest healthy version, of a major, of a minor, or exactly the one named", async () => {
    const bench = new Bench();
    const services = [users("1.2.0"), users("1.9.1"), users("1.10.0"), users("2.0.0"), users("3.0.0-beta.1")];
    bench.offersAt("n1", [...services, offerOf(serviceOf("users", "2.1.0"), 0)], ({ version }) => version);
    const reached = async (name: string) => jsonOf(await bench.services.call(callOf(name, "get")));
    expect(await reached("users")).toBe("2.0.0");
    expect(await reached("users@1")).toBe("1.10.0");
    expect(await reached("users@1.9")).toBe("1.9.1");
    expect(await reached("users@1.2.0")).toBe("1.2.0");
    expect(await reached("users@3.0.0-beta.1")).toBe("3.0.0-beta.1");
  });

  test("call() stays on this node while it is not far busier than the others", async () => {
    const bench = new Bench();
    bench.offersHere(users());
    bench.offersAt("n1", [users()]);
    for (let count = 0; count < 20; count++) await bench.services.call(callOf("users", "get"));
    expect([bench.local.begun.length, bench.asked.length]).toEqual([20, 0]);
    const waiting: (() => void)[] = [];
    bench.local.answers.get = () => new Promise<void>((resolve) => waiting.push(resolve));
    const calls = Array.from({ length: 60 }, () => bench.services.call(callOf("users", "get")));
    expect(bench.local.begun.length).toBeGreaterThanOrEqual(20 + 16);
    await bench.settle(Promise.race(calls));
    expect(bench.asked.length).toBeGreaterThan(10); // answered at once, so that node is free again and again
    for (const end of waiting) end();
    await Promise.all(calls);
    expect(bench.asked.length + bench.local.begun.length).toBe(20 + 60);
  });

  test("call() uses the balancer that the service names, and gives this node no precedence then", async () => {
    const bench = new Bench();
    const balanced = offerOf(serviceOf("users", "1.0.0", { get: {} }, { balancer: "ROUND_ROBIN" }));
    bench.offersHere(balanced);
    bench.offersAt("n1", [balanced]);
    bench.offersAt("n2", [balanced]);
    for (let count = 0; count < 6; count++) await bench.services.call(callOf("users", "get"));
    expect(bench.local.begun).toHaveLength(2);
    expect(bench.nodesAsked().toSorted()).toEqual(["n1", "n1", "n2", "n2"]);
  });

  test("call() keeps calls of one key at one node with CONSISTENT_HASH", async () => {
    const bench = new Bench();
    const sticky = offerOf(serviceOf("users", "1.0.0", { get: {} }, { balancer: "CONSISTENT_HASH" }));
    for (const node of ["n1", "n2", "n3"]) bench.offersAt(node, [sticky]);
    for (let count = 0; count < 5; count++) await bench.services.call(callOf("users", "get", { key: "seven" }));
    expect(new Set(bench.nodesAsked()).size).toBe(1);
  });

  test("call() reaches only places that have all tags asked for", async () => {
    const bench = new Bench();
    const tagged = (tags: string[]) => offerOf(serviceOf("users", "1.0.0", { get: {} }, { tags }));
    bench.offersAt("n1", [tagged(["eu"])]);
    bench.offersAt("n2", [tagged(["eu", "gpu"])]);
    for (let count = 0; count < 4; count++) await bench.services.call(callOf("users", "get", { tags: ["gpu", "eu"] }));
    expect(new Set(bench.nodesAsked())).toEqual(new Set(["n2"]));
    const none = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get", { tags: ["us"] }))));
    expect([none.code, none.retryable]).toEqual(["service.unavailable", true]);
    expect(none.message).toContain("with the tags us");
  });

  test("call() says what is there when service, version or method is not", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users("1.2.0")]);
    const told = async (service: string, method = "get") => {
      const { code, message } = await failureOf(() => bench.services.call(callOf(service, method)));
      return `${code}: ${message}`;
    };
    expect(await told("user")).toContain(
      "service.not_found: calling user.get: no node offers a service user; did you mean users?",
    );
    expect(await told("users@2")).toContain("service.not_found: calling users@2.get: of service users there is 1.2.0");
    expect(await told("users@x")).toContain("NAME@1.2.0 is required");
    expect(await told("users", "constructor")).toContain("has no such method; it has get");
  });

  test("call() gives the method what is left of the time: the shortest of the caller's and the method's own", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users("1.0.0", { slow: { timeoutMs: 2_000 } })]);
    await bench.services.call(callOf("users", "get", { timeoutMs: 700 }));
    await bench.services.call(callOf("users", "slow", { timeoutMs: 7_000 }));
    expect(bench.asked.map(({ options }) => options.timeoutMs)).toEqual([700, 2_000]);
    expect(bench.asked.map(({ options }) => options.signal)).toEqual([undefined, undefined]);
  });
});

describe("call() again", () => {
  test("call() asks another node at once when the first has not begun, whatever the method is", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users()], unavailable);
    bench.offersAt("n2", [users()]);
    for (let count = 0; count < 8; count++)
      expect(jsonOf(await bench.services.call(callOf("users", "get")))).toBe("n2");
    expect(bench.nodesAsked()).toContain("n1");
    expect(bench.clock.monotonic()).toBe(0);
  });

  test("call() asks a method that may have begun again only when it is idempotent, or the caller says so", async () => {
    const outcome = async (methods: object, isIdempotent?: boolean) => {
      const bench = new Bench();
      bench.offersAt("n1", [users("1.0.0", methods)], exited);
      bench.offersAt("n2", [users("1.0.0", methods)], exited);
      const { code } = await bench.settle(
        failureOf(() => bench.services.call(callOf("users", "get", { isIdempotent }))),
      );
      return [code, bench.asked.length];
    };
    expect(await outcome({})).toEqual(["service.exited", 1]);
    expect(await outcome(IDEMPOTENT)).toEqual(["service.exited", 3]);
    expect(await outcome({}, true)).toEqual(["service.exited", 3]);
    expect(await outcome({ get: { isIdempotent: true, retries: 1 } })).toEqual(["service.exited", 2]);
    expect(await outcome({ get: { isIdempotent: true, retries: 0 } })).toEqual(["service.exited", 1]);
  });

  test("call() takes a link that breaks for a method that may have begun, and a full one for one that has not", async () => {
    const outcome = async (code: string) => {
      const bench = new Bench();
      bench.offersAt("n1", [users()], () => new Failure(code, "broken", { retryable: true }));
      const failure = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get"))));
      return [failure.code, bench.asked.length];
    };
    expect(await outcome("link.closed")).toEqual(["service.exited", 1]);
    expect(await outcome("link.silent")).toEqual(["service.exited", 1]);
    expect(await outcome("link.overloaded")).toEqual(["service.unavailable", 3]);
    expect(await outcome("link.deadline_exceeded")).toEqual(["rpc.deadline_exceeded", 1]);
    expect(await outcome("link.too_large")).toEqual(["rpc.invalid_input", 1]);
  });

  test("call() does not ask again what the method itself has answered, unless it is idempotent and says that it may help", async () => {
    const outcome = async (failure: Failure) => {
      const bench = new Bench();
      bench.offersAt("n1", [users("1.0.0", IDEMPOTENT)], () => failure);
      const { code } = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get"))));
      expect(code).toBe(failure.code);
      return bench.asked.length;
    };
    expect(await outcome(new Failure("users.not_found", "no user 7"))).toBe(1);
    expect(await outcome(new Failure("rpc.forbidden", "not you"))).toBe(1);
    expect(await outcome(new Failure("rpc.invalid_input", "no id"))).toBe(1);
    expect(await outcome(new Failure("users.busy", "later", { retryable: true }))).toBe(3);
  });

  test("call() never tells that nothing was begun: a service that passes it on has begun itself", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users()], unavailable);
    const failure = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get"))));
    expect([failure.code, failure.data?.begun]).toEqual(["service.unavailable", undefined]);
  });

  test("call() asks for the version that has taken over when a node says that the one it was asked for is gone", async () => {
    const bench = new Bench();
    const gone = new Failure("service.not_found", "this node has no service users@1.0.0", { data: { begun: false } });
    bench.offersAt("n1", [users("1.0.0")], () => {
      bench.offersAt("n1", [users("1.1.0")], ({ version }) => version); // the news comes a moment after the refusal
      return gone;
    });
    expect(jsonOf(await bench.settle(bench.services.call(callOf("users", "get"))))).toBe("1.1.0");
    bench.offersAt("n1", [users("1.0.0")], () => gone);
    const failure = await bench.settle(failureOf(() => bench.services.call(callOf("users", "get"))));
    expect([failure.code, failure.data]).toEqual(["service.not_found", undefined]);
  });

  test("call() does not begin another attempt after its deadline, and gives each what is left", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users("1.0.0", IDEMPOTENT)], () => {
      bench.clock.sleep(400);
      return exited();
    });
    const call = callOf("users", "get", { timeoutMs: 1_000 });
    const { code } = await bench.settle(failureOf(() => bench.services.call(call)));
    expect(code).toBe("service.exited");
    const [first, second, third] = bench.asked.map(({ options }) => options.timeoutMs!);
    expect(first).toBe(1_000);
    expect(second).toBeLessThanOrEqual(600);
    expect(third ?? 0).toBeLessThanOrEqual(200);
    expect(bench.clock.monotonic()).toBeLessThan(1_500);
  });

  test("call() stops asking again when the budget of the service is used up", async () => {
    const bench = new Bench({}, { breaker: { failureThreshold: 1_000_000, halfOpenAfterMs: 1 } });
    bench.offersAt("n1", [users("1.0.0", IDEMPOTENT)], () => exited());
    const calls = 500;
    const all = Array.from({ length: calls }, () => failureOf(() => bench.services.call(callOf("users", "get"))));
    await bench.settle(Promise.all(all));
    const [counts] = bench.services.counts().methods;
    expect(bench.asked.length - calls).toBe(counts!.retries);
    expect(counts!.retries).toBe(20 + calls * 0.2);
    expect(counts!.unbudgeted).toBeGreaterThan(0);
  });

  test("call() ends at once when its caller gives up during the pause before another attempt", async () => {
    const bench = new Bench();
    bench.offersAt("n1", [users("1.0.0", IDEMPOTENT)], exited);
    const end = new AbortController();
    const failed = failureOf(() => bench.services.call(callOf("users", "get", { signal: end.signal })));
    while (bench.clock.timers === 0) await Bun.sleep(0);
    end.abort();
    expect((await failed).code).toBe("service.exited");
    expect(bench.asked).toHaveLength(1);
  });

  test("call() is answered exactly once, and begun at most once where it may not be asked twice, whatever nodes do", async () => {
    const answers = {
      ok: () => "ok",
      unavailable,
      exited,
      closed: () => new Failure("link.closed", "gone", { retryable: true }),
      full: () => new Failure("link.overloaded", "full", { retryable: true }),
      own: () => new Failure("users.not_found", "no"),
    };
    const begun = new Set<keyof typeof answers>(["ok", "exited", "closed", "own"]);
    const kind = fc.constantFrom(...(Object.keys(answers) as (keyof typeof answers)[]));
    const script = fc.array(kind, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(script, fc.boolean(), fc.integer({ min: 1, max: 3 }), async (steps, isIdempotent, nodes) => {
        const bench = new Bench();
        let at = 0;
        let begins = 0;
        const answer = () => {
          const step = steps[at++ % steps.length]!;
          if (begun.has(step)) begins++;
          return answers[step]();
        };
        const offers = [users("1.0.0", { get: { isIdempotent } })];
        for (let node = 1; node <= nodes; node++) bench.offersAt(`n${node}`, offers, answer);
        const settled = await bench.settle(Promise.allSettled([bench.services.call(callOf("users", "get"))]));
        expect(settled).toHaveLength(1);
        expect(at).toBeLessThanOrEqual(3);
        if (!isIdempotent) expect(begins).toBeLessThanOrEqual(1);
        const [counts] = bench.services.counts().methods;
        expect([counts!.calls, counts!.ended, counts!.inFlight]).toEqual([1, 1, 0]);
        expect(counts!.retries).toBe(at - 1);
      }),
      { numRuns: 60 },
    );
  });
});
