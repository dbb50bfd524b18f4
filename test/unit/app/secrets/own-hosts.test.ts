/** The addresses of this machine. */
import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import { ownHosts } from "../../../../src/app/secrets/own-hosts.ts";

describe("ownHosts()", () => {
  test("ownHosts() is the address itself when a node listens on one", () => {
    expect(ownHosts("10.0.0.1")).toEqual(["10.0.0.1"]);
    expect(ownHosts("::1")).toEqual(["::1"]);
  });

  test("ownHosts() is each address of this machine once when a node listens on every one", () => {
    for (const listening of ["0.0.0.0", "::", "[::]"]) {
      const hosts = ownHosts(listening);
      expect(hosts).toContain("127.0.0.1");
      expect(hosts.every((host) => isIP(host) !== 0)).toBe(true);
      expect(new Set(hosts).size).toBe(hosts.length);
    }
  });
});
