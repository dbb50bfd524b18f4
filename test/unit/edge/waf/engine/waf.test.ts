import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { Clock, Timer } from "../../../../../src/base/clock.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { type LoadedWaf, loadWaf, loadWafInTurns, type WafVerdict } from "../../../../../src/edge/waf/engine/index.ts";
import { ARGUMENTS_LIMIT_MAX, ARGUMENTS_MAX } from "../../../../../src/edge/waf/engine/limits.ts";
import { PROPOSAL_CLIENTS_MIN, PROPOSAL_REQUESTS_MIN } from "../../../../../src/edge/waf/engine/statistics.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { ask, memoryFiles, RULES_FILE, SETTINGS, statusOf, type TestWaf, wafOf } from "../../../../support/waf.ts";

const DENY_X = `SecRule ARGS "@rx x" "id:10,phase:2,deny,log,severity:CRITICAL,tag:'attack-x',msg:'an x'"`;
const FORM = "application/x-www-form-urlencoded";

test("loadWaf() refuses settings without any rule", () => {
  expect(() => wafOf("")).toThrow(expect.objectContaining({ code: "waf.rules_missing" }));
  expect(() => wafOf(DENY_X, { rules: "/nowhere" })).toThrow(expect.objectContaining({ code: "waf.rules_missing" }));
});

test("loadWaf() takes a directory's setup first, then all other files by name", () => {
  const files = memoryFiles({
    "/crs/rules/REQUEST-2.conf": 'SecAction "id:2,phase:1,deny,status:402"',
    "/crs/rules/REQUEST-10.conf": 'SecRule TX:paranoia_level "@eq 3" "id:3,phase:1,deny,status:401"',
    "/crs/crs-setup.conf": `SecAction "id:900000,phase:1,pass,nolog,setvar:'tx.paranoia_level=1'"`,
    "/crs/rules/words.data": "x",
  });
  const loaded = loadWaf(
    { ...SETTINGS, rules: "/crs", paranoia: 3 },
    { files, clock: new SteppedClock(), random: seededRandom(1) },
  );
  expect(loaded).toMatchObject({ ruleCount: 3, unsupported: [] });
  expect(loaded.files).toEqual(["/crs/crs-setup.conf", "/crs/rules/REQUEST-10.conf", "/crs/rules/REQUEST-2.conf"]);
  // What the gateway file says counts, not what the setup says.
  expect(statusOf(ask(loaded, {}))).toBe(401);
});

test("loadWafInTurns() lets others run at least once in a few rules, files and words, and loads the same", async () => {
  const rule = (at: number): string => `SecRule ARGS "@rx a{${at}}b|word${at}x?" "id:${at},phase:2,pass,msg:'${at}'"`;
  const part = (from: number): string => Array.from({ length: 100 }, (_, at) => rule(from + at)).join("\n");
  const texts = {
    "/r/a.conf": `${part(1)}\nInclude more/*.inc`,
    "/r/more/b.inc": part(101),
    "/r/words.data": Array.from({ length: 4_000 }, (_, at) => `phrase ${at * 7_919}`).join("\n"),
    "/r/z.conf": 'SecRule ARGS "@pmFromFile words.data" "id:900,phase:2,deny"',
  };
  const load = async (names: readonly string[]): Promise<readonly [LoadedWaf, number]> => {
    const files = memoryFiles(Object.fromEntries(Object.entries(texts).filter(([name]) => names.includes(name))));
    const clock = new LookedAtClock();
    const ports = { files, clock, random: seededRandom(1) };
    return [await loadWafInTurns({ ...SETTINGS, rules: "/r" }, ports), clock.turns];
  };
  const [, fewTurns] = await load(["/r/a.conf"]);
  const [all, allTurns] = await load(Object.keys(texts));
  const [words, wordsTurns] = await load(["/r/words.data", "/r/z.conf"]);
  // Each rule is read, built and planned: three pieces, of which four make a turn.
  expect(fewTurns).toBeGreaterThan(100 / 2);
  expect(allTurns - fewTurns).toBeGreaterThan(100 / 2);
  expect(wordsTurns).toBeGreaterThan(4_000 / 256 / 2);
  expect([all.ruleCount, words.ruleCount, all.unsupported]).toEqual([201, 1, []]);
  expect(statusOf(ask(all, { target: "/?a=a+phrase+7919+in+it" }))).toBe(403);
  const inOneGo = loadWaf(
    { ...SETTINGS, rules: "/r" },
    { files: memoryFiles(texts), clock: new SteppedClock(), random: seededRandom(1) },
  );
  expect([inOneGo.ruleCount, inOneGo.files]).toEqual([all.ruleCount, all.files]);
});

