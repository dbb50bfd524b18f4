/** Looking in turns, however short they are and whoever comes in between, finds what looking in one go finds. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import { diskWafFiles, type LoadedWaf, loadWaf, Turn } from "../../../../../src/edge/waf/engine/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { type Ask, type Asked, ask, askingInTurns, SETTINGS, wafOf } from "../../../../support/waf.ts";
import { wafCorpus } from "../../../../support/waf-corpus.ts";

const CRS = "/usr/share/modsecurity-crs";
const FORM = ["content-type", "application/x-www-form-urlencoded"];

/** One of each thing that rules do while they look: what they set, chain, capture, leave out and jump over. */
const RULES = [
  `SecRule ARGS "@rx (o)(n)e" "id:1,phase:2,pass,log,capture,t:lowercase,t:urlDecodeUni,msg:'one %{TX.1} in %{MATCHED_VAR_NAME}',setvar:tx.score=+2,tag:'paranoia-level/1'"`,
  `SecRule ARGS|ARGS_NAMES|REQUEST_HEADERS "@pm two three" "id:2,phase:2,pass,log,t:none,t:lowercase,t:base64Decode,multiMatch,setvar:tx.score=+1"`,
  `SecRule ARGS|!ARGS:free "@contains four" "id:3,phase:2,pass,log,chain,setvar:tx.first_%{MATCHED_VAR_NAME}=1"\nSecRule MATCHED_VARS "@rx four(.)" "capture,chain"\nSecRule TX:1 "@streq s" "setvar:tx.score=+3,t:lowercase"`,
  `SecRule ARGS_NAMES "@streq skip" "id:4,phase:2,pass,nolog,skipAfter:BEHIND"`,
  `SecRule ARGS "!@rx ^[a-z0-9 %=+-]*$" "id:5,phase:2,pass,log,setvar:tx.odd=+1"`,
  `SecRule &ARGS "@gt 6" "id:6,phase:2,pass,log,ctl:ruleRemoveTargetById=9;ARGS:a"`,
  `SecMarker BEHIND`,
  `SecRule ARGS "@contains %{tx.score}" "id:7,phase:2,pass,log"`,
  `SecRule REQUEST_BODY|ARGS|REQUEST_URI "@rx (?i)e(vil|ve){1,3}\\b" "id:8,phase:2,deny,status:406,log"`,
  `SecRule ARGS|XML:/*|FILES_NAMES "@rx x+y" "id:9,phase:2,pass,log,t:removeWhitespace,t:htmlEntityDecode,t:length,multiMatch"`,
  `SecRule TX:SCORE "@ge 9" "id:10,phase:2,deny,log,msg:'score %{tx.score}'"`,
  `SecRule RESPONSE_BODY "@rx leak" "id:11,phase:4,deny,log"`,
  `SecRule TX:odd "@gt 0" "id:12,phase:5,pass,log,msg:'odd %{tx.odd}'"`,
].join("\n");

const value = fc.constantFrom(
  ...["one", "ONE", "%6fne", "two", "dHdv", "fours", "fourt", "FOUR", "evil", "Eve", "x y", "&lt;x", "1", "3", ""],
  ...["four s four", "<b>xxy</b>", "o".repeat(80), "one two three four", "\xff\x00", "=?", "xy".repeat(50)],
);
const pair = fc.tuple(fc.constantFrom("a", "b", "free", "skip", "two", "c%61"), value);
const pairs = fc.array(pair, { maxLength: 12 });

const request: fc.Arbitrary<Ask> = fc
  .record({
    query: pairs,
    kind: fc.constantFrom("form", "json", "xml", "multipart", "none"),
    body: pairs,
    reply: value,
  })
  .map(({ body, kind, query, reply }) => ({
    method: kind === "none" ? "GET" : "POST",
    target: `/?${query.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&")}`,
    headers: [...typeOf(kind), "x-note", "three"],
    body: bodyOf(kind, body),
    reply: { body: `${reply} ${body.length > 9 ? "leak" : ""}` },
  }));

function typeOf(kind: string): readonly string[] {
  if (kind === "none") return [];
  if (kind === "form") return FORM;
  return ["content-type", { json: "application/json", xml: "text/xml" }[kind] ?? "multipart/form-data; boundary=B"];
}

