import { describe, expect, test } from "bun:test";
import { IpNetworks } from "../../../src/base/ip-networks.ts";

function networks(...texts: string[]): IpNetworks {
  const read = IpNetworks.read(texts);
  if ("wrong" in read) throw new Error(read.wrong);
  return read;
}

describe("IpNetworks", () => {
  test("has() finds addresses of the networks, IPv4 also when it is written as IPv6, and remembers no wrong answer", () => {
    const some = networks("10.0.0.0/8", "192.0.2.7", "fd00::/8", "::ffff:172.16.0.0/108");
    for (const [address, isIn] of [
      ["10.255.0.1", true],
      ["::ffff:10.1.1.1", true],
      ["11.0.0.1", false],
      ["192.0.2.7", true],
      ["192.0.2.8", false],
      ["fdff::1", true],
      ["fe00::1", false],
      ["172.31.255.255", true],
      ["172.32.0.0", false],
      ["no address", false],
    ] as const)
      for (let again = 0; again < 2; again++)
        expect([address, some.has(address), some.contains(address)]).toEqual([address, isIn, isIn]);
    for (let n = 0; n < 3_000; n++) expect(some.has(`9.0.${n >> 8}.${n & 255}`)).toBe(false);
    expect(some.has("10.0.0.1")).toBe(true);
  });

  test("has() finds everything in /0 and nothing where there is no network", () => {
    expect(networks("::/0").has("203.0.113.9")).toBe(true);
    expect([networks().isEmpty, networks().has("10.0.0.1")]).toEqual([true, false]);
  });

  test("read() tells what is no network when one is none", () => {
    for (const text of ["10.0.0.0/33", "::/129", "ten", "10.0.0.0/", "10.0.0/8", ""])
      expect(IpNetworks.read(["10.0.0.0/8", text])).toEqual({ wrong: text });
  });
});
