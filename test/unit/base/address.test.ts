import { expect, test } from "bun:test";
import { formatAddress, parseAddress, parseHost, parsePort } from "../../../src/base/address.ts";

test("parseAddress() reads what formatAddress() writes", () => {
  for (const text of ["127.0.0.1:8080", "node1.example:0", "[::1]:65535", "[fe80::1]:1", "a:1"]) {
    expect(formatAddress(parseAddress(text)!)).toBe(text);
  }
});

test("parseAddress() refuses what is no address", () => {
  const bad = [
    "",
    "host",
    "host:",
    ":1",
    "host:65536",
    "host:-1",
    "::1:80",
    "[host]:1",
    "[::1]",
    "a b:1",
    "[::::]:1",
    "a:1:2",
    "[]:1",
  ];
  for (const text of [...bad, "-a:1", "a/b:1", "host:1x", `${"a".repeat(254)}:1`]) {
    expect([text, parseAddress(text)]).toEqual([text, undefined]);
  }
});

test("parseHost() takes brackets off, parsePort() takes digits only", () => {
  expect(parseHost("[::1]")).toBe("::1");
  expect(parseHost("::g")).toBeUndefined();
  expect(parsePort("0")).toBe(0);
  expect(parsePort(" 1")).toBeUndefined();
  expect(parsePort("1e3")).toBeUndefined();
});
