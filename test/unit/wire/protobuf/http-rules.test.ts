/** Which method a path means. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { messageOfJson, requestOfMessage } from "../../../../src/wire/protobuf/index.ts";
import { codeOfCall } from "./outcomes.ts";
import { LIBRARY, load } from "./protos.ts";

const store = await load({ "library.proto": LIBRARY });

function matched(httpMethod: string, path: string): unknown {
  const found = store.http.match(httpMethod, path);
  return found === undefined ? undefined : [found.method.name, Object.fromEntries(found.captured)];
}

describe("HttpRules", () => {
  const CASES: readonly (readonly [method: string, path: string, expected: unknown])[] = [
    ["GET", "/v1/shelves/1/books/2", ["Get", { name: "shelves/1/books/2" }]],
    ["GET", "/v1/books/x", ["Get", { name: "x" }]],
    ["GET", "/v1/books/a%2Fb%20c", ["Get", { name: "a/b c" }]],
    ["GET", "/v1/shelves/a%2Fb/books/%C3%A4", ["Get", { name: "shelves/a%2Fb/books/ä" }]],
    ["PATCH", "/v1/shelves/7", ["Put", { "book.name": "shelves/7" }]],
    ["POST", "/v1/books:create", ["Create", {}]],
    ["GET", "/v1/files/a/b/c", ["List", { name: "a/b/c" }]],
    ["GET", "/v1/files/a", ["List", { name: "a" }]],
    ["HEAD", "/v1/heads/q", ["Head", { name: "q" }]],
    ["GET", "/v1/books/x:create", ["Get", { name: "x:create" }]],
    ["GET", "/v1/books/", undefined],
    ["GET", "/v1/books", undefined],
    ["POST", "/v1/books", undefined],
    ["DELETE", "/v1/books/x", undefined],
    ["GET", "/v1/shelves/1/books/2/3", undefined],
    ["GET", "/", undefined],
    ["GET", "", undefined],
  ];
  test.each(CASES)("match() %s %s", (method, path, expected) => {
    expect(matched(method, path)).toEqual(expected);
  });

  test("match() refuses when an encoding is no UTF-8", async () => {
    expect(await codeOfCall(() => store.http.match("GET", "/v1/books/%ff"))).toBe("protobuf.path");
  });

  test("allowed() names the methods that a path takes", () => {
    expect(["/v1/books/x", "/v1/books:create", "/v1/none/x"].map((path) => store.http.allowed(path))).toEqual([
      ["GET"],
      ["POST"],
      [],
    ]);
  });

  test("match() takes a literal before a variable when both fit, whatever the order", async () => {
    const rule = (name: string, path: string): string =>
      `rpc ${name}(A) returns (A) { option (google.api.http).get = "${path}"; }`;
    const rules = [
      rule("Any", "/v1/{n=**}"),
      rule("One", "/v1/{n}"),
      rule("Literal", "/v1/exact"),
      rule("Deep", "/v1/{n}/b"),
    ];
    for (const order of [rules, [...rules].reverse()]) {
      const text = `syntax = "proto3"; import "google/api/annotations.proto"; message A { string n = 1; } service S { ${order.join("\n")} }`;
      const { http } = await load({ "a.proto": text });
      expect(
        ["/v1/exact", "/v1/other", "/v1/exact/b", "/v1/exact/c"].map((path) => http.match("GET", path)?.method.name),
      ).toEqual(["Literal", "One", "Deep", "Any"]);
    }
  });

  test("match() never throws anything but a failure of the path when a path is anything", () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const found = store.http.match("GET", path);
        expect(found === undefined || found.rule.template.startsWith("/v1/")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("requestOfMessage()", () => {
  function made(method: string, json: unknown, rule = 0): unknown {
    const { input, rules } = store.method(`/library.v1.Library/${method}`)!;
    const message = messageOfJson(input, JSON.stringify(json), { registry: store.registry });
    const { httpMethod, target, json: body } = requestOfMessage(rules[rule]!, input, message, store.registry);
    return [httpMethod, target, body === undefined ? undefined : JSON.parse(body)];
  }

  test("puts fields into path, query and body as the rule says", () => {
    expect(made("Get", { name: "shelves/a b/books/2", deep: true, parts: [1, 2], shelf: { theme: "x&y" } })).toEqual([
      "GET",
      "/v1/shelves/a%20b/books/2?deep=true&parts=1&parts=2&shelf.theme=x%26y",
      undefined,
    ]);
    expect(made("Put", { book: { name: "shelves/1", title: "t" }, force: true })).toEqual([
      "PATCH",
      "/v1/shelves/1?force=true",
      { title: "t" },
    ]);
    expect(made("Create", { title: "t" })).toEqual(["POST", "/v1/books:create", { title: "t" }]);
    expect(made("List", { name: "a/b" })).toEqual(["GET", "/v1/files/a/b", undefined]);
  });

  test.each([
    ["", 0],
    ["shelves/1", 0],
    ["shelves/../books/2", 0],
    ["houses/1/books/2", 0],
    ["..", 1],
  ])("refuses when the field of the path is %p", async (name, rule) => {
    expect(await codeOfCall(() => made("Get", { name }, rule))).toBe("protobuf.rule");
  });

  test("gives a path that means the same message when it is matched again", () => {
    const piece = fc
      .string({ minLength: 1, unit: "grapheme" })
      .filter((one) => one !== "." && one !== ".." && !/[:/%]/.test(one) && one.isWellFormed());
    fc.assert(
      fc.property(piece, piece, (shelf, book) => {
        const name = `shelves/${shelf}/books/${book}`;
        const [, target] = made("Get", { name }) as [string, string];
        expect(matched("GET", target)).toEqual(["Get", { name }]);
      }),
      { numRuns: 100 },
    );
  });
});
