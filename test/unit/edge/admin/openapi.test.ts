import { describe, expect, test } from "bun:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { openApi, USERS } from "./support.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<string, { readonly parameters?: readonly { name: string; in: string }[]; readonly security?: unknown }>
      >
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

async function documentOf(api = openApi()): Promise<Document> {
  const response = await api.get("/openapi.json", "viewer");
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "application/vnd.oai.openapi+json;version=3.1",
  ]);
  return (await response.json()) as Document;
}

async function faultsOf(document: unknown): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: "openapi.json", config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);
}

describe("GET /openapi.json", () => {
  test("fetch() gives a document without a fault by redocly's recommended rules", async () => {
    expect(await faultsOf(await documentOf())).toEqual([]);
  });

  test("the linter finds a planted fault", async () => {
    const document = await documentOf();
    const broken = { ...document, paths: { "/a/{b}": { get: { responses: {} } } } };
    expect((await faultsOf(broken)).length).toBeGreaterThan(0);
  });

  test("fetch() tells routes, calls and the endpoints of services, with their fields", async () => {
    const { openapi, paths } = await documentOf();
    expect(openapi).toBe("3.1.0");
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/things/{id}/buy", "/rpc/shop/buy", "/rpc/users/get", "/users/{id}", "/health"]),
    );
    expect(Object.keys(paths)).not.toContain("/elsewhere"); // this node has no such contract
    expect(Object.keys(paths)).not.toContain("/rpc/users/secret");
    const names = paths["/users/{id}"]!.get!.parameters!.map((each) => `${each.in} ${each.name}`);
    expect(names).toEqual(["path id", "query full", "query name"]);
    expect(paths["/things"]!.get!.parameters!.map(({ name }) => name)).toEqual([
      "cheap",
      "most",
      "tags",
      "limit",
      "cursor",
    ]);
    expect([paths["/health"]!.get!.security, paths["/things"]!.get!.security]).toEqual([[], undefined]);
  });

  test("fetch() tells services of today when they change, and survives schemas that are none", async () => {
    const api = openApi();
    await documentOf(api);
    const odd = {
      $ref: "https://else.where/schema",
      $defs: { a: { $ref: "#/$defs/a" } },
      properties: 7,
      required: "no",
    };
    const methods = { odd: { ...USERS.methods.get!, input: odd, output: null, endpoints: [] } };
    api.door.description = { ...USERS, name: "users", methods };
    api.door.revision++;
    const document = await documentOf(api);
    expect(Object.keys(document.paths)).toContain("/rpc/users/odd");
    expect(JSON.stringify(document)).not.toContain("else.where");
    const faults = await faultsOf(document);
    expect(faults.filter((fault) => !fault.startsWith("no-unused-components"))).toEqual([]);
  });

  test("fetch() lets others have their turns while it makes the document", async () => {
    let ms = 0;
    const clock = { now: () => 0, monotonic: () => (ms += 5), after: () => ({ cancel: () => {} }) }; // every step is a long one
    const api = openApi({ clock });
    let turns = 0;
    const count = (): void => {
      turns++;
      turn = setImmediate(count);
    };
    let turn = setImmediate(count);
    await documentOf(api);
    const first = turns;
    api.door.revision++;
    await documentOf(api);
    clearImmediate(turn);
    expect(first).toBeGreaterThan(10); // a route, a method of a contract or of a service each
    expect(turns - first).toBeLessThan(first); // the node's own part is there already
  });
});
