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
  test("use() says the same as a memory that forgets nothing, as long as it is not full", () => {
    const uses = fc.array(
      fc.record({ id: fc.nat({ max: 20 }), livesMs: fc.nat({ max: 50 }), passMs: fc.nat({ max: 30 }) }),
    );
    fc.assert(
      fc.property(uses, (each) => {
        const [used, all] = [new UsedTokens(1000), new Map<number, number>()];
        let nowMs = 0;
        return each.every(({ id, livesMs, passMs }) => {
          nowMs += passMs;
          const isUsed = (all.get(id) ?? -1) >= nowMs;
          const use = used.use(String(id), nowMs + livesMs, nowMs);
          // Behind one that lives longer it may be remembered beyond its time, which refuses and never lets in.
          if (use === "first") all.set(id, nowMs + livesMs);
          return isUsed ? use === "again" : use === "first" || all.has(id);
        });
      }),
    );
  });

  test("use() keeps its bound and forgets what has expired", () => {
    const used = new UsedTokens(2);
    expect([used.use("a", 10, 0), used.use("b", 20, 0), used.use("c", 20, 10)]).toEqual(["first", "first", "full"]);
    expect([used.use("c", 20, 11), used.use("a", 30, 11), used.size]).toEqual(["first", "full", 2]);
  });
});
