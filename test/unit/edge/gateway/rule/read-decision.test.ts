/** What a rule may decide, and what nobody does for it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { readDecision } from "../../../../../src/edge/gateway/rule/read-decision.ts";

const TARGETS = new Set(["main", "canary"]);

function faultOf(value: unknown): string {
  try {
    readDecision(value, TARGETS);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === "gateway.rule_invalid") return thrown.message;
    throw thrown;
  }
  return "none";
}

describe("readDecision()", () => {
  for (const [value, decision] of [
    [null, {}],
    [undefined, {}],
    ["canary", { target: "canary" }],
    [{}, {}],
    [{ target: "https://a.example:8443/base" }, { target: "https://a.example:8443/base" }],
    [{ target: "grpcs://a.example" }, { target: "grpcs://a.example" }],
    [{ path: "/a?b=c%20d" }, { path: "/a?b=c%20d" }],
    [{ path: "/" }, { path: "/" }],
    [
      { path: "/a.b/.well-known/..c/%2eword/a;v=1/?x=../..//%2f" },
      { path: "/a.b/.well-known/..c/%2eword/a;v=1/?x=../..//%2f" },
    ],
    [
      { headers: { "X-A": "1", gone: false, n: 3, empty: "" } },
      { headers: { "x-a": "1", gone: false, n: "3", empty: "" } },
    ],
    [{ reply: { status: 204 } }, { reply: { status: 204 } }],
    [
      { reply: { status: 599, headers: { "x-a": "\u00e4" }, body: "a\r\nb" } },
      { reply: { status: 599, headers: { "x-a": "\u00e4" }, body: "a\r\nb" } },
    ],
  ] as const) {
    test(`readDecision() takes ${JSON.stringify(value)}`, () => {
      expect(readDecision(value, TARGETS) as unknown).toEqual(decision);
    });
  }

  for (const [value, says] of [
    [7, "it is 7"],
    [[], "a list"],
    [{ other: 1 }, "the field other"],
    ["elsewhere", "one of main, canary"],
    [{ target: 7 }, "target is 7"],
    [{ target: "file:///etc/passwd" }, "target"],
    [{ target: "javascript://x" }, "target"],
    [{ target: "http://user@a.example" }, "target"],
    [{ target: "http://a.example/\r\nx" }, "target"],
    [{ target: "http://" }, "target"],
    [{ target: "HTTP://a.example" }, "target"],
    [{ path: "a" }, "path"],
    [{ path: "/a b" }, "path"],
    ...[
      "/..",
      "/../x",
      "/a/../../b",
      "/a/..",
      "/a/.",
      "/./a",
      "//a",
      "/a//b",
      "/a//",
      "/%2e%2e/x",
      "/.%2E/x",
      "/a/%2e",
    ].map((path) => [{ path }, "without dot segments"] as const),
    ...[
      "/a/..;/b",
      "/a/;/b",
      "/a/%2E.%3bx/b",
      "/a\\..\\b",
      "/a%2f..%2Fb",
      "/a%5cb",
      "/a%00b",
      "/a%1Fb",
      "/a%7f",
      "/a%2",
      "/a%zz",
    ].map((path) => [{ path }, "without dot segments"] as const),
    [{ path: "/..?a" }, "without dot segments"],
    [{ path: "/a#b" }, "path"],
    [{ path: "/\u00e4" }, "path"],
    [{ path: "/a\nb" }, "path"],
    [{ path: `/${"a".repeat(9_000)}` }, "path"],
    [{ headers: "x" }, "headers"],
    [{ headers: { "x a": "1" } }, "the name"],
    [{ headers: { ":path": "1" } }, "the name"],
    [{ headers: { "Content-Length": "1" } }, "the name"],
    [{ headers: { "transfer-encoding": "chunked" } }, "the name"],
    [{ headers: { connection: "x" } }, "the name"],
    [{ headers: { "x-a": "1\r\nx-b: 2" } }, "headers.x-a"],
    [{ headers: { "x-a": " 1" } }, "headers.x-a"],
    [{ headers: { "x-a": "\u20ac" } }, "headers.x-a"],
    [{ headers: { "x-a": true } }, "headers.x-a"],
    [{ headers: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`h${at}`, "1"])) }, "65 of them"],
    [{ headers: { Host: "a.example" } }, "the name host"],
    [{ reply: 404 }, "reply"],
    [{ reply: {} }, "reply.status"],
    [{ reply: { status: 101 } }, "reply.status"],
    [{ reply: { status: 199 } }, "reply.status"],
    [{ reply: { status: 600 } }, "reply.status"],
    [{ reply: { status: 200.5 } }, "reply.status"],
    [{ reply: { status: "200" } }, "reply.status"],
    [{ reply: { status: 200, body: 1 } }, "reply.body"],
    [{ reply: { status: 200, headers: { a: false } } }, "reply.headers.a"],
    [{ reply: { status: 200, other: 1 } }, "the field other"],
  ] as const) {
    test(`readDecision() refuses ${JSON.stringify(value).slice(0, 60)} and says "${says}"`, () => {
      expect(faultOf(value)).toContain(says);
    });
  }

  test("readDecision() lets nothing through that breaks a head when anything is decided", () => {
    const values = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.integer(),
      fc.constant(false),
      fc.constant("main"),
    );
    const decisions = fc.record(
      { target: values, path: values, headers: fc.dictionary(fc.string(), values) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(decisions, fc.anything()), (value) => {
        if (faultOf(value) !== "none") return;
        const { headers = {}, path = "/", reply } = readDecision(value, TARGETS);
        expect(path).toMatch(/^\/[!-~]*$/);
        for (const [name, text] of [...Object.entries(headers), ...Object.entries(reply?.headers ?? {})]) {
          expect(name).toMatch(/^[^\s:()<>@,;\\"/[\]?={}]+$/);
          expect(String(text)).not.toMatch(/[\r\n\0]/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
