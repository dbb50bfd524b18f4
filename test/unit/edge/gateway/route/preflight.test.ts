import { describe, expect, test } from "bun:test";
import { RouteTable } from "../../../../../src/edge/gateway/route/index.ts";
import { head, plansOf, tableOf } from "./plans.ts";

const PREFLIGHT = ["origin", "https://a.example", "access-control-request-method", "PUT"];

describe("preflight()", () => {
  test("preflight() finds nothing when something of a preflight is missing", () => {
    const table = tableOf({ a: "/a | cors=*" });
    expect(table.preflight(head("/a", { method: "OPTIONS", headers: PREFLIGHT }))?.route.plan.id).toBe("a");
    expect(table.preflight(head("/a", { method: "OPTIONS", headers: PREFLIGHT.slice(0, 2) }))).toBeUndefined();
    expect(table.preflight(head("/a", { method: "OPTIONS", headers: PREFLIGHT.slice(2) }))).toBeUndefined();
    expect(table.preflight(head("/a", { method: "GET", headers: PREFLIGHT }))).toBeUndefined();
    expect(table.preflight(head("/b", { method: "OPTIONS", headers: PREFLIGHT }))).toBeUndefined();
    const odd = [...PREFLIGHT.slice(0, 3), "P T"];
    expect(table.preflight(head("/a", { method: "OPTIONS", headers: odd }))).toBeUndefined();
  });

  test("match() goes by values as ever when a preflight was looked for before", () => {
    const table = tableOf({ a: "PUT /a | header.x-a=1,cors=*", b: "PUT /a" });
    const headers = [...PREFLIGHT, "access-control-request-headers", "X-A"];
    expect(table.preflight(head("/a", { method: "OPTIONS", headers }))?.route.plan.id).toBe("a");
    const plain = table.match(head("/a", { method: "PUT", headers: ["x-a", "2"] }));
    expect(plain.isHit && plain.route.plan.id).toBe("b");
  });

  test("explain() tells for which request a preflight asks when it is the gateway's", () => {
    const table = new RouteTable(plansOf("a|PUT /a|http://up|cors=*", "b|GET /a|http://up"));
    const headers = Object.fromEntries([PREFLIGHT.slice(0, 2), PREFLIGHT.slice(2)]);
    const { isPreflight, outcome, steps } = table.explain({ method: "OPTIONS", url: "/a", headers });
    expect(isPreflight).toBe(true);
    expect(outcome.isHit && outcome.route.plan.id).toBe("a");
    expect(steps.map(({ takes, why }) => [takes, why])).toEqual([
      [true, "all conditions hold: method PUT"],
      [false, "method: PUT is not GET"],
    ]);
    expect(table.explain({ method: "OPTIONS", url: "/a" })).toMatchObject({ isPreflight: false });
  });
});