test("loadWafInTurns() fails with what loadWaf() fails with", async () => {
  const ports = { files: memoryFiles({}), clock: new LookedAtClock(), random: seededRandom(1) };
  expect(loadWafInTurns(SETTINGS, ports)).rejects.toMatchObject({ code: "waf.rules_missing" });
});

test("loadWaf() lists what it does not do, and an engine mode that the gateway file overrules", () => {
  const { unsupported } = wafOf(
    `SecRuleEngine Off\nSecRule GEO:COUNTRY_CODE "@streq X" "id:1,phase:1,deny"\n${DENY_X}`,
    { exclude: ['a"b'] },
  );
  expect(unsupported.map(({ what }) => what).join("\n")).toContain("GEO");
  expect(unsupported.map(({ what }) => what)).toContain("SecRuleEngine Off");
  expect(unsupported.map(({ what }) => what)).toContainEqual(expect.stringContaining('a"b'));
});

test("loadWaf() lets a rule file replace one of our own rules", () => {
  const broken = { method: "POST", headers: ["content-type", "application/json"], body: "{" };
  expect(statusOf(ask(wafOf(DENY_X), broken))).toBe(400);
  expect(
    statusOf(ask(wafOf(`SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,deny,status:422"\n${DENY_X}`), broken)),
  ).toBe(422);
});

test.each([
  ["10", 200],
  ["9-11", 200],
  ["attack-x", 200],
  ["10:ARGS:a", 200],
  ["10:ARGS:b", 403],
  ["attack", 403],
] as const)("loadWaf() leaves out what exclude names: %p", (exclude, status) => {
  const waf = wafOf(`${DENY_X}\nSecAction "id:12,phase:5,pass"`, { exclude: [exclude] });
  expect(statusOf(ask(waf, { target: "/?a=x" }))).toBe(status);
});

test("Waf in detect mode lets everything pass and keeps what it would have said", () => {
  const waf = wafOf(DENY_X, { mode: "detect" });
  const { verdict, record } = ask(waf, { target: "/?a=x" });
  expect(verdict).toEqual({ kind: "pass" });
  expect(record).toMatchObject({ verdict: { kind: "pass" }, wouldBe: { kind: "block", ruleId: 10 }, mode: "detect" });
  expect(waf.waf.counts()).toMatchObject({ transactions: 1, blocked: 0, wouldBlock: 1, matches: 1 });
});

test("Waf that is off looks at nothing", () => {
  expect(ask(wafOf(DENY_X, { mode: "off" }), { target: "/?a=x" }).ruleIds).toEqual([]);
});

test("proposals() names an exclusion once enough clients met the same rule at the same variable", () => {
  const waf = wafOf(DENY_X, { mode: "detect" });
  const meet = (client: number): void =>
    void ask(waf, { target: "/?q=xylophone", client: `192.0.2.${client}`, route: "shop" });
  for (let at = 0; at < PROPOSAL_REQUESTS_MIN; at += 1) meet(at % (PROPOSAL_CLIENTS_MIN - 1));
  expect(waf.waf.proposals()).toEqual([]);
  meet(100);
  ask(waf, { target: "/?q=fine", route: "shop" });
  expect(waf.waf.proposals()).toMatchObject([
    {
      directive: 'SecRuleUpdateTargetById 10 "!ARGS:q"',
      exclude: "10:ARGS:q",
      evidence: {
        requests: 21,
        clients: 5,
        routes: [{ route: "shop", requests: 21 }],
        share: 21 / 22,
        sample: "xylophone",
      },
    },
  ]);
  const [proposal] = waf.waf.proposals();
  expect(statusOf(ask(wafOf(DENY_X, { exclude: [proposal!.exclude] }), { target: "/?q=xylophone" }))).toBe(200);
});

test("proposals() are not made of what one client does", () => {
  const waf = wafOf(DENY_X, { mode: "detect" });
  for (let at = 0; at < 100; at += 1) ask(waf, { target: `/?q=x${at}` });
  expect(waf.waf.proposals()).toEqual([]);
});

test("Waf refuses a body beyond its limit, by its announcement and by its bytes", () => {
  const waf = wafOf(DENY_X, { bodyBytesMax: 10 });
  expect(ask(waf, { method: "POST", headers: ["content-length", "11"], body: "" }).verdict).toMatchObject({
    status: 413,
    reason: "waf.body_size",
  });
  expect(ask(waf, { method: "POST", body: "a".repeat(11) }).verdict).toMatchObject({
    status: 413,
    reason: "waf.body_size",
  });
  expect(statusOf(ask(waf, { method: "POST", body: "a".repeat(10) }))).toBe(200);
  expect(waf.waf.counts().bodiesRefused).toBe(2);
});

