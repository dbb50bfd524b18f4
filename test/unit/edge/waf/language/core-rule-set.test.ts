import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { loadRules, type Rule, type RuleFiles, type RuleSet } from "../../../../../src/edge/waf/language/index.ts";
import { MatchRun, Regex, Subject } from "../../../../../src/edge/waf/match/index.ts";

const RULES = "/usr/share/modsecurity-crs/rules";
const SETUP = "/etc/modsecurity/crs/crs-setup.conf";
const isThere = existsSync(RULES);

const disk: RuleFiles = {
  read: (path) => (existsSync(path) ? readFileSync(path, "latin1") : undefined),
  glob: (pattern) => {
    const folder = pattern.slice(0, pattern.lastIndexOf("/"));
    const names = readdirSync(folder).filter((name) => name.endsWith(".conf"));
    return names.sort().map((name) => `${folder}/${name}`);
  },
};

function loadAll(): RuleSet {
  return finishAtOnce(
    loadRules([{ file: "/main.conf", text: `IncludeOptional ${SETUP}\nInclude ${RULES}/*.conf` }], disk),
  );
}

test("the Core Rule Set is installed where tests must not be skipped", () => {
  if (process.env.CI === "true") expect(isThere).toBe(true);
});

test.skipIf(!isThere)(
  "loadRules() reads the whole Core Rule Set but for what asks networks and maps (needs modsecurity-crs)",
  () => {
    const set = loadAll();
    const leftOut = new Set(set.unsupported.map(({ ruleId }) => ruleId));
    expect([...leftOut].sort()).toEqual([910100, 910140]);
    expect(
      set.unsupported
        .map(({ kind }) => kind)
        .filter((kind) => kind === "regex" || kind === "transformation" || kind === "directive"),
    ).toEqual([]);
    expect(set.ruleCount).toBeGreaterThan(500);
    expect(set.settings.componentSignatures[0]).toStartWith("OWASP_CRS/");
  },
);

test.skipIf(!isThere)(
  "each regular expression of the Core Rule Set agrees with JavaScript's on small values (needs modsecurity-crs)",
  () => {
    const values = [
      "",
      "abc",
      "' or 1=1--",
      "<script>alert(1)</script>",
      "../../etc/passwd",
      "a=b; cat /etc/passwd",
      "\x24{jndi:ldap://x}",
      "text/html; charset=utf-8",
    ];
    let compared = 0;
    for (const rule of loadAll().entries as Rule[]) {
      for (const link of rule.links ?? []) {
        const { name, argument } = link.operator;
        if (name !== "rx" || argument.isDynamic) continue;
        const own = Regex.compile(argument.text);
        const other = javascriptOf(argument.text);
        if (other === undefined) continue;
        compared += 1;
        for (const value of values)
          expect([rule.id, value, own.test(value, new MatchRun(1e7))]).toEqual([rule.id, value, other.test(value)]);
      }
    }
    expect(compared).toBeGreaterThan(200);
  },
);

/** Undefined: JavaScript reads it otherwise or not at all. */
function javascriptOf(source: string): RegExp | undefined {
  const isCaseless = /^\(\?i\)/.test(source);
  try {
    return new RegExp(source.replace(/^\(\?i\)/, "").replaceAll("[]", "[\\]"), isCaseless ? "msi" : "ms");
  } catch {
    return undefined;
  }
}

test.skipIf(!isThere)(
  "operators of the Core Rule Set take a bounded number of steps for 16 KiB of anything (needs modsecurity-crs)",
  () => {
    const size = 16_384;
    const rules = (loadAll().entries as Rule[]).flatMap((rule) => rule.links ?? []);
    for (const piece of ["'", "a", "select ", "1 or 1=1 ", "<a ", "../", "\\x41%41", "\x24{("]) {
      const subject = new Subject(piece.repeat(size / piece.length));
      const run = new MatchRun(Number.MAX_SAFE_INTEGER);
      for (const link of rules) {
        if (link.operator.argument.isDynamic) continue;
        const before = run.stepsLeft;
        link.operator.compiled.match(subject.through(link.transformations, run), run);
        expect([link.line, piece, before - run.stepsLeft < size * 60]).toEqual([link.line, piece, true]);
      }
    }
  },
);
