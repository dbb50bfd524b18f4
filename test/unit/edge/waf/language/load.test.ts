import { expect, test } from "bun:test";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { loadRules, type Rule } from "../../../../../src/edge/waf/language/index.ts";
import { MatchRun, Subject } from "../../../../../src/edge/waf/match/index.ts";
import { load, memoryFiles, onlyRule } from "./files.ts";

test("loadRules() reads a rule with all its parts", () => {
  const rule = onlyRule(String.raw`
# a comment
SecRule ARGS|!ARGS:x|&REQUEST_HEADERS:Host "!@rx ^a\"b\d+$" \
    "id:10,\
    phase:request,\
    deny,status:429,\
    t:none,t:urlDecodeUni,t:lowercase,\
    msg:'It\'s %{tx.a}, really',\
    logdata:'found %{TX.0} in %{MATCHED_VAR_NAME}',\
    tag:'one',tag:'two/three',\
    ver:'1.2',rev:3,severity:'CRITICAL',\
    capture,multiMatch,nolog,\
    setvar:'tx.score=+%{tx.critical}',\
    skipAfter:END-X"
SecMarker END-X
`);
  expect(rule).toMatchObject({
    id: 10,
    phase: 2,
    file: "/r/main.conf",
    line: 3,
    disruptive: "deny",
    isBlock: false,
    status: 429,
    tags: ["one", "two/three"],
    version: "1.2",
    revision: "3",
    severity: 2,
    isLogged: false,
    skipAfter: "END-X",
    skip: 0,
  });
  expect(rule.msg?.parts).toEqual(["It's ", { collection: "TX", key: "a" }, ", really"]);
  const link = rule.links[0]!;
  expect(link.targets).toMatchObject([
    { collection: "ARGS", isCount: false, selector: undefined },
    { collection: "REQUEST_HEADERS", isCount: true, selector: { kind: "key", key: "Host" } },
  ]);
  expect(link.exclusions).toMatchObject([{ collection: "ARGS", selector: { kind: "key", key: "x" } }]);
  expect(link.operator).toMatchObject({ name: "rx", isNegated: true, argument: { text: '^a"b\\d+$' } });
  expect(link.operator.compiled.match(new Subject('a"b12'), new MatchRun(1e5))).toBe(true);
  expect(link.transformations.key).toBe("urldecodeuni,lowercase");
  expect([link.isCapture, link.isMultiMatch]).toEqual([true, true]);
  expect(link.effects).toMatchObject([{ kind: "setvar", collection: "tx", how: "add", key: { text: "score" } }]);
});

test("loadRules() takes a bare pattern as @rx and several lines as one", () => {
  expect(onlyRule('SecRule ARGS "^a b$" "id:1"').links[0]!.operator).toMatchObject({
    name: "rx",
    argument: { text: "^a b$" },
  });
  expect(onlyRule('SecRule ARGS \\\r\n "@eq 1" \\\r\n "id:1"').links[0]!.operator.name).toBe("eq");
  expect(onlyRule("SecRule ARGS @unconditionalMatch id:1").id).toBe(1);
});

test.each([
  ["ARGS:/^a|b/", { kind: "regex", text: "^a|b" }],
  ["TX:'/A\\/B/'", { kind: "regex", text: "A/B" }],
  ["XML:/*", { kind: "xpath", path: "/*" }],
  ["XML://@*", { kind: "xpath", path: "//@*" }],
  ["ARGS:user[a][b]", { kind: "key", key: "user[a][b]" }],
  ["TX.x", { kind: "key", key: "x" }],
])("loadRules() reads the variable %s", (text, selector) => {
  expect(onlyRule(`SecRule ${text}|ARGS_NAMES "@eq 1" "id:1"`).links[0]!.targets).toMatchObject([
    { selector },
    { collection: "ARGS_NAMES" },
  ]);
});

test("loadRules() keeps chains together and their effects apart", () => {
  const { entries } = load(`
SecRule ARGS "@contains a" "id:1,phase:1,block,chain,setvar:tx.a=1"
  SecRule ARGS "@contains b" "chain,t:lowercase"
    SecAction "setvar:!tx.a"
SecMarker END-A
SecAction "id:2,phase:1,pass,nolog"`);
  const [rule, marker, action] = entries;
  expect((rule as Rule).links.map(({ effects }) => effects.map(({ kind }) => kind))).toEqual([
    ["setvar"],
    [],
    ["unset"],
  ]);
  expect((rule as Rule).links.map(({ line }) => line)).toEqual([2, 3, 4]);
  expect(marker).toMatchObject({ kind: "marker", name: "END-A" });
  expect((action as Rule).links[0]!.targets).toEqual([]);
});

