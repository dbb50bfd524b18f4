/** What callers hear of what is not theirs. */
import { describe, expect, test } from "bun:test";
import type { ServiceCaller } from "../../../../../src/process/service/index.ts";
import { failureOf } from "../../../../support/auth.ts";
import { Bench } from "../bench.ts";
import { callOf, offerOf, serviceOf } from "../fakes.ts";

function from(access: ServiceCaller["access"], ...scopes: readonly string[]): ServiceCaller {
  return { kind: "outside", name: "ann", access, scopes };
}

function bench(): Bench {
  const made = new Bench();
  made.offersHere(offerOf(serviceOf("users", "1.0.0", { get: {}, hidden: { isPublic: false } })));
  return made;
}

const told = async (service: string, method: string, caller: ServiceCaller) => {
  const { code, message } = await failureOf(() => bench().services.call(callOf(service, method, { caller })));
  return { code, message };
};

describe("call()", () => {
  test.each([
    ["users", "get"],
    ["users@1", "get"],
    ["users", "nothing"],
    ["users", "hidden"],
    ["nobody", "get"],
    ["users@7", "get"],
  ])("call() of %s.%s gives one answer to a token that has other scopes", async (service, method) => {
    const name = service.split("@")[0];
    const required = `a role, or the scope ${name}.${method}, is required`;
    for (const scopes of [[], ["orders"], [`${name}.other`]]) {
      const caller = from("none", ...scopes);
      expect(await told(service, method, caller)).toEqual({
        code: "rpc.forbidden",
        message: `ann may not call ${name}.${method}: ${required}`,
      });
    }
  });

  test("call() tells no names to a token with scopes only, and those of public methods to a viewer", async () => {
    for (const [service, method] of [
      ["users", "gte"],
      ["user", "get"],
    ] as const) {
      const scoped = await told(service, method, from("none", "*"));
      expect(scoped.code).toBe("service.not_found");
      expect(scoped.message).not.toMatch(/did you mean|known are|it has/);
    }
    expect((await told("users", "gte", from("read"))).message).toEndWith("no such method; it has get");
    expect((await told("user", "get", from("read"))).message).toEndWith("did you mean users?");
    expect((await told("users", "gte", callOf("", "").caller)).message).toEndWith("it has get, hidden");
  });

  test("call() is carried out for a token that has the scope", async () => {
    for (const scope of ["*", "users", "users.get"]) {
      const here = bench();
      await here.services.call(callOf("users@1", "get", { caller: from("none", scope) }));
      expect(here.local.begun).toHaveLength(1);
    }
  });
});
