import { expect, test } from "bun:test";
import type { ServiceCaller } from "../../../../../src/process/service/index.ts";
import { refusalOf } from "../../../../../src/work/service/local/index.ts";
import { codeOf, LocalRig, NODE } from "../../../../support/local-services.ts";

function from(access: ServiceCaller["access"], scopes: readonly string[] = []): ServiceCaller {
  return { kind: "outside", name: "ann", access, scopes };
}

const PUBLIC_READ = { isPublic: true, access: "read" } as const;
const PUBLIC_OPERATE = { isPublic: true, access: "operate" } as const;
const INTERNAL = { isPublic: false, access: "read" } as const;
const SERVICE: ServiceCaller = { kind: "service", name: "orders@1.0.0", access: "none", scopes: [] };

test.each([
  ["read may read", from("read"), PUBLIC_READ, true],
  ["read may not operate", from("read"), PUBLIC_OPERATE, false],
  ["operate may operate", from("operate"), PUBLIC_OPERATE, true],
  ["admin may operate", from("admin"), PUBLIC_OPERATE, true],
  ["none may nothing", from("none"), PUBLIC_READ, false],
  ["a scope of everything", from("none", ["*"]), PUBLIC_OPERATE, true],
  ["a scope of the service", from("none", ["users"]), PUBLIC_OPERATE, true],
  ["a scope of the method", from("none", ["users.get"]), PUBLIC_OPERATE, true],
  ["a scope of another method", from("none", ["users.list"]), PUBLIC_READ, false],
  ["a scope of another service", from("none", ["user", "users2", "users."]), PUBLIC_READ, false],
  ["a scope opens nothing internal", from("admin", ["*"]), INTERNAL, false],
  ["a service calls what is internal", SERVICE, INTERNAL, true],
  ["a node calls what is internal", NODE, INTERNAL, true],
])("refusalOf() when %s", (_, caller, method, isAllowed) => {
  expect(refusalOf(caller, "users", "get", method)?.code).toBe(isAllowed ? undefined : "rpc.forbidden");
});

test("call() refuses before any process hears of it", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { methods: { who: { isPublic: false } } });
  await rig.local.start();
  expect(await codeOf(rig.call("who", { caller: from("admin") }))).toBe("rpc.forbidden");
  expect(rig.process().calls).toEqual([]);
  expect(await codeOf(rig.call("who"))).toBe("");
});

test.each(["nothing", "toString", "__proto__"])("call() has no method %s", async (method) => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  expect(await codeOf(rig.call(method))).toBe("service.not_found");
});
