/** What a gateway is started with: refused where nobody could find it. */
import { describe, expect, test } from "bun:test";
import { requireReachable } from "../../../../src/app/gateway/settings.ts";

describe("requireReachable()", () => {
  test.each([
    ["127.0.0.1", ["10.0.0.1:8080"]],
    ["127.0.0.1", ["127.0.0.1:1", "[2001:db8::1]:8080"]],
    ["localhost", ["master.example:8080"]],
  ])("requireReachable() refuses a member at %s when it joins %p", (host, seeds) => {
    expect(() => requireReachable(host, seeds)).toThrow("--address with an address of this machine");
  });

  test.each([
    ["127.0.0.1", []],
    ["127.0.0.1", ["127.0.0.1:8080", "[::1]:8080", "localhost:1"]],
    ["10.0.0.7", ["10.0.0.1:8080"]],
  ])("requireReachable() takes a member at %s when it joins %p", (host, seeds) => {
    expect(() => requireReachable(host, seeds)).not.toThrow();
  });
});
