import { describe, expect, test } from "bun:test";
import {
  auth,
  type CallContext,
  type Caller,
  cache,
  compose,
  isCache,
  type Middleware,
  type MiddlewareCall,
  rateLimit,
} from "distributed-system/service";
import { SteppedClock } from "../../../support/stepped-clock.ts";

function callBy(caller: Partial<Caller> = {}, params: unknown = {}): MiddlewareCall {
  const whole: Caller = { kind: "outside", name: "ann", access: "read", scopes: [], ...caller };
  return { service: "users", method: "get", params, context: { caller: whole } as CallContext }; // middleware asks for no more
}

const through: Middleware = (_call, next) => next();

async function passes(middleware: Middleware, call: MiddlewareCall): Promise<boolean> {
  try {
    return (await compose([middleware], () => true)(call)) === true;
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: expect.stringMatching(/^(rpc\.forbidden|service\.rate_limited)$/) });
    return false;
  }
}

describe("compose()", () => {
  test("compose() runs middleware in order around the method, and passes changed params on", async () => {
    const order: string[] = [];
    const around =
      (name: string): Middleware =>
      async ({ params }, next) => {
        order.push(`${name} ${params}`);
        const result = await next(`${params}${name}`);
        order.push(`${name} ends`);
        return `${result}${name}`;
      };
    const chain = compose([around("a"), through, around("b")], (params) => `<${params}>`);
    expect(await chain(callBy({}, "x"))).toBe("<xab>ba");
    expect(order).toEqual(["a x", "b xa", "b ends", "a ends"]);
  });

  test("compose() lets middleware answer alone when it does not go on", async () => {
    const chain = compose([() => "mine"], () => expect.unreachable());
    expect(await chain(callBy())).toBe("mine");
  });

  test("compose() lets middleware catch what the method throws", async () => {
    const rescue: Middleware = (_call, next) => next().catch(() => "rescued");
    const chain = compose([rescue], () => {
      throw new Error("boom");
    });
    expect(await chain(callBy())).toBe("rescued");
  });
});

describe("auth()", () => {
  const operator = auth({ role: "operator" });
  const scoped = auth({ role: "admin", scope: "users.write" });

  test("auth() lets the role and higher ones through", async () => {
    const levels = ["none", "read", "operate", "admin", "node"] as const;
    const passed = await Promise.all(levels.map((access) => passes(operator, callBy({ access }))));
    expect(passed).toEqual([false, false, true, true, true]);
  });

  test("auth() lets the scope through when the role is missing", async () => {
    const scopes = [[], ["users.read"], ["users.write"], ["*"]];
    const passed = await Promise.all(scopes.map((each) => passes(scoped, callBy({ access: "none", scopes: each }))));
    expect(passed).toEqual([false, false, true, true]);
  });

  test("auth() refuses to be made when it asks for nothing, or for a role that there is not", () => {
    expect(() => auth({})).toThrow("a role or a scope");
    expect(() => auth({ role: "toString" as never })).toThrow("none of viewer");
  });
});

describe("rateLimit()", () => {
  test("rateLimit() lets so many through in a window, and a bit at a time later", async () => {
    const clock = new SteppedClock();
    const limit = rateLimit({ limit: 2, window: "1s", clock });
    const ask = (name = "ann") => passes(limit, callBy({ name }));
    expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
    expect(await ask("bob")).toBe(true);
    clock.advance(499);
    expect(await ask()).toBe(false);
    clock.advance(1);
    expect([await ask(), await ask()]).toEqual([true, false]);
    clock.advance(60_000);
    expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
  });

  test("rateLimit() says when to come again", () => {
    const limit = rateLimit({ limit: 4, window: 1_000, per: "all", clock: new SteppedClock() });
    const ask = (): unknown => compose([limit], () => true)(callBy());
    for (let call = 0; call < 4; call++) ask();
    expect(ask).toThrow(
      expect.objectContaining({ code: "service.rate_limited", retryable: true, data: { retryAfterMs: 250 } }),
    );
  });

  test("rateLimit() forgets who has asked least recently when there are too many callers", async () => {
    const limit = rateLimit({ limit: 1, window: "1h", clock: new SteppedClock() });
    await passes(limit, callBy({ name: "first" }));
    for (let caller = 0; caller < 9_999; caller++) await passes(limit, callBy({ name: `${caller}` }));
    expect(await passes(limit, callBy({ name: "first" }))).toBe(false);
    await passes(limit, callBy({ name: "one more" }));
    expect(await passes(limit, callBy({ name: "0" }))).toBe(true);
  });

  test("rateLimit() refuses to be made when its numbers are wrong", () => {
    expect(() => rateLimit({ limit: 0, window: 1 })).toThrow("limit 0");
    expect(() => rateLimit({ limit: 1, window: "soon" })).toThrow("window soon");
  });
});

describe("cache()", () => {
  test("cache() only declares: calls go through it", async () => {
    const middleware = cache({ ttl: "1m" });
    expect([isCache(middleware), isCache(through)]).toEqual([true, false]);
    expect(await passes(middleware, callBy())).toBe(true);
  });
});
