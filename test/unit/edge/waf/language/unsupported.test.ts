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
  [`SecRule ARGS "@eq 1" "id:1,msg:'x,deny"`, "syntax", "SecRule"],
  [`SecAction "id:1,msg:'x,deny"`, "syntax", "SecAction"],
  ['SecRule XML:/a/b/text() "@contains x" "id:1,deny"', "syntax", "XML:/a/b/text()"],
  ['SecRule STATUS_LINE|RULE "@contains x" "id:1,deny"', "syntax", "STATUS_LINE|RULE"],
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
  ['SecRule ARGS|XML://b/@q "@eq 1" "id:1"', "variable", "XML://b/@q"],
  ['SecAction "id:1,status:99"', "action", "status:99"],
  ['SecAction "id:1,status:101"', "action", "status:101"],
  ['SecAction "id:1,status:9999"', "action", "status:9999"],
  ['SecAction "id:1,severity:HUGE"', "action", "severity:HUGE"],
  ['SecAction "id:1,skip:some"', "action", "skip:some"],
  ['SecAction "id:1,allow:all"', "action", "allow:all"],
  ['SecRule ARGS "@eq 1" "id:1,chain"\nSecRule ARGS "@eq 1" "deny"', "action", "deny"],
  ['SecAction "id:1,ctl:ruleRemoveById=9-2"', "action", "ctl:ruleRemoveById=9-2"],
  ['SecAction "id:1,ctl:auditLogParts=+E"', "action", "ctl:auditLogParts"],
  ["SecAction \"id:1,msg:'%{NOPE.x}'\"", "variable", "%{NOPE.x}"],
];

test.each([...IGNORED])("%s: the rule stays, the part is told", (text, kind, what) => {
  const { ruleCount, unsupported } = load(text);
  expect(ruleCount).toBe(1);
  expect(unsupported).toMatchObject([{ file: "/r/main.conf", kind, what, effect: "ignored" }]);
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
  "SecRuleRemoveById 999999",
  'SecRuleUpdateActionById 1 "phase:3,deny"',
  'SecRuleRemoveByTag "open',
  "SecMarker",
  "SecRuleRemoveById 949-941",
  "SecRuleRemoveByTag nothing",
  "SecAuditEngine On",
  "SecCookieFormat 1",
  'SecArgumentSeparator "ab"',
])("%s is told with its place", (text) => {
  const { unsupported } = load(`# one\n${text}`);
  expect(unsupported).toMatchObject([{ file: "/r/main.conf", line: 2, kind: "directive", effect: "ignored" }]);
});

test("a second rule with an id that is taken is left out", () => {
  const { ruleCount, unsupported } = load('SecAction "id:5"\nSecAction "id:5"');
  expect(ruleCount).toBe(1);
  expect(unsupported).toMatchObject([{ line: 2, ruleId: 5, effect: "rule_left_out" }]);
});

test.each([
  ['SecRule ARGS "@eq 1" "id:1', true],
  ['SecRule ARGS "@nope 1" "id:1"', true],
  ['SecRule ARGS "@rx (" "id:1"', true],
  ['SecRule ARGS "@pmFromFile gone.data" "id:1"', true],
  ['SecRule NOPE "@eq 1" "id:1"', true],
  ['SecAction "id:1,nonsense"', true],
  ['SecAction "id:1,ctl:nope=1"', true],
  ["SecNonsense On", true],
  ["SecRequestBodyLimit many", true],
  ["Include /gone.conf", true],
  ['SecRule ARGS "@rbl x.example" "id:1"', false],
  ['SecRule ARGS "@rx \\p{L}" "id:1"', false],
  ['SecRule GEO "@eq 1" "id:1"', false],
  ['SecRule XML:/a/b "@eq 1" "id:1"', false],
  ['SecAction "id:1,exec:/bin/x"', false],
  ['SecAction "id:1,ctl:hashEngine=On"', false],
  ["SecAuditLog /x", false],
  ["SecRuleRemoveById 7", false],
])("%s: whether the file is wrong is %p", (text, isFault) => {
  const { unsupported } = load(text);
  expect(unsupported.length).toBeGreaterThan(0);
  expect(unsupported.some((item) => item.isFault)).toBe(isFault);
});

test("a rule that skips to a marker which does not follow skips nothing, and that is told", () => {
  const { entries, unsupported } = load(
    'SecMarker END\nSecAction "id:1,skipAfter:END"\nSecAction "id:2,skipAfter:3"\nSecAction "id:3"',
  );
  expect(entries.map((entry) => (entry.kind === "rule" ? entry.skipAfter : entry.kind))).toEqual([
    ...["marker", undefined, "3", undefined],
  ]);
  expect(unsupported).toMatchObject([{ line: 2, kind: "action", what: "skipAfter:END" }]);
});

test("what SecDefaultAction says that rules do not take from it is told", () => {
  const { unsupported } = load('SecDefaultAction "phase:9,deny,status:0,setvar:tx.a=1,nonsense"');
  expect(unsupported.map(({ what }) => what)).toEqual([
    "SecDefaultAction phase:9",
    "SecDefaultAction status:0",
    "SecDefaultAction setvar:tx.a=1",
    "SecDefaultAction nonsense",
  ]);
});
