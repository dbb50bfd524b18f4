/** Nothing of ModSecurity's reference is ignored silently: a name is told at load, or it does something. */
import { expect, test } from "bun:test";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { loadRules } from "../../../../../src/edge/waf/language/index.ts";
import { MatchRun, Subject, transformationOf } from "../../../../../src/edge/waf/match/index.ts";
import { type Ask, ask, wafOf } from "../../../../support/waf.ts";
import { ACTIONS, CONTROLS, DIRECTIVES, OPERATORS, TRANSFORMATIONS, VARIABLES } from "../reference.ts";

const FILES = {
  read: (path: string) =>
    path.endsWith("words.txt") ? "abc\n" : path.endsWith("nets.txt") ? "192.0.2.0/24\n" : undefined,
  glob: () => [],
};

function told(text: string): readonly string[] {
  return finishAtOnce(loadRules([{ file: "/r/main.conf", text }], FILES)).unsupported.map(({ what }) => what);
}

const MULTIPART_TYPE = 'multipart/form-data; boundary="B"';
const PART = 'Content-Disposition: form-data; name="up"; filename="a.txt"\r\n\r\ndata\r\n';
const XML = ["content-type", "text/xml"];
const FORM = ["content-type", "application/x-www-form-urlencoded", "cookie", "s=1", "authorization", "Basic eDp5"];

/** Together they fill every variable. */
const REQUESTS: readonly Ask[] = [
  { method: "POST", target: "/p/x?q=%zz", headers: FORM, body: "a=1", reply: { body: "hi" } },
  { method: "POST", headers: ["content-type", MULTIPART_TYPE], body: `--B\r\n${PART}--B--\r\n` },
  { method: "POST", headers: XML, body: '<a b="c">d</a>' },
  { method: "POST", headers: XML, body: "<a" },
  { method: "POST", headers: ["content-type", "text/plain"], body: "x".repeat(70_000) },
  { reply: { headers: ["content-type", "text/html", "content-length", "99999999"], body: "hi" } },
];

/** Opens all records, and lets something match. */
const AROUND = `SecWebAppId shop
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},initcol:global=g,setsid:s,setuid:u,setrsc:r,setenv:e=1,setvar:tx.t=1"
SecAction "id:2,phase:1,pass,nolog,setvar:ip.v=1,setvar:global.v=1,setvar:session.v=1,setvar:user.v=1,setvar:resource.v=1"
SecRule REQUEST_METHOD "@rx ." "id:3,phase:1,pass,nolog,severity:2"
`;

test("each variable of the reference holds something in some request, or is told", () => {
  const known = VARIABLES.filter((name) => told(`SecRule ${name} "@rx ." "id:9"`).length === 0);
  expect(known.length).toBeGreaterThan(90);
  const dead = known.filter((name) => {
    const rule = `SecRule REQUEST_METHOD "@rx ." "id:9,phase:5,pass,log,chain"\nSecRule ${name} "@rx ." ""`;
    const waf = wafOf(`${AROUND}${rule}`, { mode: "detect" });
    expect(waf.unsupported).toEqual([]);
    return !REQUESTS.some((request) => ask(waf, request).ruleIds.includes(9));
  });
  expect(dead).toEqual([]);
});

/** An argument, and a value that matches. */
const OPERATOR_SAMPLES: Readonly<Record<string, readonly [argument: string, value: string]>> = {
  ...{ beginsWith: ["a", "ab"], contains: ["b", "abc"], containsWord: ["b", "a b c"], endsWith: ["b", "ab"] },
  ...{
    detectSQLi: ["", "1' or '1'='1"],
    detectXSS: ["", "<script>alert(1)</script>"],
    streq: ["a", "a"],
    strmatch: ["b", "abc"],
  },
  ...{ eq: ["1", "1"], ge: ["1", "2"], gt: ["1", "2"], le: ["2", "1"], lt: ["2", "1"], within: ["abc", "b"] },
  ...{
    ipMatch: ["192.0.2.0/24", "192.0.2.1"],
    ipMatchF: ["nets.txt", "192.0.2.1"],
    ipMatchFromFile: ["nets.txt", "192.0.2.1"],
  },
  ...{
    pm: ["a b", "xbx"],
    pmf: ["words.txt", "xabcx"],
    pmFromFile: ["words.txt", "xabcx"],
    rx: ["a+", "aa"],
    rxGlobal: ["a+", "aa"],
  },
  ...{ unconditionalMatch: ["", ""], validateByteRange: ["32-126", "\x01"], validateUrlEncoding: ["", "%zz"] },
  ...{ validateUtf8Encoding: ["", "\xff"], verifyCC: ["\\d{13,16}", "4111111111111111"] },
};

test("each operator of the reference matches something, or is told", () => {
  for (const name of OPERATORS) {
    const [argument, value] = OPERATOR_SAMPLES[name] ?? ["x", "x"];
    const text = `SecRule ARGS "@${name} ${argument}" "id:1"`;
    if (told(text).length > 0 || name === "noMatch") continue;
    const { entries } = finishAtOnce(loadRules([{ file: "/r/main.conf", text }], FILES));
    const [rule] = entries.filter((entry) => entry.kind === "rule");
    const isMatch = rule!.links[0]!.operator.compiled.match(new Subject(value), new MatchRun(1e5));
    expect([name, isMatch]).toEqual([name, true]);
  }
});

