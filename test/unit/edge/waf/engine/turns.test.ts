/** Looking in turns, however short they are and whoever comes in between, finds what looking in one go finds. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import { diskWafFiles, type LoadedWaf, loadWaf, Turn } from "../../../../../src/edge/waf/engine/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { type Ask, type Asked, ask, askingInTurns, SETTINGS, wafOf } from "../../../../support/waf.ts";
import { wafCorpus } from "../../../../support/waf-corpus.ts";
import { RULES, request } from "./requests.ts";

const CRS = "/usr/share/modsecurity-crs";
const FORM = ["content-type", "application/x-www-form-urlencoded"];

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
