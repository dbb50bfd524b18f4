/** Lookups under a name server that is silent or slow: how many there are, and who is remembered. */
import { describe, expect, test } from "bun:test";
import { DYNAMIC_LOOKUPS_MAX, LOOKUPS_MAX, NAMES_MAX } from "../../../../../src/edge/gateway/upstream/limits.ts";
import { type ResolvedAddress, Resolver } from "../../../../../src/edge/gateway/upstream/resolver.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";

const FOUND: readonly ResolvedAddress[] = [{ address: "192.0.2.1", family: 4, ttl: 60 }];

class Rig {
  readonly asked: string[] = [];
  readonly answers: ((found: readonly ResolvedAddress[]) => void)[] = [];
  readonly heard: string[] = [];
  readonly resolver = new Resolver((name) => {
    this.asked.push(name);
    return new Promise((resolve) => void this.answers.push(resolve));
  }, new SteppedClock());

  lookup(name: string, isDynamic = false): (answer: unknown) => void {
    const done = (answer: unknown) => {
      this.heard.push(Array.isArray(answer) ? `${name} ${answer}` : (answer as { code: string }).code);
    };
    this.resolver.lookup(name, isDynamic, done);
    return done;
  }
}

describe("lookup()", () => {
  test("lookup() asks once for a name however many wait for it, and tells those who still do", async () => {
    const rig = new Rig();
    const gone = rig.lookup("a.example");
    rig.lookup("a.example");
    rig.resolver.forget("a.example", gone);
    rig.answers[0]!(FOUND);
    await until("it is answered", () => rig.heard.length > 0);
    expect(rig.asked).toEqual(["a.example"]);
    expect(rig.heard).toEqual(["a.example 192.0.2.1"]);
  });

  test("lookup() does not ask again for a name that everybody has given up while it is looked up", () => {
    const rig = new Rig();
    for (let count = 0; count < 100; count++) rig.resolver.forget("a.example", rig.lookup("a.example"));
    expect(rig.asked.length).toBe(1);
  });

  test("lookup() leaves room for names of the file when clients name many", async () => {
    const rig = new Rig();
    for (let at = 0; at < DYNAMIC_LOOKUPS_MAX + 10; at++) rig.lookup(`h${at}.example`, true);
    expect(rig.asked.length).toBe(DYNAMIC_LOOKUPS_MAX);
    expect(rig.heard).toEqual(Array.from({ length: 10 }, () => "gateway.upstream_busy"));
    rig.lookup("up.example");
    expect(rig.asked.at(-1)).toBe("up.example");
    rig.answers[0]!(FOUND);
    await until("one is answered", () => rig.heard.includes("h0.example 192.0.2.1"));
    rig.lookup("later.example", true);
    expect(rig.asked.at(-1)).toBe("later.example");
  });

  test("lookup() refuses when as many names are looked up as may be", () => {
    const rig = new Rig();
    for (let at = 0; at < LOOKUPS_MAX + 1; at++) rig.lookup(`h${at}.example`);
    expect(rig.asked.length).toBe(LOOKUPS_MAX);
    expect(rig.heard).toEqual(["gateway.upstream_busy"]);
  });

  test("lookup() forgets answers before names that are looked up", async () => {
    const rig = new Rig();
    rig.lookup("slow.example");
    for (let at = 1; at <= NAMES_MAX; at++) {
      rig.lookup(`h${at}.example`);
      rig.answers[at]!(FOUND);
      if (at % 256 === 0) await until("they are answered", () => rig.heard.length === at);
    }
    rig.lookup("slow.example");
    rig.lookup("h2.example");
    expect(rig.asked.filter((name) => name === "slow.example").length).toBe(1);
    expect(rig.asked.filter((name) => name === "h2.example").length).toBe(1);
    rig.lookup("h1.example");
    expect(rig.asked.at(-1)).toBe("h1.example");
  });
});
