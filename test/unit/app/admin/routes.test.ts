import { describe, expect, test } from "bun:test";
import { ROUTES } from "../../../../src/app/admin/routes.ts";
import { instanceContract } from "../../../../src/app/control/contract.ts";
import { deadLettersContract } from "../../../../src/app/dead-letter/dead-letter-contract.ts";
import { gatewayContract } from "../../../../src/app/gateway/gateway-contract.ts";
import { instancesContract } from "../../../../src/app/instances/instances-contract.ts";
import { pipelinesContract } from "../../../../src/app/master/pipelines-contract.ts";
import { tasksContract } from "../../../../src/app/master/tasks/tasks-contract.ts";
import { clusterContract } from "../../../../src/app/node/cluster-contract.ts";
import { overviewContract } from "../../../../src/app/overview/overview-contract.ts";
import { reportsContract } from "../../../../src/app/report/reports-contract.ts";
import { servicesContract } from "../../../../src/app/service/services-contract.ts";
import { systemContract } from "../../../../src/app/system/system-contract.ts";
import { authContract } from "../../../../src/app/token/auth-contract.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { createLogger } from "../../../../src/base/log.ts";
import {
  counterContract,
  leaseContract,
  lockContract,
  mapContract,
  queueContract,
  raftContract,
  txnContract,
} from "../../../../src/data/contract/index.ts";
import { createAdminApp, type Route } from "../../../../src/edge/admin/index.ts";
import { type Access, type Call, type Contract, listContracts, mayCall } from "../../../../src/wire/rpc/index.ts";
import { authenticate, CALLERS, problem } from "../../edge/admin/support.ts";

const CONTRACTS: readonly Contract[] = [
  authContract,
  clusterContract,
  counterContract,
  deadLettersContract,
  gatewayContract,
  instanceContract,
  instancesContract,
  leaseContract,
  lockContract,
  mapContract,
  overviewContract,
  pipelinesContract,
  queueContract,
  raftContract,
  reportsContract,
  servicesContract,
  systemContract,
  tasksContract,
  txnContract,
];

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

const listing = new Map(listContracts(CONTRACTS).map(({ name, methods }) => [name, methods]));
const title = ({ verb, path }: Route): string => `${verb} ${path}`;

function methodOf({ contract, method }: Route): { access: Access; input: ObjectSchema; output: ObjectSchema } {
  const found = listing.get(contract)?.[method];
  if (!found) throw new Error(`there is no ${contract}.${method}`);
  return { access: found.access, input: found.input as ObjectSchema, output: found.output as ObjectSchema };
}

/** Any method answers with empty lists. */
function openTable() {
  const calls: Call[] = [];
  const app = createAdminApp({
    routes: ROUTES,
    dispatcher: {
      contracts: CONTRACTS,
      async call(call) {
        calls.push(call);
        const { output } = methodOf({ ...call, verb: "GET", path: "", tag: "" });
        const lists = Object.entries(output.properties ?? {}).filter(([, { type }]) => type === "array");
        return { ok: true, output: Object.fromEntries(lists.map(([name]) => [name, []])) };
      },
    },
    authenticate,
    readiness: () => ({ live: true, ready: true }),
    clock: systemClock,
    logger: createLogger({ name: "test", level: "silent", clock: systemClock, sink: () => {} }),
    version: "1.0.0",
  });
  const ask = (route: Route, token: string | undefined) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const path = route.path.replaceAll(/\{[^}]+\}/g, "7");
    return app.fetch(new Request(`http://localhost${path}`, { method: route.verb, headers }), {});
  };
  return { ask, calls };
}

/** There is nothing in the answers here. */
function answered({ content, status = 200 }: Route): number {
  return content === undefined ? status : 404;
}

describe("ROUTES", () => {
  for (const route of ROUTES) {
    test(`${title(route)} names a method that there is, and fields of its input and output`, () => {
      const { input, output } = methodOf(route);
      const inPath = [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
      for (const name of [...inPath, ...Object.keys(route.fixed ?? {})]) {
        expect([name, input.properties !== undefined && Object.hasOwn(input.properties, name)]).toEqual([name, true]);
      }
      if (route.content !== undefined) expect(output.properties).toHaveProperty(route.content);
      if (!route.paged) return;
      const { paged } = route;
      expect(output.properties?.[paged.items]?.type).toBe("array");
      const wanted = {
        slice: [],
        after: ["limit", "after"],
        from: ["from"],
        offset: ["limit", "offset"],
        cursor: ["limit", "cursor"],
      }[paged.kind];
      expect(Object.keys(input.properties ?? {})).toEqual(expect.arrayContaining(wanted));
      if (paged.kind === "after") expect(output.properties).toHaveProperty("more");
      if (paged.kind === "from") expect(output.properties).toHaveProperty(paged.total);
      if (paged.kind === "cursor" || paged.kind === "offset") expect(output.properties).toHaveProperty(paged.next);
      if (paged.kind === "slice" || paged.kind === "after") {
        const { items } = output.properties![paged.items] as { readonly items?: ObjectSchema };
        expect(items?.properties).toHaveProperty(paged.key);
      }
    });

    test(`${title(route)} is refused without a good token, with too small a role, and answered with the right one`, async () => {
      const { ask, calls } = openTable();
      const { access } = methodOf(route);
      for (const token of [undefined, "wrong", "expired"]) {
        const expected = route.isPublic ? (route.status ?? 200) : 401;
        expect([token, (await ask(route, token)).status]).toEqual([token, expected]);
      }
      calls.length = 0;
      for (const [token, caller] of Object.entries(CALLERS)) {
        const response = await ask(route, token);
        const isRight = route.isPublic || mayCall(caller, access);
        expect([token, response.status]).toEqual([token, isRight ? answered(route) : 403]);
        if (!isRight) expect((await problem(response)).code).toBe("rpc.forbidden");
        else if (route.content !== undefined) expect((await problem(response)).code).toBe("rpc.not_found");
      }
      const right = Object.values(CALLERS).filter((caller) => route.isPublic || mayCall(caller, access));
      expect(calls.length).toBe(right.length); // nobody else reached the method
    });
  }

  test("ROUTES has each verb and path once", () => {
    const places = ROUTES.map((route) => `${route.verb} ${route.path.replaceAll(/\{[^}]+\}/g, "{}")}`);
    expect(places.length).toBe(new Set(places).size);
  });
});
