import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isPathFault, normalizePath } from "../../../../../src/edge/gateway/route/index.ts";

describe("normalizePath()", () => {
  test.each([
    ["/", "/"],
    ["/a/b", "/a/b"],
    ["/a/b/", "/a/b/"],
    ["/%61%2Db%7e", "/a-b~"],
    ["/a%20b%c3%a9", "/a%20b%C3%A9"],
    ["/a\u00c3\u00a9", "/a%C3%A9"],
    ['/a"<>^`{|}[]', "/a%22%3C%3E%5E%60%7B%7C%7D%5B%5D"],
    ["//a///b", "/a/b"],
    ["/a//", "/a/"],
    ["/a/./b/../c", "/a/c"],
    ["/a/%2e%2E/c", "/c"],
    ["/a/..", "/"],
    ["/a/b/.", "/a/b/"],
    ["/a//../b", "/b"],
    ["/.well-known/x", "/.well-known/x"],
    ["/...", "/..."],
    ["/a;v=1/b;w", "/a;v=1/b;w"],
    ["/%252e%252e/", "/%252e%252e/"],
    ["/a%3Fb%23", "/a%3Fb%23"],
  ])("normalizePath() gives the normal form when the path is %j", (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  test.each([
    ["", "does not begin with /"],
    ["a/b", "does not begin with /"],
    ["*", "does not begin with /"],
    ["/a%2fb", "encoded slash"],
    ["/a%5cb", "encoded slash or backslash"],
    ["/a\\b", "backslash"],
    ["/a%00", "encoded control"],
    ["/a%0d%0aX", "encoded control"],
    ["/a%7f", "encoded control"],
    ["/a%", "two hexadecimal digits"],
    ["/a%4", "two hexadecimal digits"],
    ["/a%g0", "two hexadecimal digits"],
    ["/a%c0%af", "not UTF-8"],
    ["/a%ff", "not UTF-8"],
    ["/%c3/%a9", "not UTF-8"],
    ["/%c3a%a9", "not UTF-8"],
    ["/%ed%a0%80", "not UTF-8"],
    ["/..", "above its root"],
    ["/a/../../b", "above its root"],
    ["/%2e%2e/etc", "above its root"],
    ["/a/..;/b", "dots before a ;"],
    ["/a/.;x/b", "dots before a ;"],
    ["/a/..%3bx/b", "dots before a ;"],
    ["/a/%2e%2e;/b", "dots before a ;"],
    ["/;/b", "begins with a ;"],
    ["/a/;x=1/b", "begins with a ;"],
    ["/a/%3bx/b", "begins with a ;"],
    ["/a b", "0x20"],
    ["/a\tb", "0x09"],
    ["/a#b", "0x23"],
    ["/a\u0100", "0x100"],
  ])("normalizePath() refuses when the path is %j", (path, reason) => {
    expect(normalizePath(path)).toEqual({ fault: expect.stringContaining(reason) });
  });

  const piece = fc.constantFrom(
    "/",
    "/",
    "/",
    ".",
    "..",
    "a",
    "%2e",
    "%2E",
    "%61",
    "%20",
    "%c3%a9",
    ";",
    "%25",
    "{",
    "é",
    "%",
    "%2f",
    "b",
    "=",
    "\\",
  );
  const anyPath = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((parts) => `/${parts.join("")}`),
    fc.string({ unit: "binary-ascii", maxLength: 20 }).map((text) => `/${text}`),
  );

  test("normalizePath() gives what it would give again when the path is any", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const once = normalizePath(path);
        if (isPathFault(once)) return;
        expect(normalizePath(once)).toBe(once);
        expect(once).toMatch(/^(\/(?!\.{1,2}(\/|;|%3B|$))([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})*)+$/);
        expect(once.slice(0, -1)).not.toContain("//");
      }),
      { numRuns: 3000 },
    );
  });

  test("normalizePath() stands for the same resource as a URL parser finds when the path has nothing to refuse", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const once = normalizePath(path);
        if (isPathFault(once) || path.includes("//")) return;
        const decode = (text: string): string => decodeURIComponent(text);
        expect(decode(once)).toBe(decode(new URL(`http://h${path.replace("é", "%C3%A9")}`).pathname));
      }),
      { numRuns: 2000 },
    );
  });
});
