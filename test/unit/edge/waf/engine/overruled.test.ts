/** What rule files say about limits, replies and other rules, and what becomes of it. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../../../../src/base/random.ts";
import { loadWaf, refusalsOf } from "../../../../../src/edge/waf/engine/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { ask, memoryFiles, SETTINGS, statusOf, wafOf } from "../../../../support/waf.ts";

const FORM = ["content-type", "application/x-www-form-urlencoded"];
const NO_RULE = 'SecRule REQUEST_METHOD "@streq NONE" "id:99,phase:1,pass,nolog"\n';

test.each([
  ["", 302],
  [",status:403", 302],
  [",status:307", 307],
  [",status:418", 302],
])("a redirect with the actions %j answers %d", (actions, status) => {
  const waf = wafOf(
    `SecDefaultAction "phase:1,log,deny,status:418"\nSecAction "id:1,phase:1,redirect:'https://x/'${actions}"`,
  );
  expect(ask(waf, {}).verdict).toMatchObject({ kind: "block", status, location: "https://x/" });
});

test("a status that is none of a reply's is told, and the rule answers 403", () => {
  for (const status of ["0", "99", "101", "9999"]) {
    const waf = wafOf(`SecAction "id:1,phase:1,deny,status:${status}"\n${NO_RULE}`);
    expect(waf.unsupported).toMatchObject([{ line: 1, isFault: true }]);
    expect(statusOf(ask(waf, {}))).toBe(403);
  }
});

test("SecRequestBodyNoFilesLimit refuses what is longer, not counting files", () => {
  const waf = wafOf(`SecRequestBodyNoFilesLimit 200\n${NO_RULE}`);
  const post = (type: string, body: string): number =>
    statusOf(ask(waf, { method: "POST", headers: ["content-type", type], body }));
  const part = (disposition: string): string => `--B\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
  const multipart = (disposition: string): string => `${part(disposition)}${"x".repeat(300)}\r\n--B--\r\n`;
  expect(post(FORM[1]!, `a=${"x".repeat(300)}`)).toBe(400);
  expect(post(FORM[1]!, "a=x")).toBe(200);
  expect(post("multipart/form-data; boundary=B", multipart('name="f"; filename="a"'))).toBe(200);
  expect(post("multipart/form-data; boundary=B", multipart('name="f"'))).toBe(400);
});

test("SecResponseBodyLimit bounds what is looked at of a reply", () => {
  const rules = 'SecRule RESPONSE_BODY "@contains secret" "id:1,phase:4,deny"';
  const reply = { body: `${"x".repeat(20)}secret` };
  expect(statusOf(ask(wafOf(rules), { reply }))).toBe(403);
  expect(statusOf(ask(wafOf(`SecResponseBodyLimit 10\n${rules}`), { reply }))).toBe(200);
});

test("HIGHEST_SEVERITY is that of the gravest rule that matched", () => {
  const waf = wafOf(`
SecRule ARGS "@rx z" "id:1,phase:2,pass,severity:2"
SecRule ARGS "@rx y" "id:2,phase:2,pass,severity:5"
SecRule HIGHEST_SEVERITY "@le 2" "id:3,phase:2,deny"`);
  expect(["/", "/?a=y", "/?a=zy"].map((target) => statusOf(ask(waf, { target })))).toEqual([200, 200, 403]);
});

test.each([
  ["SecResponseBodyAccess Off", {}, "SecResponseBodyAccess Off"],
  ["SecResponseBodyAccess On", { looksAtReplies: false }, "SecResponseBodyAccess On"],
  ["SecRequestBodyLimit 9999999", {}, "SecRequestBodyLimit 9999999"],
  ["SecResponseBodyLimit 9999999", {}, "SecResponseBodyLimit 9999999"],
  ["SecRequestBodyJsonDepthLimit 512", {}, "SecRequestBodyJsonDepthLimit 512"],
  ['SecAction "id:1,phase:3,deny"', { looksAtReplies: false }, "1 rules of phases 3 and 4, here first"],
  ['SecAction "id:1,phase:1,pass,ctl:requestBodyLimit=9999999"', {}, "ctl:requestBodyLimit=9999999"],
])("loadWaf() tells that the gateway file decides in another way than %s", (text, settings, what) => {
  expect(wafOf(`${text}\n${NO_RULE}`, settings).unsupported).toMatchObject([{ what, isFault: false }]);
});

test("loadWaf() tells mistakes first, then rules that are left out, then what is only ignored", () => {
  const waf = wafOf(`SecAuditLog x\nSecRule GEO "@eq 1" "id:1"\nSecNonsense x\n${NO_RULE}`);
  expect(waf.unsupported.map(({ line }) => line)).toEqual([3, 2, 1, 2]);
});

test("loadWaf() gives what the rule sets call themselves", () => {
  expect(wafOf(`SecComponentSignature "X/1"\n${NO_RULE}`).signatures).toEqual(["X/1"]);
});

test("loadWaf() takes plugins as the Core Rule Set documents it: configuration, before, rules, after", () => {
  const files = memoryFiles({
    "/r/crs-setup.conf": NO_RULE,
    "/r/rules/REQUEST-901.conf": "",
    "/r/plugins/foo-before.conf": "",
    "/r/plugins/foo-after.conf": "",
    "/r/plugins/foo-config.conf": "",
    "/r/plugins/bar-before.conf": "",
  });
  const loaded = loadWaf({ ...SETTINGS, rules: "/r" }, { files, clock: new SteppedClock(), random: seededRandom(1) });
  expect(loaded.files.map((file) => file.slice(3))).toEqual([
    ...["crs-setup.conf", "plugins/foo-config.conf", "plugins/bar-before.conf", "plugins/foo-before.conf"],
    ...["rules/REQUEST-901.conf", "plugins/foo-after.conf"],
  ]);
});

test("loadWaf() leaves out what exclude names by tag, and tells of an exclusion that means no rule", () => {
  const rule = 'SecRule ARGS "@contains x" "id:10,phase:2,deny,tag:attack-x"';
  const waf = wafOf(`${rule}\n${NO_RULE}`, { exclude: ["tag:attack-x", "999999"] });
  expect(statusOf(ask(waf, { target: "/?q=x" }))).toBe(200);
  expect(waf.unsupported).toMatchObject([
    { what: expect.stringContaining("SecRuleRemoveById 999999"), isFault: false },
  ]);
});

test("refusalsOf() names methods and gRPC calls that are refused whatever is in them", () => {
  const use = { methods: ["PUT", "PATCH", "DELETE"], isGrpc: true };
  const methods = 'SecRule REQUEST_METHOD "!@within GET POST PATCH" "id:1,phase:1,deny,severity:2"';
  const types = 'SecRule REQUEST_HEADERS:Content-Type "@contains grpc" "id:2,phase:2,deny,severity:2"';
  for (const mode of ["block", "detect"] as const)
    expect(refusalsOf(wafOf(`${methods}\n${types}`, { mode }).waf, use)).toEqual([
      { what: "PUT, DELETE", ruleIds: [1] },
      { what: "calls of gRPC", ruleIds: [2] },
    ]);
  expect(refusalsOf(wafOf(NO_RULE).waf, use)).toEqual([]);
  expect(refusalsOf(wafOf('SecAction "id:1,phase:1,deny"').waf, use)).toEqual([]);
});
