import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { stickyNames } from "../../../../../src/edge/gateway/upstream/sticky-names.ts";
import { planOf } from "../core/rig.ts";

function targetsOf(text: string) {
  return planOf(`route|r|/*|${text}`).routes[0]!.targets;
}

describe("stickyNames()", () => {
  test("stickyNames() calls targets by their names, others by three digits that say nothing of them", () => {
    const names = stickyNames(targetsOf("http://10.1.2.3:8080;name=stable http://10.1.2.4:8080"));
    expect([...names.values()]).toEqual(["stable", expect.stringMatching(/^[0-9a-f]{3}$/)]);
  });

  test("stickyNames() has no target of weight 0, unless it was given a name", () => {
    const targets = targetsOf("http://a http://b;weight=0 http://c;weight=0;name=canary");
    const names = stickyNames(targets);
    expect(targets.map((target) => names.has(target))).toEqual([true, false, true]);
  });

  test("stickyNames() calls each target otherwise, and keeps to it when others come behind", () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(some, (ports) => {
        const urls = ports.map((port) => `http://10.0.0.1:${port}`);
        const all = [...stickyNames(targetsOf(urls.join(" "))).values()];
        expect(new Set(all).size).toBe(urls.length);
        const fewer = stickyNames(targetsOf(urls.slice(0, Math.ceil(urls.length / 2)).join(" ")));
        expect([...fewer.values()]).toEqual(all.slice(0, fewer.size));
      }),
      { numRuns: 50 },
    );
  });

  test("stickyNames() gives no digits that are the name of another target", () => {
    const [plain] = stickyNames(targetsOf("http://a")).values();
    const names = [...stickyNames(targetsOf(`http://a http://b;name=${plain}`)).values()];
    expect(new Set(names).size).toBe(2);
  });
});
