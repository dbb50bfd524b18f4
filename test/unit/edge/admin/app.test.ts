import { describe, expect, test } from "bun:test";
import { openApi, problem } from "./support.ts";

describe("createAdminApp()", () => {
  const open = [
    "/health",
    "/livez",
    "/readyz",
    "/docs",
    "/docs/page.js",
    "/docs/page.css",
    "/docs/swagger-ui.css",
    "/.well-known/keys",
  ];
  for (const path of open) {
    test(`fetch() answers ${path} without a token`, async () => {
      const { get } = openApi();
      expect((await get(path)).status).toBe(200);
    });
  }

  const closed = [
    "/metrics",
    "/openapi.json",
    "/rpc",
    "/rpc/shop",
    "/things",
    "/users/7",
    "/nothing",
    "/rpc/shop/list",
    "/docs/other",
  ];
  for (const path of closed) {
    test(`fetch() answers ${path} with 401 when the token is missing, wrong or expired`, async () => {
      const { get } = openApi();
      for (const token of [undefined, "wrong", "expired"]) {
        const response = await get(path, token);
        expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
        expect((await problem(response)).code).toBe("rpc.unauthenticated");
      }
    });
  }

  test("fetch() answers a public path without a token to readers alone", async () => {
    const { app } = openApi();
    for (const [method, status] of [
      ["HEAD", 200],
      ["POST", 401],
      ["DELETE", 401],
      ["OPTIONS", 401],
    ] as const) {
      for (const path of ["/health", "/.well-known/keys"]) {
        const response = await app.fetch(new Request(`http://localhost${path}`, { method }), {});
        expect([method, path, response.status]).toEqual([method, path, status]);
      }
    }
  });

  test("fetch() answers 403 when the token's role is not enough, and does not read the body", async () => {
    const { app, inputs } = openApi();
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("was read")) });
    const headers = { authorization: "Bearer viewer" };
    const response = await app.fetch(
      new Request("http://localhost/things/a/buy", { method: "POST", headers, body }),
      {},
    );
    const told = await problem(response);
    expect([response.status, told.code, told.detail]).toEqual([
      403,
      "rpc.forbidden",
      "a viewer may read; shop.buy needs operate",
    ]);
    expect(inputs).toEqual([]);
  });

  test("fetch() answers 429 with Retry-After when the address is locked out", async () => {
    const response = await openApi().get("/things", "locked");
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "3"]);
    expect(await problem(response)).toEqual({
      type: "about:blank",
      title: "Too Many Requests",
      status: 429,
      detail: "too many wrong tokens",
      code: "auth.locked_out",
      retryable: true,
      data: { retryAfterMs: 2_500 },
    });
  });

  test("fetch() answers /readyz with 503 and /health with draining when the node drains", async () => {
    const { get } = openApi({ readiness: () => ({ live: true, ready: false, why: "draining" }) });
    const ready = await get("/readyz");
    expect([ready.status, (await problem(ready)).code]).toEqual([503, "node.not_ready"]);
    expect(await (await get("/health")).json()).toEqual({ status: "draining" });
    expect((await get("/livez")).status).toBe(200);
  });

  test("fetch() answers 404 when there is nothing, or this node has no such contract", async () => {
    const { get } = openApi();
    for (const [path, code] of [
      ["/nothing", "rpc.unknown_path"],
      ["/elsewhere", "rpc.unknown_contract"],
      ["/rpc/none", "rpc.unknown_contract"],
    ] as const) {
      const response = await get(path, "viewer");
      expect([response.status, (await problem(response)).code]).toEqual([404, code]);
    }
  });

  test("fetch() answers 404 at a path without content, with what else the method tells, and 200 under /rpc", async () => {
    const { get, send } = openApi();
    const missing = await get("/price?id=tea", "viewer");
    expect([missing.status, await problem(missing)]).toMatchObject([
      404,
      { code: "rpc.not_found", data: { asked: "tea" } },
    ]);
    expect(await (await get("/price?id=free", "viewer")).json()).toEqual({ asked: "free", price: 0 });
    expect((await send("POST", "/rpc/shop/price", '{"id":"tea"}')).status).toBe(200);
  });

  test("fetch() answers 405 with Allow when the verb is another", async () => {
    const { send } = openApi();
    const cases = [
      ["DELETE", "/things", "GET, HEAD, OPTIONS"],
      ["DELETE", "/users/7", "GET, HEAD, PUT, OPTIONS"],
      ["GET", "/rpc/shop/list", "POST, OPTIONS"],
      ["POST", "/health", "GET, HEAD, OPTIONS"],
    ] as const;
    for (const [verb, path, allow] of cases) {
      const response = await send(verb, path);
      expect([path, response.status, response.headers.get("allow")]).toEqual([path, 405, allow]);
      expect((await problem(response)).code).toBe("rpc.wrong_verb");
    }
  });

  test("fetch() answers OPTIONS with Allow and without any word of cross-origin access", async () => {
    const response = await openApi().send("OPTIONS", "/things", undefined, { origin: "https://else.where" });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("fetch() answers HEAD as GET without a body", async () => {
    const { send } = openApi();
    for (const path of ["/things", "/health", "/docs", "/users/7"]) {
      const response = await send("HEAD", path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, ""]);
    }
  });

  test("fetch() answers 414 when the address is too long", async () => {
    const response = await openApi().get(`/things?cheap=${"x".repeat(8 * 1024)}`, "viewer");
    expect([response.status, (await problem(response)).code]).toEqual([414, "rpc.path_too_long"]);
  });

  test("fetch() sends every answer with the headers that keep it safe", async () => {
    const { get } = openApi();
    for (const [path, token] of [
      ["/health"],
      ["/things", "viewer"],
      ["/nothing", "viewer"],
      ["/nothing"],
      ["/metrics", "viewer"],
      ["/docs"],
    ] as const) {
      const { headers } = await get(path, token);
      expect([path, headers.get("x-content-type-options"), headers.get("referrer-policy")]).toEqual([
        path,
        "nosniff",
        "no-referrer",
      ]);
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("content-security-policy")).not.toContain("unsafe");
      expect(headers.get("cache-control")).toBe(path === "/docs" ? "no-cache" : "no-store");
    }
  });

  test("fetch() tells metrics, the listing and the description to viewers only", async () => {
    const { get } = openApi();
    expect(await (await get("/metrics", "viewer")).text()).toBe("up 1\n");
    const listing = (await (await get("/rpc", "viewer")).json()) as {
      contracts: unknown[];
      services: { methods: object }[];
    };
    expect([listing.contracts.length, Object.keys(listing.services[0]!.methods)]).toEqual([
      1,
      ["get", "update", "me", "watch", "taken"],
    ]);
    expect(await (await get("/rpc/users", "viewer")).json()).toMatchObject({ name: "users", version: "1.2.0" });
    for (const path of ["/metrics", "/openapi.json", "/rpc"]) expect((await get(path, "scoped")).status).toBe(403);
  });

  test("fetch() serves the dashboard's pages without a token, before anything else", async () => {
    const pages = (path: string) =>
      path === "/" ? new Response("hello", { headers: { "x-from": "pages" } }) : undefined;
    const { get, send } = openApi({ pages });
    expect(await (await get("/")).text()).toBe("hello");
    expect((await send("POST", "/")).status).toBe(404);
  });

  test("fetch() answers 500 without a stack, and logs it, when a part behind it has a defect", async () => {
    const { get, warnings } = openApi({ metrics: () => Promise.reject(new TypeError("a bug")) });
    const told = await problem(await get("/metrics", "viewer"));
    expect(told).toMatchObject({ status: 500, code: "rpc.defect", detail: "a bug" });
    expect(warnings).toEqual(["a defect in the HTTP API"]);
  });

  test("counts() tells requests by route, verb and class of status, bytes and refused callers", async () => {
    const { app, get, send } = openApi();
    await get("/things", "viewer");
    await get("/things", "wrong");
    await get("/things", "locked");
    await send("POST", "/rpc/shop/list", "{}");
    await send("POST", "/rpc/users/get", '{"id":1}');
    await send("GET", "/users/9");
    const { routes, ...rest } = app.counts();
    const shown = routes.map(
      ({ verb, route, status, requests, latency }) => `${verb} ${route} ${status} ${requests} ${latency.total}`,
    );
    expect(shown.sort()).toEqual([
      "GET /things 2xx 1 1",
      "GET /users/:id 2xx 1 1",
      "GET other 4xx 2 2",
      "POST /rpc/{service}/{method} 2xx 2 2",
    ]);
    expect(rest).toMatchObject({ open: 0, receivedBytes: 10, authFailures: 1, lockedOut: 1 });
    expect(rest.sentBytes).toBeGreaterThan(400);
  });
});

