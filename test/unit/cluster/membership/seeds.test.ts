import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SEEDS_MAX } from "../../../../src/cluster/membership/limits.ts";
import { parseSeed, resolveSeeds } from "../../../../src/cluster/membership/seeds.ts";
import { addressText } from "../../../../src/protocol/swim/index.ts";

const OWN = { host: "10.0.0.1", port: 1 };
const nowhere = async (): Promise<readonly string[]> => {
  throw new Error("no such name");
};

describe("parseSeed()", () => {
  test("parseSeed() reads back what an address is written as", () => {
    const host = fc.oneof(fc.ipV4(), fc.domain(), fc.constantFrom("::1", "fe80::1", "2001:db8::7"));
    fc.assert(
      fc.property(fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }), (address) => {
        fc.pre(address.host.length <= 128);
        expect(parseSeed(` ${addressText(address)} `)).toEqual(address);
      }),
    );
  });

  for (const text of [
    "",
    "a",
    "a:",
    ":1",
    "a:0",
    "a:65536",
    "a:1x",
    "::1:1",
    "[a]:1",
    "[::1]",
    "a b:1",
    `${"x".repeat(254)}:1`,
  ]) {
    test(`parseSeed() refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      expect(() => parseSeed(text)).toThrow("host:port is required");
    });
  }
});

describe("resolveSeeds()", () => {
  test("resolveSeeds() gives each address once, without its own, however it is written", async () => {
    const resolve = async (host: string) => (host === "self" ? ["10.0.0.1"] : ["10.0.0.2", "10.0.0.3", "10.0.0.1"]);
    const seeds = ["all:1", "10.0.0.2:1", "self:1", "self:2", "[::1]:1"].map(parseSeed);
    const { addresses, failed } = await resolveSeeds(seeds, OWN, resolve);
    expect(addresses.map(addressText)).toEqual(["10.0.0.2:1", "10.0.0.3:1", "10.0.0.1:2", "[::1]:1"]);
    expect(failed).toEqual([]);
    expect((await resolveSeeds([OWN], { host: "self", port: 1 }, resolve)).addresses).toEqual([]);
  });

  test("resolveSeeds() tells of names that cannot be looked up, and takes no more than it can use", async () => {
    const one = await resolveSeeds([parseSeed("a:1"), parseSeed("10.0.0.2:1")], OWN, nowhere);
    expect(one).toEqual({
      addresses: [{ host: "10.0.0.2", port: 1 }],
      failed: [{ seed: { host: "a", port: 1 }, why: "no such name" }],
    });
    const many = async () => Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`);
    expect((await resolveSeeds([parseSeed("a:1")], OWN, many)).addresses).toHaveLength(SEEDS_MAX);
  });
});