test("loadRules() applies SecDefaultAction of the phase to what follows it", () => {
  const { entries } = load(`
SecAction "id:1,phase:1,block"
SecDefaultAction "phase:1,nolog,auditlog,deny,status:418"
SecAction "id:2,phase:1,block"
SecAction "id:3,phase:2,block"
SecAction "id:4,phase:1,pass,log"
SecAction "id:5,phase:1"`);
  const seen = (entries as Rule[]).map(({ disruptive, isBlock, status, isLogged }) => [
    disruptive,
    isBlock,
    status,
    isLogged,
  ]);
  expect(seen).toEqual([
    ["pass", true, undefined, true],
    ["deny", true, 418, false],
    ["pass", true, undefined, true],
    ["pass", false, 418, true],
    ["deny", false, 418, false],
  ]);
});

test.each([
  ["allow", "allow"],
  ["allow:phase", "allow_phase"],
  ["allow:request", "allow_request"],
  ["drop", "drop"],
  ["redirect:'http://x/%{tx.a}'", "redirect"],
] as const)("loadRules() reads %s", (action, disruptive) => {
  expect(onlyRule(`SecAction "id:1,${action}"`).disruptive).toBe(disruptive);
});

test("loadRules() reads every form of setvar and its kin", () => {
  const actions = [
    "setvar:tx.a",
    "setvar:'tx.B=%{MATCHED_VAR}'",
    "setvar:tx.c=-2",
    "setvar:!ip.d",
    "setvar:'tx.n_%{tx.a}=+1'",
    "expirevar:ip.x=60",
    "initcol:ip=%{REMOTE_ADDR}_%{tx.h}",
    "setenv:e=1",
    "setsid:%{REQUEST_COOKIES.s}",
  ];
  const effects = onlyRule(`SecAction "id:1,${actions.join(",")}"`).links[0]!.effects;
  expect(effects).toMatchObject([
    { kind: "setvar", collection: "tx", key: { text: "a" }, how: "set", value: { text: "1" } },
    { kind: "setvar", key: { text: "b" }, how: "set", value: { isDynamic: true } },
    { kind: "setvar", how: "subtract", value: { text: "2" } },
    { kind: "unset", collection: "ip", key: { text: "d" } },
    { kind: "setvar", key: { isDynamic: true, parts: ["n_", { collection: "TX", key: "a" }] }, how: "add" },
    { kind: "expirevar", collection: "ip", seconds: { text: "60" } },
    { kind: "initcol", collection: "ip", key: { isDynamic: true } },
    { kind: "setenv", name: "e" },
    { kind: "setsid", value: { isDynamic: true } },
  ]);
});

test("loadRules() reads every form of ctl", () => {
  const controls = [
    "ruleRemoveById=1-5",
    "ruleRemoveByTag=^a",
    "ruleRemoveByMsg=b",
    "ruleRemoveTargetById=7;ARGS:user[pass]",
    "ruleRemoveTargetByTag=OWASP_CRS;ARGS:/^x/",
    "ruleRemoveTargetByMsg=m;ARGS",
    "requestBodyProcessor=json",
    "forceRequestBodyVariable=On",
    "requestBodyAccess=Off",
    "responseBodyAccess=On",
    "requestBodyLimit=100",
    "responseBodyLimit=200",
    "ruleEngine=DetectionOnly",
  ];
  const text = `SecAction "id:1,${controls.map((each) => `ctl:${each}`).join(",")}"`;
  expect(load(text).unsupported).toEqual([]);
  expect(onlyRule(text).links[0]!.effects).toMatchObject([
    { what: "ruleRemoveById", ids: [{ first: 1, last: 5 }] },
    { what: "ruleRemoveByTag", text: "^a" },
    { what: "ruleRemoveByMsg" },
    { what: "ruleRemoveTargetById", ids: [{ first: 7, last: 7 }], target: { selector: { key: "user[pass]" } } },
    { what: "ruleRemoveTargetByTag", target: { selector: { kind: "regex" } } },
    { what: "ruleRemoveTargetByMsg", target: { collection: "ARGS" } },
    { what: "requestBodyProcessor", processor: "JSON" },
    { what: "forceRequestBodyVariable", isOn: true },
    { what: "requestBodyAccess", isOn: false },
    { what: "responseBodyAccess", isOn: true },
    { what: "requestBodyLimit", bytes: 100 },
    { what: "responseBodyLimit", bytes: 200 },
    { what: "ruleEngine", mode: "DetectionOnly" },
  ]);
});

