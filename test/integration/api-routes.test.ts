/** Every path of the HTTP API on a real master and a real worker, asked without a token, with wrong ones, a weak one and the right one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ROUTES } from "../../src/app/admin/routes.ts";
import type { Route } from "../../src/edge/admin/index.ts";
import { type Access, mayCall } from "../../src/wire/rpc/index.ts";
import { expiredToken, promoted, unsigned } from "../support/api-tokens.ts";
import { FarClient } from "../support/far-client.ts";
import { clientOf } from "../support/http.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { Workspace } from "../support/workspace.ts";

type Row = Pick<Route, "verb" | "path"> & { readonly access: Access; readonly body?: string };

/** Answered by the API itself. */
const BUILT_IN: readonly Row[] = [
  { verb: "GET", path: "/metrics", access: "read" },
  { verb: "GET", path: "/openapi.json", access: "read" },
  { verb: "GET", path: "/rpc", access: "read" },
  { verb: "GET", path: "/rpc/system", access: "read" },
];
/** Everybody may end his own tokens; number 7 is somebody else's. */
const NEEDS: Readonly<Record<string, Access>> = { "DELETE /auth/tokens/{jti}": "admin" };
const PUBLIC = ["/health", "/livez", "/readyz", "/", "/docs", "/.well-known/jwks.json"];
const ROLES = ["service", "viewer", "operator", "admin"] as const;
const ACCESS = { service: "none", viewer: "read", operator: "operate", admin: "admin" } as const;

let cluster: PipelineCluster;
let elsewhere: Workspace;
let client: FarClient;
let addresses: Readonly<Record<"master" | "worker", string>>;
let tokens: Readonly<Record<(typeof ROLES)[number], string>>;
let wrong: Readonly<Record<string, string | undefined>>;
let rows: readonly Row[];
let calls: readonly Row[];

interface Listing {
  readonly contracts: readonly { name: string; methods: Readonly<Record<string, { access: Access }>> }[];
}

beforeAll(async () => {
  client = new FarClient();
  elsewhere = new Workspace();
  cluster = await PipelineCluster.start(["w1"]);
  addresses = { master: cluster.address, worker: await cluster.node("w1").address() };
  const made = async (...words: readonly string[]) =>
    (await cluster.tell("token", "create", "--node", cluster.address, ...words)).stdout.trim();
  const [service, viewer, operator, admin, revoked] = await Promise.all([
    ...[made("--scope", "nobody"), made("--role", "viewer"), made("--role", "operator"), made("--role", "admin")],
    made("--role", "admin"),
  ]);
  tokens = { service: service!, viewer: viewer!, operator: operator!, admin: admin! };
  await cluster.tell("token", "revoke", revoked!, "--node", cluster.address);
  const foreign = await elsewhere.exec(["token", "create", "--role", "admin"]);
  wrong = {
    nothing: undefined,
    garbage: "garbage",
    "three parts of garbage": "a.b.c",
    "an expired one": await expiredToken(cluster.space.at("state")),
    "a revoked one": revoked!,
    "another cluster's": foreign.stdout.trim(),
    "one that was promoted by hand": promoted(viewer!),
    "an unsigned one": unsigned(admin!),
  };
  const { body } = await clientOf(cluster.address, admin).get<Listing>("/rpc");
  const access = new Map(
    body.contracts.flatMap(({ name, methods }) =>
      Object.entries(methods).map(([method, each]) => [`${name}.${method}`, each.access] as const),
    ),
  );
  calls = [...access].map(([name, each]) => ({
    ...{ verb: "POST" as const, path: `/rpc/${name.replace(".", "/")}`, access: each, body: "{}" },
  }));
  rows = [
    ...BUILT_IN,
    ...ROUTES.filter(({ isPublic, contract, method }) => !isPublic && access.has(`${contract}.${method}`)).map(
      ({ contract, method, path, verb }) => ({
        ...{ verb, path: path.replaceAll(/\{[^}]+\}/g, "7") },
        access: NEEDS[`${verb} ${path}`] ?? access.get(`${contract}.${method}`)!,
        ...(verb !== "GET" && { body: "{}" }),
      }),
    ),
  ];
});