describe("routes", () => {
  test("fetch() makes path, query and body one input, typed by the method's schema", async () => {
    const { get, send, inputs } = openApi();
    await get("/things?cheap=true&most=2.5&tags=a&tags=b", "viewer");
    const bought = await send("POST", "/things/te%2Fa/buy?pieces=2&gift=true", '{"pieces":3,"id":"coffee"}');
    expect([bought.status, await bought.json()]).toEqual([201, { bought: "te/a", pieces: 3, gift: true }]);
    expect(await (await send("POST", "/things/tea/give?gift=false", '{"gift":false}')).json()).toMatchObject({
      gift: true,
    });
    expect(inputs.slice(0, 2)).toEqual([
      { cheap: true, most: 2.5, tags: ["a", "b"] },
      { id: "te/a", pieces: 3, gift: true },
    ]);
  });

  test("fetch() tells every fault of an input with its path", async () => {
    const { get, send } = openApi();
    const told = await problem(await get("/things?cheap=maybe&most=1e&colour=red", "viewer"));
    expect(told).toMatchObject({ status: 400, code: "rpc.invalid_input" });
    const { faults } = told.data as { faults: { path: string }[] };
    expect(faults.map(({ path }) => path).sort()).toEqual(["", "cheap", "most"]);
    expect((await problem(await send("POST", "/things/tea/buy", "[1]"))).detail).toMatch(/no object/);
  });

  test("fetch() takes a body of any type, and none that is compressed", async () => {
    const { send } = openApi();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"]) {
      expect((await send("POST", "/things/tea/buy", "{}", { "content-type": type })).status).toBe(201);
    }
    const response = await send("POST", "/things/tea/buy", "{}", { "content-encoding": "gzip" });
    expect([response.status, (await problem(response)).code]).toEqual([415, "rpc.content_type"]);
  });

  test("fetch() refuses a query of too many fields, and a field named __proto__", async () => {
    const { get } = openApi();
    const many = Array.from({ length: 201 }, (_, index) => `a${index}=1`).join("&");
    expect((await get(`/things?${many}`, "viewer")).status).toBe(400);
    expect((await problem(await get("/things?__proto__=1", "viewer"))).code).toBe("rpc.bad_request");
  });
});

