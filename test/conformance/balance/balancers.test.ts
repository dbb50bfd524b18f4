import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../src/base/random.ts";
import { type Balancer, type Candidate, createBalancer } from "../../../src/protocol/balance/index.ts";
import { CASES, type Case } from "./cases.ts";
import { PROMISES } from "./promises.ts";

for (const each of CASES) {
  describe(each.name, () => {
    for (const { check, isOfFairness, text } of PROMISES) {
      if (isOfFairness && each.unfairness === Number.POSITIVE_INFINITY) continue;
      test(text, () => check(each));
    }
  });
}

type Pick = (...args: Parameters<Balancer["pick"]>) => string | undefined;

/** Round robin with one fault. */
function broken(fault: (good: Balancer) => Partial<Balancer> & { readonly pick?: Pick }): Case {
  const make = (): Balancer => {
    const good = createBalancer("ROUND_ROBIN", { random: seededRandom(1) });
    const whole: Balancer = {
      get remembered() {
        return good.remembered;
      },
      pick: (...args) => good.pick(...args),
      forget: (id) => good.forget?.(id),
    };
    return Object.defineProperties(whole, Object.getOwnPropertyDescriptors(fault(good)));
  };
  return { name: "broken", make, unfairness: 0.001 };
}

function byTrueChance(candidates: readonly Candidate[], exclude?: ReadonlySet<string>): string | undefined {
  const list = candidates.filter(({ id }) => exclude?.has(id) !== true);
  return list[Math.floor(Math.random() * list.length)]?.id;
}

const PLANTED: Readonly<Record<string, { readonly fault: Case; readonly broken: RegExp }>> = {
  "chooses the excluded": {
    fault: broken((good) => ({ pick: (candidates, _, nowMs) => good.pick(candidates, {}, nowMs) })),
    broken: /chooses one of those/,
  },
  "gives up at the first excluded one": {
    fault: broken((good) => ({
      pick: (candidates, choice, nowMs) =>
        choice.exclude?.has("a") ? undefined : good.pick(candidates, choice, nowMs),
    })),
    broken: /chooses one of those/,
  },
  "draws from a stream of its own": {
    fault: broken(() => ({ pick: (candidates, { exclude }) => byTrueChance(candidates, exclude) })),
    broken: /same seed/,
  },
  "always has somebody": {
    fault: broken((good) => ({ pick: (candidates, choice, nowMs) => good.pick(candidates, choice, nowMs) ?? "a" })),
    broken: /undefined when there is nobody/,
  },
  "prefers the first": {
    fault: broken(() => ({ pick: (candidates, { exclude }) => candidates.find(({ id }) => !exclude?.has(id))?.id })),
    broken: /is fair/,
  },
  "gives a newcomer everything until it has caught up": {
    fault: broken(() => {
      const counts = new Map<string, number>();
      const countOf = ({ id }: Candidate): number => counts.get(id) ?? 0;
      return {
        pick: (candidates, { exclude }) => {
          const list = candidates.filter(({ id }) => !exclude?.has(id));
          const id = list.sort((left, right) => countOf(left) - countOf(right))[0]?.id;
          if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
          return id;
        },
      };
    }),
    broken: /who comes/,
  },
  "compares everybody with everybody": {
    fault: broken((good) => ({
      pick: (candidates, choice, nowMs) => {
        for (const left of candidates) for (const right of candidates) if (left.id < right.id) continue;
        return good.pick(candidates, choice, nowMs);
      },
    })),
    broken: /fixed number of times/,
  },
  "never forgets": { fault: broken(() => ({ forget: () => {} })), broken: /leaves nothing/ },
  "counts without a limit": {
    fault: broken((good) => {
      let picks = 0;
      return {
        get remembered() {
          return picks;
        },
        pick: (...args) => {
          picks++;
          return good.pick(...args);
        },
      };
    }),
    broken: /no more than a limit/,
  },
};

describe("the suite", () => {
  test("finds no fault in round robin itself", () => {
    for (const { check } of PROMISES) check(broken(() => ({})));
  });

  for (const [name, { broken: promise, fault }] of Object.entries(PLANTED)) {
    test(`catches a balancer that ${name}`, () => {
      const check = PROMISES.find(({ text }) => promise.test(text))!.check;
      expect(() => check(fault)).toThrow();
    });
  }
});
