/** A registration kept up by the clock, over a port mapper that does what the test wants. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import type { PmdMethods } from "../../../../src/cluster/pmd/contract.ts";
import { Registered } from "../../../../src/cluster/pmd/registered.ts";
import { peer } from "../../../support/pmd.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const TTL_MS = 9_000;

/** Notes what it is asked; `verdict` says how it answers. */
class Rig {
  readonly clock = new SteppedClock();
  readonly asked: string[] = [];
  readonly changes: string[] = [];
  verdict: (asked: string) => string | undefined = () => undefined;

  open(): Promise<Registered> {
    const answer = async (asked: string) => {
      this.asked.push(asked);
      const code = this.verdict(asked);
      if (code !== undefined) throw new Failure(code, code);
      return { ttlMs: TTL_MS, outcome: "joined", wasThere: true };
    };
    const names = ["register", "heartbeat", "unregister"];
    const methods = Object.fromEntries(names.map((name) => [name, () => answer(name)])) as unknown as PmdMethods; // the three that it calls
    const ports = {
      methods,
      clock: this.clock,
      random: seededRandom(1),
      revive: async () => void (await answer("revive")),
      changed: (why: Failure | undefined) => void this.changes.push(why?.code ?? "stands"),
    };
    return Registered.open(ports, { ...peer("shop"), ttlMs: TTL_MS });
  }

  /** Moves the clock and lets everything that follows happen. */
  async pass(ms: number): Promise<string[]> {
    this.asked.length = 0;
    this.clock.advance(ms);
    await settle();
    return [...this.asked];
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

describe("Registered", () => {
  test("open() registers, and beats three times in a TTL from then on", async () => {
    const rig = new Rig();
    const registered = await rig.open();
    expect(rig.asked).toEqual(["register"]);
    expect(await rig.pass(2_999)).toEqual([]);
    for (let beat = 0; beat < 3; beat++) expect(await rig.pass(3_000)).toEqual(["heartbeat"]);
    expect(registered.stands).toBe(true);
  });

  test("open() fails as the port mapper refuses", async () => {
    const rig = new Rig();
    rig.verdict = () => "pmd.alias_taken";
    await expect(rig.open()).rejects.toMatchObject({ code: "pmd.alias_taken" });
    expect(rig.clock.timers).toBe(0);
  });

  test("open() starts a port mapper when none runs", async () => {
    const rig = new Rig();
    let isThere = false;
    rig.verdict = (asked) => {
      if (asked === "revive") isThere = true;
      return isThere ? undefined : "pmd.not_running";
    };
    await rig.open();
    expect(rig.asked).toEqual(["register", "revive", "register"]);
  });

  test("it registers again at the next heart-beat when the port mapper does not know the node", async () => {
    const rig = new Rig();
    const registered = await rig.open();
    rig.verdict = (asked) => (asked === "heartbeat" ? "pmd.not_found" : undefined);
    expect(await rig.pass(3_000)).toEqual(["heartbeat", "register"]);
    expect([registered.stands, rig.changes]).toEqual([true, []]);
  });

  test("it tries again with growing pauses, never rarer than heart-beats, and tells once that it is lost and once that it stands", async () => {
    const rig = new Rig();
    const registered = await rig.open();
    rig.verdict = () => "rpc.unreachable";
    const attempts: number[] = [];
    for (let ms = 0; ms < 60_000; ms += 50) {
      if ((await rig.pass(50)).length > 0) attempts.push(ms);
    }
    const gaps = attempts.slice(1).map((ms, at) => ms - attempts[at]!);
    expect(gaps[0]).toBeLessThanOrEqual(150);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3_050);
    expect(gaps.length).toBeLessThan(60);
    expect([registered.stands, rig.changes]).toEqual([false, ["rpc.unreachable"]]);
    rig.verdict = () => undefined;
    await rig.pass(3_050);
    expect([registered.stands, rig.changes]).toEqual([true, ["rpc.unreachable", "stands"]]);
  });

  test("it keeps asking for an alias that somebody else took while the port mapper was away", async () => {
    const rig = new Rig();
    await rig.open();
    rig.verdict = (asked) =>
      asked === "heartbeat" ? "pmd.not_found" : asked === "register" ? "pmd.alias_taken" : undefined;
    expect(await rig.pass(3_000)).toEqual(["heartbeat", "register"]);
    expect(rig.changes).toEqual(["pmd.alias_taken"]);
    rig.verdict = (asked) => (asked === "heartbeat" ? "pmd.not_found" : undefined);
    expect(await rig.pass(3_000)).toEqual(["heartbeat", "register"]);
    expect(rig.changes).toEqual(["pmd.alias_taken", "stands"]);
  });

  test("beatNow() beats without waiting", async () => {
    const rig = new Rig();
    const registered = await rig.open();
    registered.beatNow();
    expect(await rig.pass(0)).toEqual(["heartbeat"]);
    expect(await rig.pass(2_999)).toEqual([]);
  });

  test("close() unregisters once, beats no more, and fails for nobody's absence", async () => {
    const rig = new Rig();
    const registered = await rig.open();
    rig.verdict = () => "pmd.not_running";
    await Promise.all([registered.close(), registered.close()]);
    await registered.close();
    expect(rig.asked).toEqual(["register", "unregister"]);
    expect(await rig.pass(60_000)).toEqual([]);
    expect(rig.clock.timers).toBe(0);
  });
});