describe("pages", () => {
  async function walk(path: string): Promise<string[][]> {
    const { get } = openApi();
    const pages: string[][] = [];
    for (let next: string | undefined = path; next !== undefined && pages.length < 10; ) {
      const response = await get(next, "viewer");
      const { things, next_cursor } = (await response.json()) as { things: { id: string }[]; next_cursor?: string };
      pages.push(things.map(({ id }) => id));
      const link = response.headers.get("link");
      expect(link === null).toBe(next_cursor === undefined);
      next = link?.match(/^<(.+)>; rel="next"$/)?.[1];
    }
    return pages;
  }

  test("fetch() gives a list page by page, each item once, following Link", async () => {
    for (const path of ["/things?limit=3", "/behind?limit=3"]) {
      const pages = await walk(path);
      expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
      expect(pages.flat()).toEqual(Array.from({ length: 7 }, (_, index) => `thing-${index}`));
    }
    expect((await walk("/things")).length).toBe(1);
  });

  test("fetch() refuses a limit out of bounds and a cursor that it has not given out", async () => {
    const { get } = openApi();
    for (const query of [
      "limit=0",
      "limit=501",
      "limit=a",
      "limit=1.5",
      "cursor=nonsense",
      "cursor=W10",
      "cursor=a&cursor=b",
    ]) {
      const response = await get(`/things?${query}`, "viewer");
      expect([query, response.status, (await problem(response)).code]).toEqual([query, 400, "rpc.bad_request"]);
    }
  });
});