test("Waf looks into compressed bodies, and refuses those that it cannot or will not inflate", () => {
  const waf = wafOf(DENY_X);
  const post = (encoding: string, body: Uint8Array): ReturnType<typeof ask> =>
    ask(waf, { method: "POST", headers: ["content-type", FORM, "content-encoding", encoding], body });
  expect(statusOf(post("gzip", gzipSync("a=x")))).toBe(403);
  expect(statusOf(post("gzip", gzipSync("a=y")))).toBe(200);
  expect(post("zstd", Buffer.from("a=y")).verdict).toMatchObject({ status: 400, reason: "waf.body_encoding" });
  expect(post("gzip", gzipSync(Buffer.alloc(2 ** 20))).verdict).toMatchObject({
    status: 413,
    reason: "waf.body_inflated",
  });
});

test.each([["identity"], [""], ["gzip"]])(
  "Waf looks into a body when its coding stands in a second field behind %p",
  (first) => {
    const waf = wafOf(`${DENY_X}\nSecRule RESPONSE_BODY "@rx secret" "id:9,phase:4,deny,status:503"`);
    const codings = ["content-encoding", first, "content-encoding", "gzip"];
    const pack = (text: string): Uint8Array => (first === "gzip" ? gzipSync(gzipSync(text)) : gzipSync(text));
    expect(statusOf(ask(waf, { method: "POST", headers: ["content-type", FORM, ...codings], body: pack("a=x") }))).toBe(
      403,
    );
    const reply = { headers: ["content-type", "text/html", ...codings], body: pack("a secret") };
    expect(statusOf(ask(waf, { reply }))).toBe(503);
  },
);

test("Waf refuses too many arguments and cookies", () => {
  const waf = wafOf(`SecArgumentsLimit 3\n${DENY_X}`);
  expect(statusOf(ask(waf, { target: "/?a&b&c" }))).toBe(200);
  expect(ask(waf, { target: "/?a&b&c&d" }).verdict).toMatchObject({ status: 400, reason: "waf.arguments" });
  const json = { method: "POST", headers: ["content-type", "application/json"], body: "[1,2,3,4]" };
  expect(ask(waf, json).verdict).toMatchObject({ status: 400, reason: "waf.arguments" });
  expect(ask(wafOf(DENY_X), { headers: ["cookie", "a;".repeat(600)] }).verdict).toMatchObject({
    reason: "waf.arguments",
  });
});

test("SecArgumentsLimit raises the number of arguments up to a bound, and says when it is beyond", () => {
  const target = `/?${"a&".repeat(ARGUMENTS_MAX + 1)}`;
  expect(ask(wafOf(DENY_X), { target }).verdict).toMatchObject({ status: 400, reason: "waf.arguments" });
  const raised = wafOf(`SecArgumentsLimit ${ARGUMENTS_MAX + 10}\n${DENY_X}`);
  expect([statusOf(ask(raised, { target })), raised.unsupported]).toEqual([200, []]);
  const beyond = wafOf(`SecArgumentsLimit ${ARGUMENTS_LIMIT_MAX + 1}\nSecResponseBodyLimitAction Reject\n${DENY_X}`);
  expect(beyond.unsupported.map(({ what }) => what)).toEqual([
    "SecResponseBodyLimitAction Reject",
    `SecArgumentsLimit ${ARGUMENTS_LIMIT_MAX + 1}`,
  ]);
});

test("Waf refuses what breaks it, and only counts it in detect mode", () => {
  const broken = { headers: [undefined as unknown as string, "x"] };
  const headOf = ({ waf }: TestWaf): WafVerdict => {
    const context = { clientAddress: "192.0.2.7", clientPort: 1, serverAddress: "", serverPort: 80, route: "r" };
    const transaction = waf.transaction(context);
    const headers = broken.headers as string[];
    const verdict = transaction.requestHead({ method: "GET", target: "/", version: "1.1", authority: "x", headers });
    expect(transaction.end().wouldBe).toMatchObject({ status: 403, reason: "waf.fault" });
    return verdict;
  };
  const rules = 'SecRule REQUEST_HEADERS_NAMES "@rx x" "id:1,phase:1,deny"';
  const [blocking, detecting] = [wafOf(rules), wafOf(rules, { mode: "detect" })];
  expect(headOf(blocking)).toMatchObject({ kind: "block", status: 403, reason: "waf.fault", phase: "request head" });
  expect(headOf(detecting)).toEqual({ kind: "pass" });
  expect([blocking.waf.counts().faults, detecting.waf.counts().faults]).toEqual([1, 1]);
});

