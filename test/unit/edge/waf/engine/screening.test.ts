/** What spares work finds what is found without it: filters, families of rules, variables looked at without a list, lists that are kept. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { diskWafFiles, type LoadedWaf } from "../../../../../src/edge/waf/engine/index.ts";
import { ARGUMENTS_MAX, INFLATE_RATIO_MAX, JSON_DEPTH_MAX } from "../../../../../src/edge/waf/engine/limits.ts";
import { type Plan, planRules } from "../../../../../src/edge/waf/engine/plan.ts";
import { Records } from "../../../../../src/edge/waf/engine/records.ts";
import { ruleFiles } from "../../../../../src/edge/waf/engine/sources.ts";
import { Waf } from "../../../../../src/edge/waf/engine/waf.ts";
import { loadRules, type RuleSource } from "../../../../../src/edge/waf/language/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { type Ask, ask, SETTINGS, wafOf } from "../../../../support/waf.ts";
import { wafCorpus } from "../../../../support/waf-corpus.ts";
import { RULES, request } from "./requests.ts";

const CRS = "/usr/share/modsecurity-crs/rules";

/** Nothing is left out: every rule asks every value by itself. */
function unspared(plan: Plan): Plan {
  for (const { links } of plan.rules)
    for (const link of links) Object.assign(link.link.operator.compiled, { filter: undefined });
  const plain = plan.rules.map((rule) => ({
    ...rule,
    links: rule.links.map((link) => ({ ...link, family: -1, isSingle: false })),
  }));
  return { ...plan, rules: plain, phases: plan.phases.map((rules) => rules.map(({ index }) => plain[index]!)) };
}

function wafBy(sources: readonly RuleSource[], change: (plan: Plan) => Plan): LoadedWaf {
  const clock = new SteppedClock();
  const set = finishAtOnce(loadRules(sources, ruleFiles(diskWafFiles())));
  const bytesMax = SETTINGS.bodyBytesMax;
  return {
    ...{ ruleCount: set.ruleCount, files: [], unsupported: [], signatures: [] },
    waf: new Waf({
      settings: { ...SETTINGS, mode: "detect" },
      plan: change(finishAtOnce(planRules(set))),
      records: new Records(() => clock.now(), 60),
      clock,
      random: seededRandom(1),
      bodyLimits: {
        bytesMax,
        inflatedBytesMax: bytesMax,
        inflateRatioMax: INFLATE_RATIO_MAX,
        jsonDepthMax: JSON_DEPTH_MAX,
        separator: "&",
      },
      argumentsMax: ARGUMENTS_MAX,
      isRequestBodyRead: true,
      replyTypes: ["text/html"],
    }),
  };
}

/** How many rules matched in all. */
function compare([spared, plain]: readonly [LoadedWaf, LoadedWaf], asks: readonly Ask[]): number {
  let matches = 0;
  for (const what of asks) {
    const [own, expected] = [ask(spared, what).record, ask(plain, what).record];
    expect({ ...own, steps: 0 }).toEqual({ ...expected, steps: 0 });
    matches += expected.matches.length;
  }
  return matches;
}

describe("what spares work", () => {
  test("finds what is found without it", () => {
    const sources = [{ file: "/rules/test.conf", text: RULES }];
    const both = [wafBy(sources, (plan) => plan), wafBy(sources, unspared)] as const;
    let matches = 0;
    fc.assert(
      fc.property(request, (what) => {
        matches += compare(both, [what]);
      }),
      { numRuns: 200, seed: 8 },
    );
    expect(matches).toBeGreaterThan(200);
  });

  test.skipIf(!existsSync(CRS))("finds it with the Core Rule Set too (needs modsecurity-crs)", () => {
    const level = `SecAction "id:1,phase:1,pass,nolog,setvar:tx.crs_setup_version=330,setvar:tx.paranoia_level=4"`;
    const names = diskWafFiles().list(CRS);
    const files = names.filter((name) => /^REQUEST-9[0-4].*\.conf$/.test(name)).sort();
    const sources = [{ file: "/setup.conf", text: level }, ...files.map((name) => ({ file: `${CRS}/${name}` }))];
    const both = [wafBy(sources, (plan) => plan), wafBy(sources, unspared)] as const;
    const samples = wafCorpus(12, 60).filter((_, at) => at % 30 === 0);
    const asks = samples.map(({ request: { body = "", ...sample } }): Ask => ({ ...sample, body }));
    expect(compare(both, asks)).toBeGreaterThan(asks.length);
  });
});

describe("RuleLists", () => {
  const TARGETS = "ARGS|ARGS_NAMES|REQUEST_BODY|REQUEST_COOKIES";
  const ID_OF = (rule: number): string => `"id:${rule},phase:${Math.floor(rule / 10)},pass,log`;
  const rules = [10, 20, 40].flatMap((phase) => [
    `SecRule ${TARGETS} "@rx (?i)needle" ${ID_OF(phase + 1)}"`,
    `SecRule ${TARGETS} "@rx (?i)needle" ${ID_OF(phase + 2)},t:lowercase"`,
    `SecRule ARGS_POST "@contains needle" ${ID_OF(phase + 3)}"`,
    `SecRule &ARGS "@eq 2" ${ID_OF(phase + 4)}"`,
    `SecRule REQBODY_ERROR|URLENCODED_ERROR "@eq 1" ${ID_OF(phase + 5)}"`,
    `SecRule RESPONSE_BODY "@contains needle" ${ID_OF(phase + 6)}"`,
  ]);
  const waf = wafOf(rules.join("\n"), { mode: "detect" });
  const post = { method: "POST", headers: ["content-type", "application/x-www-form-urlencoded"] };

  const idsOf = (what: Ask): readonly number[] => [...new Set(ask(waf, what).ruleIds)];

  test("of() means what has come since the phase before", () => {
    const late = { ...post, target: "/?a=1", body: "b=needle%zz", reply: { body: "a needle" } };
    expect(idsOf(late)).toEqual([21, 22, 23, 24, 25, 41, 42, 43, 44, 45, 46]);
  });

  test("of() means the same as in the phase before where nothing has come", () => {
    const query = { target: "/?a=NEEDLE&b=1", reply: {} };
    expect(idsOf(query)).toEqual([11, 12, 14, 21, 22, 24, 41, 42, 44]);
    const cookie = { ...post, headers: [...post.headers, "cookie", "c=needle"], reply: {} };
    expect(idsOf(cookie)).toEqual([11, 12, 21, 22, 41, 42]);
  });
});