afterAll(async () => {
  client[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
  elsewhere[Symbol.dispose]();
});

describe.each(["master", "worker"] as const)("the API of a %s", (node) => {
  test("has every contract that the table of routes names, but for that of gateways", async () => {
    const { body } = await clientOf(addresses[node], tokens.viewer).get<Listing>("/rpc");
    const has = new Set(body.contracts.map((each) => each.name));
    expect([...new Set(ROUTES.map(({ contract }) => contract))].filter((contract) => !has.has(contract))).toEqual([
      "gateway",
    ]);
  });

  test("answers the public paths, and nothing else, to whoever has no token or a wrong one", async () => {
    for (const path of PUBLIC) {
      const { status } = await client.ask({ address: addresses[node], verb: "GET", path });
      expect([path, status]).toEqual([path, 200]);
    }
    const all = [...rows, ...calls, { verb: "GET", path: "/nothing/there" }, { verb: "PURGE", path: "/health7" }];
    for (const [what, token] of Object.entries(wrong)) {
      for (const { path, verb, body } of all as readonly Row[]) {
        const { status, code, text } = await client.ask({ address: addresses[node], verb, path, token, body });
        expect([what, verb, path, status, code]).toEqual([what, verb, path, 401, "rpc.unauthenticated"]);
        expect(text).not.toContain("revoked");
      }
    }
  });

  test("refuses who may less than a route needs, and lets in who may as much", async () => {
    for (const { access, body, path, verb } of rows) {
      for (const role of ROLES) {
        const token = tokens[role];
        const { status, code, text } = await client.ask({ address: addresses[node], verb, path, token, body });
        const told = [role, verb, path, status, code];
        if (!mayCall({ name: role, access: ACCESS[role] }, access))
          expect(told).toEqual([role, verb, path, 403, "rpc.forbidden"]);
        else if (status >= 500 || status === 401 || status === 403) throw new Error(`${told}: ${text}`);
      }
    }
  });

  test("answers any words in a path and any query with a result or a refusal", async () => {
    const gets = ROUTES.filter(({ verb, isPublic }) => verb === "GET" && !isPublic);
    const word = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 40 }).map((text) => encodeURIComponent(text.toWellFormed())),
      fc.constantFrom("..", "%2e%2e", "%00", "%ff", "%", "__proto__", "constructor", "-1", "1e9", "a".repeat(3_000)),
    );
    const value = fc.oneof(word, fc.constantFrom("", "0", "-1", "1e99", "true", "[]", "{}", "500", "501", "e30"));
    const name = fc.constantFrom("limit", "cursor", "after", "from", "prefix", "consistency", "__proto__", "x[]");
    const query = fc.array(fc.tuple(name, value), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...gets),
        fc.array(word, { minLength: 3, maxLength: 3 }),
        query,
        async (route, words, asked) => {
          let at = 0;
          const path = route.path.replaceAll(/\{[^}]+\}/g, () => words[at++]!);
          const search = asked.map(([key, text]) => `${key}=${text}`).join("&");
          const { code, status, text } = await client.ask({
            ...{ address: addresses[node], verb: "GET", path: `${path}?${search}`, token: tokens.admin },
          });
          if (status >= 500 || status === 401)
            throw new Error(`${path}?${search}: ${status} ${code} ${text.slice(0, 300)}`);
        },
      ),
      { numRuns: 300, endOnFailure: true },
    );
  });

  test("refuses calls of contracts under /rpc to who may less than they need", async () => {
    for (const { access, body, path, verb } of calls) {
      for (const role of ROLES) {
        if (mayCall({ name: role, access: ACCESS[role] }, access)) continue;
        const { status, code } = await client.ask({ address: addresses[node], verb, path, token: tokens[role], body });
        expect([role, path, status, code]).toEqual([role, path, 403, "rpc.forbidden"]);
      }
    }
  });
});
