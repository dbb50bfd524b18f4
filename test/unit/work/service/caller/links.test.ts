/** Calls between nodes over real links. */
import { describe, expect, test } from "bun:test";
import { until } from "../../../../support/until.ts";
import { callOf, jsonOf, offerOf, serviceOf } from "../fakes.ts";
import { Rig } from "../rig.ts";

describe("ClusterServices over links", () => {
  test("call() reaches the node that offers the service, params and result untouched", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    b.local.answers.get = ({ params }) => params;
    b.local.set(offerOf(serviceOf("users")));
    await until("a knows of users", () => a.services.find("users"));
    const params = new TextEncoder().encode(' { "id" : 7 } ');
    expect(await a.services.call(callOf("users", "get", { params }))).toEqual(params);
    expect(b.local.begun).toHaveLength(1);
    expect(b.local.begun[0]).toMatchObject({ service: "users", version: "1.0.0", caller: { kind: "node", name: "a" } });
    expect(jsonOf(params)).toEqual({ id: 7 });
  });
});