test("Waf says the same of a request however often it came before", () => {
  const rules = `${DENY_X}\nSecRule ARGS|ARGS_NAMES|REQUEST_HEADERS "@pm one two" "id:11,phase:2,pass,log,t:lowercase,t:base64Decode,multiMatch"`;
  const waf = wafOf(rules, { mode: "detect" });
  const requests = ["/?a=one", "/?one=b&a=T1dO", "/?a=xyz&b=two", "/?a=b"];
  const answers = (): unknown => requests.map((target) => ask(waf, { target }).record.matches);
  const first = answers();
  expect(JSON.stringify(first)).toContain("ARGS_NAMES:one");
  for (let round = 0; round < 4; round += 1) expect(answers()).toEqual(first);
});

test("Waf shows what matched a rule, not what matched the one before", () => {
  const rules = `SecRule ARGS "@pm one" "id:1,phase:2,pass,log"\nSecRule ARGS "@rx t.o" "id:2,phase:2,pass,log"`;
  const { record } = ask(wafOf(rules), { target: "/?a=one&b=two" });
  expect(record.matches.map(({ ruleId, piece }) => [ruleId, piece])).toEqual([
    [1, "one"],
    [2, "two"],
  ]);
});

/** Each look at it takes a millisecond; it counts the turns that others get. */
class LookedAtClock implements Clock {
  turns = 0;
  #ms = 0;

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    this.#ms += 1;
    return this.#ms;
  }

  after(_delayMs: number, callback: () => void): Timer {
    this.turns += 1;
    queueMicrotask(callback);
    return { cancel: () => undefined };
  }
}

test("Waf.warmUp() takes turns with others and leaves no trace in counts", async () => {
  const clock = new LookedAtClock();
  const { waf } = loadWaf(SETTINGS, { files: memoryFiles({ [RULES_FILE]: DENY_X }), clock, random: seededRandom(1) });
  expect(clock.turns).toBe(0);
  await waf.warmUp();
  expect(clock.turns).toBeGreaterThan(20);
  expect(waf.counts()).toMatchObject({ transactions: 0, blocked: 0, matches: 0, faults: 0 });
});

test("Waf refuses a request that needs more steps than there are, and only counts it in detect mode", () => {
  const rules = Array.from(
    { length: 60 },
    (_, at) => `SecRule REQUEST_BODY "@rx a{${at + 1},}b[cd]+$" "id:${at + 1},phase:2,deny"`,
  ).join("\n");
  const slow = { method: "POST", headers: ["content-type", "text/plain"], body: "ab".repeat(500_000) };
  const blocking = wafOf(rules, { bodyBytesMax: 2 ** 20 });
  expect(ask(blocking, slow).verdict).toMatchObject({ status: 403, reason: "waf.budget" });
  const detecting = wafOf(rules, { bodyBytesMax: 2 ** 20, mode: "detect" });
  expect(ask(detecting, slow)).toMatchObject({
    verdict: { kind: "pass" },
    record: { wouldBe: { reason: "waf.budget" } },
  });
  expect(detecting.waf.counts().budgetExceeded).toBe(1);
});

test("Waf keeps names of clients out of directives and control characters out of logs", () => {
  const waf = wafOf(DENY_X, { mode: "detect" });
  const names = ["user[name].$id", "a;940000-949999", "/./", "b,!ARGS", '"q\n', "q|ARGS", "c'd", "x".repeat(1_000)];
  for (let at = 0; at < 40; at += 1) {
    const target = `/?${names.map((name) => `${encodeURIComponent(name)}=x%1b[31m`).join("&")}`;
    ask(waf, { target, client: `192.0.2.${at}` });
  }
  const proposals = waf.waf.proposals();
  expect(proposals.map(({ exclude }) => exclude)).toEqual(["10:ARGS:user[name].$id"]);
  expect(proposals[0]!.directive).toBe('SecRuleUpdateTargetById 10 "!ARGS:user[name].$id"');
  expect(proposals[0]!.evidence.sample).toBe("x.[31m");
});

test("Waf takes all addresses of one IPv6 network for one client", () => {
  const waf = wafOf(DENY_X, { mode: "detect" });
  for (let at = 0; at < 40; at += 1) ask(waf, { target: "/?q=x", client: `2001:db8::${at.toString(16)}` });
  expect(waf.waf.proposals()).toEqual([]);
});
