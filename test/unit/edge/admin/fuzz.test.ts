import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { openApi, problem } from "./support.ts";

const PATHS = [
  "/rpc/shop/list",
  "/rpc/shop/buy",
  "/rpc/users/get",
  "/rpc/users/watch",
  "/things/tea/buy",
  "/rpc/none/get",
];

async function requireRefusalOrSuccess(response: Response): Promise<void> {
  if (response.status < 300) return;
  expect([response.status >= 400, response.status < 500, response.status]).toEqual([true, true, response.status]);
  const told = await problem(response);
  expect(Object.keys(told)).toEqual(expect.arrayContaining(["type", "title", "status", "detail", "code", "retryable"]));
  expect(told.status).toBe(response.status);
}

describe("whatever is sent", () => {
  const json = fc.oneof(
    fc.json(),
    fc.nat(90).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '{"__proto__":{"id":"x"}}',
      '{"id":"\\ud800"}',
      '{"id":"\\u0000"}',
      '{"id":1e999}',
      "",
      "null",
      '"',
      "\u0000",
    ),
  );

  test("fetch() never answers 5xx and reports no defect when bodies are arbitrary texts", async () => {
    const { reported, send } = openApi();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), json, async (path, body) => {
        await requireRefusalOrSuccess(await send("POST", path, body));
      }),
      { numRuns: 600 },
    );
    expect(reported).toEqual([]);
  });

  test("fetch() never answers 5xx when bodies are arbitrary bytes", async () => {
    const { send } = openApi();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), fc.uint8Array({ maxLength: 100 }), async (path, bytes) => {
        await requireRefusalOrSuccess(await send("POST", path, Buffer.from(bytes)));
      }),
      { numRuns: 300 },
    );
  });

  test("fetch() never answers 5xx when addresses, verbs and headers are arbitrary", async () => {
    const { send } = openApi();
    const word = fc.oneof(
      fc.constantFrom("rpc", "shop", "things", "users", "..", "%2e%2e", "%ff", "%00", "*", ":id"),
      fc.webSegment(),
    );
    const path = fc
      .tuple(fc.array(word, { maxLength: 5 }), fc.webQueryParameters())
      .map(([words, query]) => `/${words.join("/")}?${query}`);
    const verb = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
    const header = fc.string({ unit: fc.constantFrom(..."0123456789-abcz;,/= "), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(verb, path, header, async (each, where, value) => {
        const headers = { "deadline-ms": value, traceparent: value, accept: value, "content-type": value };
        const response = await send(each, where, undefined, headers);
        // Whoever gives it a millisecond, or none, may be told that this was not enough.
        const isLate = response.status === 504 && /^\d+$/.test(value.trim());
        if (!isLate) expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 600, examples: [["POST", "/rpc/shop/list", "0"]] },
    );
  });
});

describe("bodies made to hurt", () => {
  const size = 1024 * 1024 - 64;
  const wide = `[${"1,".repeat(size / 2)}1]`;
  const bodies: readonly [string, string][] = [
    ["a million brackets", "[".repeat(size)],
    ["a deep object", '{"a":'.repeat(size / 5)],
    ["a million numbers", wide],
    ["many keys", `{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":0`).join(",")}}`],
    ["a wide list as a field", `{"tags":${wide.slice(0, size - 16)}]}`],
    ["a long number", "1".repeat(size)],
    ["many escapes", `"${"\\u0041".repeat(size / 6)}"`],
  ];
  for (const [what, body] of bodies) {
    test(`fetch() refuses ${what} before a parser or a schema sees it`, async () => {
      const { inputs, reported, send } = openApi();
      const seen: number[] = [];
      const parse = JSON.parse;
      JSON.parse = (text: string, ...rest) => {
        seen.push(text.length);
        return parse(text, ...rest);
      };
      try {
        const response = await send("POST", "/rpc/shop/list", body);
        expect([response.status < 500, response.status >= 400]).toEqual([true, true]);
      } finally {
        JSON.parse = parse;
      }
      // One number or one text is parsed in no time; what has structure is not parsed at all.
      if (/[[{]/.test(body)) expect(seen).toEqual([]);
      expect([inputs, reported]).toEqual([[], []]);
    });
  }
});
