import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BODY_TIMEOUT_MS, CALLS_MAX, REQUEST_BYTES_MAX } from "../../../../src/wire/rpc/index.ts";
import { GUEST, OWNER, openShop, post, turns } from "./support.ts";

async function told(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  const type = response.status < 400 ? "application/json" : "application/problem+json";
  expect(response.headers.get("content-type")).toBe(type);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const PRICE = "/rpc/shop/price";

describe("serveContracts()", () => {
  test("serveContracts() answers 200 with the output when the input fits", async () => {
    const { handle } = openShop();
    const { status, body } = await told(await handle(post(PRICE, '{"thing":"tea","pieces":2}')));
    expect([status, body]).toEqual([200, { total: 6 }]);
  });

  const refusals: readonly [string, Request, number, string, RegExp][] = [
    [
      "the contract is not there",
      post("/rpc/store/price", "{}"),
      404,
      "rpc.unknown_contract",
      /"store"; there is shop$/,
    ],
    [
      "the method is not there",
      post("/rpc/shop/sell", "{}"),
      404,
      "rpc.unknown_method",
      /there are price, buy, wait, break/,
    ],
    ["the method is the prototype's", post("/rpc/shop/constructor", "{}"), 404, "rpc.unknown_method", /"constructor"/],
    ["the path is another", post("/elsewhere", "{}"), 404, "rpc.unknown_path", /\/rpc\/CONTRACT\/METHOD/],
    ["the path is too long", post("/rpc/shop/price/more", "{}"), 404, "rpc.unknown_path", /there is nothing at/],
    ["the verb is GET", new Request(`http://localhost${PRICE}`), 405, "rpc.wrong_verb", /POST is required/],
    ["a listing is posted", post("/rpc", "{}"), 405, "rpc.wrong_verb", /GET is required/],
    [
      "the type is text",
      post(PRICE, "{}", { "content-type": "text/plain" }),
      415,
      "rpc.content_type",
      /is text\/plain/,
    ],
    [
      "the type is a form's",
      post(PRICE, "a=1", { "content-type": "application/x-www-form-urlencoded" }),
      415,
      "rpc.content_type",
      /urlencoded/,
    ],
    [
      "the charset is foreign",
      post(PRICE, "{}", { "content-type": "application/json; charset=latin1" }),
      415,
      "rpc.content_type",
      /latin1/,
    ],
    ["the body is compressed", post(PRICE, "{}", { "content-encoding": "gzip" }), 415, "rpc.content_type", /as gzip/],
    ["the body is no JSON", post(PRICE, "{thing"), 400, "rpc.bad_request", /the input is no JSON/],
    ["the body is no UTF-8", post(PRICE, new Uint8Array([34, 255, 34])), 400, "rpc.bad_request", /no UTF-8/],
    ["the body is empty and a field is needed", post(PRICE, ""), 400, "rpc.invalid_input", /thing/],
    [
      "the deadline is no number",
      post(PRICE, "{}", { "deadline-ms": "soon" }),
      400,
      "rpc.bad_request",
      /deadline-ms is "soon"/,
    ],
    [
      "the version is another",
      post(PRICE, '{"thing":"a"}', { "contract-version": "2" }),
      409,
      "rpc.wrong_version",
      /as version 2; this is version 3/,
    ],
    [
      "the deadline has passed",
      post(PRICE, '{"thing":"a"}', { "deadline-ms": "0" }),
      504,
      "rpc.deadline_exceeded",
      /within 0 ms/,
    ],
    ["the input does not fit", post(PRICE, "[]"), 400, "rpc.invalid_input", /input of shop\.price: .*expected object/],
    ["the method refuses", post("/rpc/shop/break", '{"how":"not found"}'), 404, "shop.not_found", /no such thing/],
    ["the method fails for now", post("/rpc/shop/break", '{"how":"failure"}'), 503, "shop.closed", /Sundays/],
    [
      "its failure has data that is no JSON",
      post("/rpc/shop/break", '{"how":"strange data"}'),
      422,
      "shop.strange",
      /^strange$/,
    ],
    [
      "the method has a bug",
      post("/rpc/shop/break", '{"how":"bug"}'),
      500,
      "rpc.defect",
      /by a defect: undefined is not a shop/,
    ],
    ["the answer is no JSON", post("/rpc/shop/break", '{"how":"unwritable"}'), 500, "rpc.defect", /cannot be written/],
    ["the answer is too large", post("/rpc/shop/break", '{"how":"huge"}'), 500, "rpc.defect", /larger than/],
  ];
  for (const [when, request, expected, code, says] of refusals) {
    test(`serveContracts() answers ${expected} when ${when}`, async () => {
      const { status, body } = await told(await openShop().handle(request.clone() as Request));
      expect([status, body.code]).toEqual([expected, code]);
      expect(body.detail).toMatch(says);
      expect(typeof body.retryable).toBe("boolean");
    });
  }

  test("serveContracts() tells every fault with its path when an input has several", async () => {
    const { status, body } = await told(await openShop().handle(post(PRICE, '{"thing":7,"pieces":-1,"colour":"red"}')));
    const { faults } = body.data as { faults: { path: string; message: string }[] };
    expect(status).toBe(400);
    expect(faults.map(({ path }) => path).sort()).toEqual(["", "pieces", "thing"]);
    expect(body.detail).toContain("thing: ");
    expect(body.detail).toContain("colour");
  });

  test("serveContracts() answers 403 when a reader calls what operates", async () => {
    const { status, body } = await told(await openShop(GUEST).handle(post("/rpc/shop/buy", '{"thing":"tea"}')));
    expect([status, body.code]).toEqual([403, "rpc.forbidden"]);
    expect(body.detail).toBe("a guest may read; shop.buy needs operate");
  });

  test("serveContracts() refuses before it reads when the length told is beyond the limit", async () => {
    const request = post(PRICE, "{}", { "content-length": String(REQUEST_BYTES_MAX + 1) });
    expect((await told(await openShop().handle(request))).body.code).toBe("rpc.too_large");
    expect(request.bodyUsed).toBe(false);
  });

  test("serveContracts() stops reading when a body of no told length passes the limit", async () => {
    let sent = 0;
    const long = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        if (sent > REQUEST_BYTES_MAX * 4) return controller.close(); // so that a defect ends, too
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const { status, body } = await told(await openShop().handle(post(PRICE, long)));
    expect([status, body.code]).toEqual([413, "rpc.too_large"]);
    expect(sent).toBeLessThan(REQUEST_BYTES_MAX * 2);
  });

  test("serveContracts() takes a body of exactly the limit", async () => {
    const text = `{"thing":"${"x".repeat(REQUEST_BYTES_MAX - 12)}"}`;
    expect(Buffer.byteLength(text)).toBe(REQUEST_BYTES_MAX);
    expect((await openShop().handle(post(PRICE, text))).status).toBe(200);
    expect((await openShop().handle(post(PRICE, `${text} `))).status).toBe(413);
  });

  test("serveContracts() answers 408 when the body does not arrive", async () => {
    const { handle, clock } = openShop();
    const answer = handle(post(PRICE, new ReadableStream({ start() {} })));
    await turns();
    clock.advance(BODY_TIMEOUT_MS);
    expect((await told(await answer)).status).toBe(408);
    expect(clock.timers).toBe(0);
  });

  test("serveContracts() lists what there is when /rpc is asked for", async () => {
    const { handle } = openShop();
    const all = await told(await handle(new Request("http://localhost/rpc")));
    const one = await told(await handle(new Request("http://localhost/rpc/shop")));
    expect(all.body).toEqual({ contracts: [one.body] });
    expect(one.body).toMatchObject({ name: "shop", version: 3, methods: { price: { access: "read" } } });
    const none = await told(await handle(new Request("http://localhost/rpc/store")));
    expect([none.status, none.body.code]).toEqual([404, "rpc.unknown_contract"]);
  });
});

describe("Dispatcher", () => {
  test("call() answers 504 and aborts the method's signal when the deadline passes", async () => {
    const { handle, clock, waiting, dispatcher, finish } = openShop();
    const answer = handle(post("/rpc/shop/wait", "{}", { "deadline-ms": "250" }));
    await turns();
    clock.advance(249);
    expect(waiting[0]!.aborted).toBe(false);
    clock.advance(1);
    const { status, body } = await told(await answer);
    expect([status, body.code, body.detail]).toEqual([
      504,
      "rpc.deadline_exceeded",
      "shop.wait: not done within 250 ms",
    ]);
    expect(waiting[0]!.aborted).toBe(true);
    // It does not listen to its signal and still counts.
    expect(dispatcher.underWay).toBe(1);
    finish();
    await turns();
    expect(dispatcher.underWay).toBe(0);
  });

  test("call() aborts the method's signal when the caller goes", async () => {
    const { dispatcher, waiting, clock } = openShop();
    const gone = new AbortController();
    const call = { contract: "shop", method: "wait", input: {}, caller: OWNER, signal: gone.signal };
    const reply = dispatcher.call(call);
    await turns();
    gone.abort();
    expect(await reply).toMatchObject({ ok: false, failure: { code: "rpc.cancelled" } });
    expect([waiting[0]!.aborted, clock.timers]).toEqual([true, 0]);
    expect(await dispatcher.call(call)).toMatchObject({ ok: false, failure: { code: "rpc.cancelled" } });
    expect(waiting).toHaveLength(1); // not even begun
  });

  test("call() refuses when as many as allowed are under way, and takes one again when one has ended", async () => {
    const { dispatcher, finish } = openShop();
    const call = (method: string, input: unknown) =>
      dispatcher.call({ contract: "shop", method, input, caller: OWNER });
    const held = Array.from({ length: CALLS_MAX }, () => call("wait", {}));
    expect(await call("price", { thing: "a" })).toMatchObject({
      ok: false,
      failure: { code: "rpc.busy", retryable: true },
    });
    finish();
    expect(await held[0]).toEqual({ ok: true, output: {} });
    expect(await call("price", { thing: "a" })).toEqual({ ok: true, output: { total: 1 } });
  });

  test("call() reports defects with what was thrown, and failures not", async () => {
    const reported: [string, unknown][] = [];
    const { dispatcher } = openShop(OWNER, { report: (...each) => reported.push(each) });
    const broken = (how: string) =>
      dispatcher.call({ contract: "shop", method: "break", input: { how }, caller: OWNER });
    await broken("failure");
    expect(reported).toEqual([]);
    await broken("bug");
    expect(reported.map(([what, thrown]) => [what, thrown instanceof TypeError])).toEqual([["shop.break", true]]);
  });
});

describe("properties", () => {
  const known = ["rpc", "shop", "price", "buy", "break", "__proto__", "constructor", ""];
  const segment = fc.oneof(fc.constantFrom(...known), fc.webSegment());
  const json = fc.oneof(
    fc.json(),
    fc.json({ maxDepth: 6 }),
    fc.string(),
    fc.constant('{"__proto__":{"thing":"x"},"thing":"y"}'),
  );

  test("serveContracts() answers in JSON with a fitting status whatever is posted", async () => {
    const { handle, dispatcher } = openShop();
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 5 }), json, async (path, body) => {
        const response = await handle(post(`/${path.join("/")}`, body));
        const answer = await told(response);
        if (answer.status === 200) return;
        expect(answer.status).toBeLessThan(600);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(["code", "detail", "retryable"]));
        expect(answer.body.code).not.toBe("rpc.defect");
        expect(dispatcher.underWay).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test("serveContracts() answers when the bytes are arbitrary", async () => {
    const { handle } = openShop();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect([200, 400]).toContain((await handle(post(PRICE, Buffer.from(bytes)))).status);
      }),
    );
  });

  test("serveContracts() answers when the nesting is as deep as the limit allows", async () => {
    const { handle } = openShop();
    const depth = REQUEST_BYTES_MAX / 2 - 8;
    const nested = "[".repeat(depth) + "]".repeat(depth);
    for (const path of [PRICE, "/rpc/shop/break"]) expect((await handle(post(path, nested))).status).toBe(400);
  });
});
