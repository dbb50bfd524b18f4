import { expect, test } from "bun:test";
import { ask, statusOf, wafOf } from "../../../../support/waf.ts";

const FORM = ["content-type", "application/x-www-form-urlencoded"];

test("Waf blocks with the rule's status and says which piece of which variable matched", () => {
  const waf = wafOf(
    `SecRule ARGS "@rx evil(\\d+)" "id:1,phase:2,deny,status:418,capture,severity:CRITICAL,tag:'paranoia-level/2',msg:'found %{TX.1}',logdata:'%{MATCHED_VAR_NAME}'"`,
  );
  const asked = ask(waf, { target: "/?a=fine&b=so%20evil42%01" });
  expect(statusOf(asked)).toBe(418);
  expect(asked.verdict).toMatchObject({ reason: "waf.rule", ruleId: 1, phase: "request body", message: "found 42" });
  expect(asked.record.matches).toMatchObject([
    {
      ruleId: 1,
      variable: "ARGS:b",
      piece: "evil42",
      data: "ARGS:b",
      severity: "critical",
      paranoia: 2,
      tags: ["paranoia-level/2"],
      line: 1,
    },
  ]);
});

test("Waf looks no further after a block, but correlates at the end", () => {
  const waf = wafOf(`
SecAction "id:1,phase:1,deny,log"
SecAction "id:2,phase:1,pass,log"
SecAction "id:3,phase:2,pass,log"
SecAction "id:4,phase:5,pass,log"`);
  expect(ask(waf, {}).ruleIds).toEqual([1, 4]);
});

test("Waf adds to a score for each value that matches, and blocks by it", () => {
  const waf = wafOf(`
SecRule ARGS "@contains x" "id:1,phase:2,pass,log,setvar:'tx.anomaly_score_pl1=+3'"
SecRule TX:anomaly_score_pl1 "@ge %{tx.inbound_anomaly_score_threshold}" "id:2,phase:2,deny,log,msg:'%{tx.anomaly_score_pl1}'"`);
  expect(statusOf(ask(waf, { target: "/?a=x&b=y" }))).toBe(200);
  const asked = ask(waf, { target: "/?a=x&b=x" });
  expect(asked.verdict).toMatchObject({ kind: "block", status: 403, reason: "waf.score", score: 6, message: "6" });
  expect(asked.record.matches.map(({ score }) => score)).toEqual([6, 6, 6]);
});

test("Waf looks at a chained rule once all values of the one before it were looked at", () => {
  const waf = wafOf(`
SecRule ARGS "@contains x" "id:1,phase:2,deny,log,chain,setvar:'tx.seen=+1'"
SecRule TX:seen "@eq 2" "chain"
SecRule MATCHED_VARS_NAMES "@rx ." "setvar:'tx.names=+1'"`);
  expect(statusOf(ask(waf, { target: "/?a=x&b=y" }))).toBe(200);
  expect(statusOf(ask(waf, { target: "/?a=x&b=x" }))).toBe(403);
});

test("Waf looks at matched variables once each, although matching them adds to them", () => {
  const waf = wafOf(`
SecRule ARGS "@contains x" "id:1,phase:2,pass,nolog,chain"
SecRule MATCHED_VARS "@contains y" "setvar:'tx.seen=+1'"
SecRule TX:seen "@rx (.*)" "id:2,phase:2,deny,capture,msg:'%{tx.1}'"`);
  expect(ask(waf, { target: "/?a=xy&b=yx&c=x" }).verdict).toMatchObject({ message: "2" });
});

test("Waf does what ctl says only when the whole chain has matched", () => {
  const waf = wafOf(`
SecRule ARGS:off "@eq 1" "id:1,phase:1,pass,nolog,chain,ctl:ruleRemoveById=3"
SecRule REQUEST_METHOD "@streq POST" ""
SecAction "id:3,phase:2,deny"`);
  expect(statusOf(ask(waf, { target: "/?off=1" }))).toBe(403);
  expect(statusOf(ask(waf, { target: "/?off=1", method: "POST" }))).toBe(200);
});