function bodyOf(kind: string, body: readonly (readonly [string, string])[]): string {
  if (kind === "none") return "";
  if (kind === "form") return body.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&");
  if (kind === "json") return JSON.stringify(body.map(([name, text]) => ({ [name]: text, deep: [[], {}, [text]] })));
  if (kind === "xml") return `<r>${body.map(([, text]) => `<v>${text.replaceAll(/[<&]/g, "")}</v>`).join("")}</r>`;
  const part = ([name, text]: readonly [string, string]): string =>
    `--B\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
  return `${body.map(part).join("")}--B--\r\n`;
}

interface Taken {
  readonly asked: Asked;
  readonly pauses: number;
}

/** Turns that are over after the least piece of work that there is. */
function leastTurn(): Turn {
  return new Turn(() => 0, 0);
}

function askInLeastTurns(waf: LoadedWaf, what: Ask): Taken {
  const turn = leastTurn();
  turn.begin(0);
  const asking = askingInTurns(waf, what, turn);
  for (let pauses = 0; ; pauses += 1) {
    const { done, value: asked } = asking.next();
    if (done === true) return { asked, pauses };
    turn.begin(0);
  }
}

describe("WafTransaction in turns", () => {
  test.each(["block", "detect"] as const)("goOn() comes to the same verdict, matches and steps in mode %s", (mode) => {
    const [whole, pieces] = [wafOf(RULES, { mode }), wafOf(RULES, { mode })];
    const seen = new Set<string>();
    let [pauses, requests] = [0, 0];
    fc.assert(
      fc.property(request, (what) => {
        const expected = ask(whole, what);
        const taken = askInLeastTurns(pieces, what);
        expect(taken.asked.verdict).toEqual(expected.verdict);
        expect(taken.asked.record).toEqual({ ...expected.record, id: taken.asked.record.id });
        pauses += taken.pauses;
        requests += 1;
        for (const id of expected.ruleIds) seen.add(String(id));
        seen.add(expected.record.wouldBe.kind);
      }),
      { numRuns: 300, seed: 8 },
    );
    expect(pauses).toBeGreaterThan(requests * 20);
    const often = mode === "detect" ? ["1", "2", "3", "5", "6", "7", "8", "9", "10", "12"] : ["1", "2", "3", "8"];
    expect([...seen]).toEqual(expect.arrayContaining([...often, "pass", "block"]));
  });

  test("goOn() comes to the same verdict and matches however others come in between", () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat({ max: 5 })),
        (all, order) => {
          const waf = wafOf(RULES, { mode: "detect" });
          const turn = leastTurn();
          const running = all.map((what) => ({ what, asking: askingInTurns(waf, what, turn) }));
          for (let left = running; left.length > 0; ) {
            const { asking, what } = left[order.next().value % left.length]!;
            turn.begin(0);
            const { done, value: asked } = asking.next();
            if (done !== true) continue;
            left = left.filter((each) => each.asking !== asking);
            const alone = ask(wafOf(RULES, { mode: "detect" }), what);
            expect(asked.record.wouldBe).toEqual(alone.record.wouldBe);
            expect(asked.record.matches).toEqual(alone.record.matches);
          }
        },
      ),
      { numRuns: 60, seed: 8 },
    );
  });

  test("end() may come while a rule is being looked at: its phase is left, the last one is not", () => {
    const others = RULES.split("\n").filter((line) => !line.includes("phase:5"));
    const scanning = `SecRule ARGS "@contains nowhere" "id:14,phase:2,pass"`;
    const last = `SecRule ARGS "@contains our" "id:13,phase:5,pass,log"`;
    const turn = leastTurn();
    for (let pauses = 1; pauses < 200; pauses += 1) {
      // A new one each time: nobody has asked for the last rule's pattern before.
      const { waf } = wafOf([scanning, ...others, last].join("\n"));
      const transaction = waf.transaction({
        ...{ clientAddress: "192.0.2.7", clientPort: 1, serverAddress: "", serverPort: 80, route: "r" },
      });
      transaction.requestHead({ method: "POST", target: "/", version: "1.1", authority: "x", headers: FORM });
      turn.begin(0);
      let verdict = transaction.requestBody(Buffer.from("a=fours&b=two&c=one&d=x%20y"), turn);
      for (let at = 1; at < pauses && verdict === undefined; at += 1) {
        turn.begin(0);
        verdict = transaction.goOn(turn);
      }
      const { matches } = transaction.end();
      const hasArguments = pauses > 4; // they are read by then
      if (hasArguments) expect(matches.filter(({ ruleId }) => ruleId === 13).length).toBe(1);
      if (verdict !== undefined) return;
    }
    expect.unreachable("the body is looked at within so many turns");
  });

  test("refuseBusy() refuses with 503, in detect mode only says so and looks at nothing more", () => {
    for (const mode of ["block", "detect"] as const) {
      const { waf } = wafOf(RULES, { mode });
      const turn = leastTurn();
      turn.begin(0);
      const context = { clientAddress: "192.0.2.7", clientPort: 1, serverAddress: "", serverPort: 80, route: "r" };
      const transaction = waf.transaction(context);
      const head = { method: "POST", target: "/?a=evil", version: "1.1", authority: "x", headers: FORM };
      expect(transaction.requestHead(head, turn)).toBeUndefined();
      const said = transaction.refuseBusy();
      expect(said).toMatchObject(
        mode === "block" ? { kind: "block", status: 503, reason: "waf.busy" } : { kind: "pass" },
      );
      expect([transaction.wantsRequestBody, transaction.wantsReplyBody]).toEqual([false, false]);
      expect(transaction.requestBody(Buffer.from("a=evil"))).toEqual({ kind: "pass" });
      expect(transaction.end().wouldBe).toMatchObject({ reason: "waf.busy", status: 503 });
      expect(waf.counts()).toMatchObject({ busy: 1, transactions: 1, blocked: mode === "block" ? 1 : 0 });
    }
  });
});

describe.skipIf(!existsSync(`${CRS}/rules`))("the Core Rule Set in turns (needs modsecurity-crs)", () => {
  test("goOn() comes to the same verdicts, matches and steps as in one go", () => {
    const open = (): LoadedWaf =>
      loadWaf(
        { ...SETTINGS, rules: CRS, paranoia: 2 },
        // The same time and chance for both: names of transactions are values too.
        { files: diskWafFiles(), clock: new SteppedClock(), random: seededRandom(1) },
      );
    const [whole, pieces] = [open(), open()];
    const samples = wafCorpus(11, 60).filter((_, at) => at % 9 === 0);
    let [blocked, pauses] = [0, 0];
    for (const { request: sample } of samples) {
      const what: Ask = { ...sample, body: sample.body ?? "" };
      const expected = ask(whole, what);
      const taken = askInLeastTurns(pieces, what);
      expect(taken.asked.verdict).toEqual(expected.verdict);
      expect(taken.asked.record).toEqual({ ...expected.record, id: taken.asked.record.id });
      if (expected.verdict.kind === "block") blocked += 1;
      pauses += taken.pauses;
    }
    expect(pauses).toBeGreaterThan(samples.length * 100);
    expect([blocked > 30, samples.length - blocked > 10]).toEqual([true, true]);
  });
});