test("loadRules() reads every setting", () => {
  const { settings, unsupported } = load(`
SecRuleEngine detectiononly
SecRequestBodyAccess On
SecRequestBodyLimit 1000
SecRequestBodyNoFilesLimit 100
SecRequestBodyLimitAction ProcessPartial
SecRequestBodyJsonDepthLimit 64
SecArgumentsLimit 500
SecResponseBodyAccess Off
SecResponseBodyLimit 2000
SecResponseBodyLimitAction Reject
SecResponseBodyMimeTypesClear
SecResponseBodyMimeType text/HTML text/plain
SecArgumentSeparator ";"
SecCookieFormat 0
SecCollectionTimeout 600
SecComponentSignature "X/1"
SecWebAppId shop`);
  expect(unsupported).toEqual([]);
  expect(settings).toEqual({
    engine: "DetectionOnly",
    requestBodyAccess: true,
    requestBodyLimit: 1000,
    requestBodyNoFilesLimit: 100,
    requestBodyLimitAction: "ProcessPartial",
    requestBodyJsonDepthLimit: 64,
    argumentsLimit: 500,
    responseBodyAccess: false,
    responseBodyLimit: 2000,
    responseBodyLimitAction: "Reject",
    responseBodyMimeTypes: ["text/html", "text/plain"],
    argumentSeparator: ";",
    collectionTimeoutSeconds: 600,
    componentSignatures: ["X/1"],
    webAppId: "shop",
  });
});

const THREE = `
SecRule ARGS "@contains a" "id:1,tag:'x/one',msg:'First',deny"
SecRule ARGS "@contains b" "id:2,tag:'x/two',msg:'Second',deny"
SecRule ARGS|REQUEST_URI "@contains c" "id:3,tag:'y',msg:'Third',deny,t:lowercase"
`;

function ids(text: string): number[] {
  return (load(text).entries as Rule[]).map(({ id }) => id);
}

test.each([
  ["SecRuleRemoveById 1 3", [2]],
  ["SecRuleRemoveById 2-9", [1]],
  ["SecRuleRemoveByTag ^x/", [3]],
  ["SecRuleRemoveByMsg 'Sec.nd'", [1, 3]],
] as [string, number[]][])("%s takes rules out, before them or behind", (directive, left) => {
  expect(ids(`${THREE}${directive}`)).toEqual(left);
  expect(ids(`${directive}\n${THREE}`)).toEqual(left);
});

test.each([
  'SecRuleUpdateTargetById 3 "!ARGS:q,REQUEST_BODY"',
  'SecRuleUpdateTargetByTag y "!ARGS:q|REQUEST_BODY"',
  'SecRuleUpdateTargetByMsg Third "!ARGS:q" \nSecRuleUpdateTargetById 3 "REQUEST_BODY"',
])("%s changes the variables of one rule", (directive) => {
  const rules = load(THREE + directive).entries as Rule[];
  expect(rules[2]!.links[0]!.exclusions.map(({ text }) => text)).toEqual(["ARGS:q"]);
  expect(rules[2]!.links[0]!.targets.map(({ text }) => text)).toEqual(["ARGS", "REQUEST_URI", "REQUEST_BODY"]);
  expect(rules[1]!.links[0]!.exclusions).toEqual([]);
});

test("SecRuleUpdateTargetById replaces a variable when it names one more", () => {
  const [rule] = load('SecRule ARGS|FILES "@eq 1" "id:1"\nSecRuleUpdateTargetById 1 ARGS_NAMES ARGS').entries as Rule[];
  expect(rule!.links[0]!.targets.map(({ text }) => text)).toEqual(["FILES", "ARGS_NAMES"]);
});

test("SecRuleUpdateActionById changes actions and keeps the id", () => {
  const rules = load(`${THREE}SecRuleUpdateActionById 3 "id:9,pass,status:404,t:none,t:trim,setvar:tx.a=1"`)
    .entries as Rule[];
  expect(rules[2]).toMatchObject({ id: 3, disruptive: "pass", status: 404 });
  expect(rules[2]!.links[0]!.transformations.key).toBe("trim");
  expect(rules[2]!.links[0]!.effects).toHaveLength(1);
});

test("Include reads files in the order of their names, relative to the file that names them", () => {
  const others = {
    "/r/rules/b.conf": 'SecAction "id:2"',
    "/r/rules/a.conf": 'SecAction "id:1"\nInclude ../r/extra.conf\nSecRule ARGS "@pmFromFile w.data" "id:3"',
    "/r/rules/../r/extra.conf": 'SecAction "id:7"',
    "/r/rules/w.data": "word\n",
  };
  const set = load("Include rules/*.conf\nIncludeOptional rules/none.conf\nIncludeOptional none/*.conf", others);
  expect(set.unsupported).toEqual([]);
  expect((set.entries as Rule[]).map(({ id }) => id)).toEqual([1, 7, 3, 2]);
});

test("Include of itself ends, and is told", () => {
  const files = memoryFiles({ "/r/a.conf": "Include a.conf" });
  const { unsupported } = finishAtOnce(loadRules([{ file: "/r/a.conf" }], files));
  expect(unsupported).toHaveLength(1);
  expect(unsupported[0]!.reason).toContain("16");
});

test("readers are given files that fail, and tell it", () => {
  const files = {
    read: () => {
      throw new Error("permission denied");
    },
    glob: () => [],
  };
  expect(finishAtOnce(loadRules([{ file: "/r/a.conf" }], files)).unsupported[0]).toMatchObject({
    file: "/r/a.conf",
    reason: "permission denied",
  });
});
