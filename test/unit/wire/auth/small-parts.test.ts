/** Addresses as they are signed, and the memory of used tokens. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressText, audiencesOf } from "../../../../src/wire/auth/index.ts";
import { UsedTokens } from "../../../../src/wire/auth/used-tokens.ts";

describe("addressText()", () => {
  test("addressText() has one spelling for one address", () => {
    expect(addressText({ host: "Node.Example", port: 1 })).toBe("node.example:1");
    expect(addressText({ host: "10.0.0.1", port: 8080 })).toBe("10.0.0.1:8080");
    for (const host of ["FD00::1", "[fd00::1]"]) expect(addressText({ host, port: 8080 })).toBe("[fd00::1]:8080");
  });

  test("audiencesOf() has the id, each address, and the loopback spellings for those that listen there", () => {
    const address = { host: "127.0.0.1", port: 8080 };
    expect(audiencesOf("alpha", [address], true)).toEqual(["alpha", "127.0.0.1:8080", "localhost:8080", "[::1]:8080"]);
    expect(audiencesOf("alpha", [{ host: "10.0.0.1", port: 1 }], false)).toEqual(["alpha", "10.0.0.1:1"]);
  });
});

describe("UsedTokens", () => {
  const NEEDED_MS = 90;

  test("use() says the same as a memory that forgets nothing, as long as there is room", () => {
    const uses = fc.array(fc.record({ id: fc.nat({ max: 20 }), passMs: fc.nat({ max: 2 * NEEDED_MS }) }));
    fc.assert(
      fc.property(uses, (each) => {
        const [used, all] = [new UsedTokens(21, NEEDED_MS), new Set<number>()];
        let nowMs = 0;
        return each.every(({ id, passMs }) => {
          nowMs += passMs;
          const expected = all.has(id) ? "again" : "first";
          all.add(id);
          return used.use(String(id), nowMs) === expected;
        });
      }),
    );
  });

  test("use() keeps its bound, forgets the oldest that is not needed any more, and refuses when all are needed", () => {
    const used = new UsedTokens(2, NEEDED_MS);
    expect([used.use("a", 0), used.use("b", 10), used.use("c", NEEDED_MS)]).toEqual(["first", "first", "full"]);
    expect([used.use("c", NEEDED_MS + 1), used.use("b", NEEDED_MS + 1)]).toEqual(["first", "again"]);
    expect([used.use("a", NEEDED_MS + 10), used.size]).toEqual(["full", 2]);
  });
});