test("Waf goes on behind the marker that skipAfter names", () => {
  const waf = wafOf(`
SecRule ARGS:skip "@eq 1" "id:1,phase:2,pass,nolog,skipAfter:END"
SecAction "id:2,phase:2,deny,status:401"
SecMarker END
SecAction "id:3,phase:2,deny,status:402"`);
  expect(statusOf(ask(waf, { target: "/" }))).toBe(401);
  expect(statusOf(ask(waf, { target: "/?skip=1" }))).toBe(402);
});

test("Waf skips so many rules as skip says", () => {
  const waf = wafOf(`
SecAction "id:1,phase:2,pass,nolog,skip:1"
SecAction "id:2,phase:2,deny,status:401"
SecAction "id:3,phase:2,deny,status:402"`);
  expect(statusOf(ask(waf, {}))).toBe(402);
});

test.each([
  ["allow", 200, 200],
  ["allow:request", 200, 402],
  ["allow:phase", 401, 401],
] as const)("Waf stops looking where %s says so", (action, status, statusWithReply) => {
  const waf = wafOf(`
SecAction "id:1,phase:1,${action},nolog"
SecAction "id:2,phase:1,deny,status:400"
SecAction "id:3,phase:2,deny,status:401"
SecAction "id:4,phase:3,deny,status:402"`);
  expect(statusOf(ask(waf, {}))).toBe(status);
  expect(statusOf(ask(waf, { reply: {} }))).toBe(statusWithReply);
});

test("Waf drops and redirects", () => {
  expect(ask(wafOf('SecAction "id:1,phase:1,drop"'), {}).verdict).toMatchObject({ isDrop: true });
  const redirect = wafOf(`SecAction "id:1,phase:1,redirect:'https://x.example/?u=%{REQUEST_URI}'"`);
  expect(ask(redirect, { target: "/a" }).verdict).toMatchObject({ status: 302, location: "https://x.example/?u=/a" });
});

test("Waf takes block from SecDefaultAction", () => {
  const waf = wafOf(`
SecDefaultAction "phase:2,log,deny,status:406"
SecRule ARGS "@rx x" "id:1,phase:2,block"`);
  expect(statusOf(ask(waf, { target: "/?a=x" }))).toBe(406);
});

test.each([
  ["ctl:ruleRemoveById=10", 200],
  ["ctl:ruleRemoveById=9-11", 200],
  ["ctl:ruleRemoveById=11-12", 403],
  ["ctl:ruleRemoveByTag=attack-x", 200],
  ["ctl:ruleRemoveTargetById=10;ARGS:a", 200],
  ["ctl:ruleRemoveTargetById=10;ARGS:b", 403],
  ["ctl:ruleRemoveTargetByTag=attack-x;ARGS:a", 200],
  ["ctl:ruleEngine=Off", 200],
  ["ctl:ruleEngine=DetectionOnly", 200],
] as const)("Waf does %s", (control, status) => {
  const waf = wafOf(`
SecAction "id:1,phase:1,pass,nolog,${control}"
SecRule ARGS "@rx x" "id:10,phase:2,deny,tag:'attack-x'"`);
  expect(statusOf(ask(waf, { target: "/?a=x" }))).toBe(status);
});

test("Waf reads a body as what ctl says", () => {
  const waf = wafOf(`
SecAction "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=URLENCODED"
SecRule ARGS_POST:a "@streq x" "id:2,phase:2,deny"`);
  expect(statusOf(ask(waf, { method: "POST", headers: ["content-type", "text/plain"], body: "a=x" }))).toBe(403);
});

test("Waf looks at each form of a value where multiMatch says so", () => {
  const rule = (more: string): string => `SecRule ARGS "@streq %41" "id:1,phase:2,deny,t:none,t:urlDecode${more}"`;
  expect(statusOf(ask(wafOf(rule("")), { target: "/?a=%2541" }))).toBe(200);
  expect(statusOf(ask(wafOf(rule(",multiMatch")), { target: "/?a=%2541" }))).toBe(403);
});