test("each transformation of the reference is known and changes something", () => {
  const value = " %41+/*x*/ &lt;\\n\0a  ../b/./c 0x4142 QUJD\xc3\xa9 -- # \\41 a/./b \x80 \\u0041 ";
  const same = TRANSFORMATIONS.filter((name) => name !== "none").filter(
    (name) => transformationOf(name)!.apply(value) === value,
  );
  expect(same).toEqual([]);
});

function shapeOf(text: string): string {
  const { entries, settings } = finishAtOnce(loadRules([{ file: "/r/main.conf", text }], FILES));
  return JSON.stringify([entries, settings]);
}

const ACTION_VALUES: Readonly<Record<string, string>> = {
  ...{
    ctl: "ruleEngine=Off",
    expirevar: "ip.a=1",
    initcol: "ip=x",
    logdata: "x",
    msg: "x",
    redirect: "/x",
    rev: "1",
    ver: "1",
  },
  ...{
    setenv: "a=1",
    setrsc: "x",
    setsid: "x",
    setuid: "x",
    setvar: "tx.a=1",
    severity: "2",
    skip: "1",
    skipAfter: "END",
  },
  ...{
    status: "401",
    t: "lowercase",
    tag: "x",
    append: "x",
    exec: "/x",
    prepend: "x",
    proxy: "x",
    xmlns: "x",
    pause: "1",
  },
};
/** What every rule says here, and what only describes it to people. */
const WITHOUT_EFFECT = ["id", "phase", "chain", "nolog", "drop", "auditlog", "accuracy", "maturity"];

test("each action of the reference changes its rule, or is told", () => {
  const withActions = (more: string): string =>
    `SecDefaultAction "phase:1,nolog,drop"\nSecRule ARGS "@rx a" "id:1,phase:1${more}"\nSecMarker END`;
  const plain = shapeOf(withActions(""));
  const silent = ACTIONS.filter((name) => !WITHOUT_EFFECT.includes(name)).filter((name) => {
    const text = withActions(`,${ACTION_VALUES[name] === undefined ? name : `${name}:${ACTION_VALUES[name]}`}`);
    return told(text).length === 0 && shapeOf(text) === plain;
  });
  expect(silent).toEqual([]);
});

const CONTROL_VALUES: Readonly<Record<string, string>> = {
  ...{
    requestBodyLimit: "1",
    responseBodyLimit: "1",
    requestBodyProcessor: "XML",
    ruleRemoveById: "1",
    ruleRemoveByMsg: "x",
  },
  ...{
    ruleRemoveByTag: "x",
    ruleRemoveTargetById: "1;ARGS",
    ruleRemoveTargetByMsg: "x;ARGS",
    ruleRemoveTargetByTag: "x;ARGS",
  },
};

test("each ctl of the reference makes an effect, or is told", () => {
  const silent = CONTROLS.filter((name) => {
    const text = `SecAction "id:1,ctl:${name}=${CONTROL_VALUES[name] ?? "On"}"`;
    return told(text).length === 0 && shapeOf(text) === shapeOf('SecAction "id:1"');
  });
  expect(silent).toEqual([]);
});

const DIRECTIVE_VALUES: Readonly<Record<string, string>> = {
  ...{
    SecAction: '"id:1"',
    SecRule: 'ARGS "@rx a" "id:1"',
    SecMarker: "X",
    SecArgumentSeparator: ";",
    SecCookieFormat: "1",
  },
  ...{
    SecDefaultAction: '"phase:2,deny"',
    SecRequestBodyLimitAction: "Reject",
    SecResponseBodyLimitAction: "ProcessPartial",
  },
  ...{
    SecRuleUpdateActionById: '7 "deny"',
    SecRuleUpdateTargetById: '7 "!ARGS:x"',
    SecRuleUpdateTargetByMsg: 'm "!ARGS:x"',
  },
  ...{
    SecRuleUpdateTargetByTag: 'y "!ARGS:x"',
    SecRuleRemoveById: "7",
    SecRuleRemoveByMsg: "m",
    SecRuleRemoveByTag: "y",
  },
  ...{
    SecResponseBodyMimeTypesClear: "",
    SecRuleEngine: "On",
    SecRequestBodyAccess: "On",
    SecResponseBodyAccess: "On",
  },
  ...{ SecWebAppId: "x", SecComponentSignature: "x", SecResponseBodyMimeType: "text/x" },
};

test("each directive of the reference changes something, or is told", () => {
  const rule = `SecRule ARGS "@rx a" "id:7,phase:2,block,tag:y,msg:'m'"`;
  const lines = (text: string): string => `${text}\n${rule}`;
  const silent = DIRECTIVES.filter((name) => {
    const text = lines(`${name} ${DIRECTIVE_VALUES[name] ?? "10"}`);
    return told(text).length === 0 && shapeOf(text) === shapeOf(lines("# nothing"));
  });
  expect(silent).toEqual([]);
});
