import { expect, test } from "bun:test";
import type { Unsupported } from "../../../../../src/edge/waf/language/index.ts";
import { load } from "./files.ts";

const LEFT_OUT: readonly [text: string, kind: Unsupported["kind"], what: string][] = [
  ['SecRule ARGS "@rbl x.example" "id:1"', "operator", "@rbl x.example"],
  ['SecRule ARGS "@nope" "id:1"', "operator", "@nope"],
  ['SecRule ARGS "@pmFromFile gone.data" "id:1"', "operator", "@pmFromFile gone.data"],
  ['SecRule ARGS "@ipMatch x" "id:1"', "operator", "@ipMatch x"],
  ['SecRule ARGS "@rx (a" "id:1"', "regex", "@rx (a"],
  ['SecRule ARGS "@eq 1" "id:1,t:rot13"', "transformation", "t:rot13"],
  ['SecRule ARGS "@eq 1" "id:1,phase:9"', "action", "phase:9"],
  ['SecRule ARGS "@eq 1" "phase:1"', "syntax", "id:0"],
  ["SecRule ARGS", "syntax", "SecRule"],
  ['SecRule ARGS "@eq 1" "id:1', "syntax", "SecRule"],
  ['SecRule ARGS "@eq 1" "id:1" "more"', "syntax", "more"],
  ['SecRule ARGS "@eq 1" "id:1,chain"', "syntax", "chain"],
  ['SecRule ARGS "@eq 1" "id:1,chain"\nSecMarker x', "syntax", "chain"],
  ['SecRule !ARGS:x "@eq 1" "id:1"', "syntax", "!ARGS:x"],
  ['SecRule ARGS "@eq 1" "id:1,chain"\nSecRule ARGS "@nope" ""', "operator", "@nope"],
];

test.each([...LEFT_OUT])("%s is left out and told", (text, kind, what) => {
  const { entries, unsupported } = load(`\n${text}`);
  expect(entries.filter((entry) => entry.kind === "rule")).toEqual([]);
  const told = unsupported.find((each) => each.effect === "rule_left_out" && each.kind === kind);
  expect(told).toMatchObject({ file: "/r/main.conf", what });
  expect(told!.line).toBeGreaterThanOrEqual(2);
  expect(told!.reason).not.toBe("");
});

const IGNORED: readonly [text: string, kind: Unsupported["kind"], what: string][] = [
  ['SecRule ARGS|GEO:COUNTRY_CODE "@eq 1" "id:1"', "variable", "GEO:COUNTRY_CODE"],
  ['SecRule ARGS|TX:/(/ "@eq 1" "id:1"', "regex", "TX:/(/"],
  ['SecAction "id:1,exec:/bin/x"', "action", "exec:/bin/x"],
  ['SecAction "id:1,proxy:http://x"', "action", "proxy:http://x"],
  ['SecAction "id:1,nonsense"', "action", "nonsense"],
  ['SecAction "id:1,setvar:x=1"', "action", "setvar:x=1"],
  ['SecAction "id:1,ctl:nope=1"', "action", "ctl:nope=1"],
  ['SecAction "id:1,ctl:ruleEngine=Maybe"', "action", "ctl:ruleEngine=Maybe"],
  ['SecAction "id:1,ctl:ruleRemoveTargetById=1"', "action", "ctl:ruleRemoveTargetById=1"],
  ['SecAction "id:1,initcol:tx=1"', "action", "initcol:tx=1"],
];

test.each([...IGNORED])("%s: the rule stays, the part is told", (text, kind, what) => {
  const { ruleCount, unsupported } = load(text);
  expect(ruleCount).toBe(1);
  expect(unsupported).toMatchObject(
    [{ file: "/r/main.conf", line: 1, kind, what, effect: "ignored", ruleId: 1 }].map(({ ruleId, ...rest }) => ({
      ...rest,
      ruleId,
    })),
  );
});

test.each([
  "SecAuditLog /var/log/x",
  "SecPcreMatchLimit 1000",
  "SecUnicodeMapFile unicode.mapping 20127",
  "SecNonsense On",
  "SecRuleEngine Perhaps",
  "SecRequestBodyLimit many",
  "Include /gone.conf",
  "Include /gone/*.conf",
  "SecRuleRemoveById x",
  "SecRuleUpdateTargetById 1",
  "SecRuleRemoveByTag (",
  'SecRuleUpdateTargetById 1 "!NOPE"',
])("%s is told with its place", (text) => {
  const { unsupported } = load(`# one\n${text}`);
  expect(unsupported).toMatchObject([{ file: "/r/main.conf", line: 2, kind: "directive", effect: "ignored" }]);
});

test("a second rule with an id that is taken is left out", () => {
  const { ruleCount, unsupported } = load('SecAction "id:5"\nSecAction "id:5"');
  expect(ruleCount).toBe(1);
  expect(unsupported).toMatchObject([{ line: 2, ruleId: 5, effect: "rule_left_out" }]);
});