test("Waf counts, negates and leaves variables out", () => {
  const status = (rule: string, target: string): number =>
    statusOf(ask(wafOf(`SecRule ${rule} "id:1,phase:2,deny,t:none"`), { target }));
  expect(status('&ARGS "@gt 1"', "/?a=1&b=2")).toBe(403);
  expect(status('&ARGS:A "@eq 1"', "/?a=1&b=2")).toBe(403);
  expect(status('ARGS|!ARGS:b "@streq 2"', "/?a=1&b=2")).toBe(200);
  expect(status('ARGS|!ARGS:/^b/ "@streq 2"', "/?a=1&bb=2")).toBe(200);
  expect(status('ARGS:/^B/ "!@streq 2"', "/?b1=2&b2=2")).toBe(200);
  expect(status('REQUEST_HEADERS:Absent "!@streq 2"', "/")).toBe(200);
  expect(status('REQBODY_PROCESSOR "!@streq URLENCODED"', "/")).toBe(403);
});

test("Waf keeps what rules remember of a client until it expires", () => {
  const waf = wafOf(`
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule IP:count "@ge 2" "id:2,phase:1,deny"
SecAction "id:3,phase:1,pass,nolog,setvar:'ip.count=+1',expirevar:'ip.count=60'"`);
  expect([1, 2, 3].map(() => statusOf(ask(waf, {})))).toEqual([200, 200, 403]);
  expect(statusOf(ask(waf, { client: "192.0.2.8" }))).toBe(200);
  waf.clock.sleep(61_000);
  expect(statusOf(ask(waf, {}))).toBe(200);
});

test("Waf looks at replies", () => {
  const waf = wafOf(`
SecRule RESPONSE_STATUS "@eq 500" "id:1,phase:3,deny,status:502"
SecRule RESPONSE_HEADERS:x-leak "@rx ." "id:2,phase:3,deny,status:503"
SecRule RESPONSE_BODY "@contains SQL error" "id:3,phase:4,deny,status:504"`);
  expect(statusOf(ask(waf, { reply: { status: 500 } }))).toBe(502);
  expect(statusOf(ask(waf, { reply: { headers: ["x-leak", "1"] } }))).toBe(503);
  expect(statusOf(ask(waf, { reply: { body: "an SQL error" } }))).toBe(504);
  expect(statusOf(ask(waf, { reply: { headers: ["content-type", "image/png"], body: "an SQL error" } }))).toBe(200);
});

test("Waf reads forms, JSON and XML into variables", () => {
  const waf = wafOf(`
SecRule ARGS_POST:p "@streq 1" "id:1,phase:2,deny,status:401"
SecRule ARGS:json.a.array_0 "@streq 1" "id:2,phase:2,deny,status:402"
SecRule XML:/* "@contains note" "id:3,phase:2,deny,status:405"
SecRule XML://@* "@contains attr" "id:4,phase:2,deny,status:406"
SecRule REQUEST_COOKIES:c "@streq 1" "id:5,phase:1,deny,status:407"`);
  const post = (type: string, body: string): number =>
    statusOf(ask(waf, { method: "POST", headers: ["content-type", type], body }));
  expect(post(FORM[1]!, "p=1")).toBe(401);
  expect(post("application/json", '{"a":[1]}')).toBe(402);
  expect(post("application/vnd.x+json", '{"a":[1]}')).toBe(402);
  expect(post("text/xml", "<a>a note</a>")).toBe(405);
  expect(post("application/soap+xml", '<a b="attr"/>')).toBe(406);
  expect(statusOf(ask(waf, { headers: ["cookie", "a=2; c=1"] }))).toBe(407);
});

test("Waf expands macros of requests, rules and variables", () => {
  const waf = wafOf(
    `SecRule ARGS:a "@rx (.)" "id:7,phase:2,deny,capture,severity:2,msg:'%{rule.id} %{REQUEST_HEADERS.host} %{tx.1} %{args.a} %{nothing.x}%{tx.nothing}|'"`,
  );
  expect(ask(waf, { target: "/?a=yz" }).verdict).toMatchObject({ message: "7 x.example y yz |" });
});

test("Waf refuses a request for which a rule cannot be decided", () => {
  const waf = wafOf(`SecRule ARGS:a "@rx ^%{args.b}$" "id:7,phase:2,deny,status:401"`);
  expect(statusOf(ask(waf, { target: "/?a=x&b=x" }))).toBe(401);
  expect(ask(waf, { target: "/?a=x&b=(" }).verdict).toMatchObject({ status: 403, reason: "waf.fault", ruleId: 7 });
});
