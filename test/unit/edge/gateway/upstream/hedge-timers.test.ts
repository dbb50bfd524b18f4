/** Who waits for a second try, and how long it is remembered. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { Chooser } from "../../../../../src/edge/gateway/upstream/chooser.ts";
import { GroupAsk } from "../../../../../src/edge/gateway/upstream/group-ask.ts";
import type { GroupSettings } from "../../../../../src/edge/gateway/upstream/group-words.ts";
import { HedgeTimers } from "../../../../../src/edge/gateway/upstream/hedge-timers.ts";
import { TargetState } from "../../../../../src/edge/gateway/upstream/target-state.ts";
import { RetryBudget } from "../../../../../src/protocol/retry/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { FakeUpstreams, target } from "./group-rig.ts";
import { Heard, request } from "./rig.ts";

const NO_COUNTS = { requests: 0, retries: 0, hedges: 0, hedgesWon: 0, unbudgeted: 0, unkept: 0, noTarget: 0 };

class Rig {
  readonly clock = new SteppedClock();
  readonly upstreams = new FakeUpstreams();
  readonly hedges = new HedgeTimers(this.clock, 100);
  readonly heard = new Heard();
  readonly call: GroupAsk;

  constructor() {
    const { clock, hedges, upstreams } = this;
    const random = seededRandom(1);
    const settings: GroupSettings = {
      ...{ targets: [target("a"), target("b")], balancer: "ROUND_ROBIN", timeouts: { connectMs: 1_000 }, retries: 0 },
      ...{ retryOn: [], retryBudget: 1, mirrorShare: 0, outliers: false, breaker: false },
    };
    const states = settings.targets.map((plan) => new TargetState(plan, plan.name, false, () => {}));
    const foreign = () => states[0]!;
    const parts = {
      ...{ settings, clock, random, upstreams, hedges, named: { ask: () => ({ cancel: () => {} }) } },
      chooser: new Chooser(states, settings, { random, foreign, report: () => {} }),
      budget: new RetryBudget({ share: 1, reserve: 10, windowMs: 1_000 }),
      counts: { ...NO_COUNTS, mirrored: 0, mirrorsSkipped: 0 },
    };
    this.call = new GroupAsk(parts, { headFor: () => request(80).head }, this.heard, undefined);
    this.call.begin();
  }
}

describe("HedgeTimers", () => {
  test.each<readonly [string, (rig: Rig) => void]>([
    ["was answered", (rig) => rig.upstreams.last.reply()],
    ["has failed", (rig) => rig.upstreams.last.fail()],
    ["was cancelled", (rig) => rig.call.cancel(new Failure("gateway.client_gone", "the client went"))],
    ["was hedged", (rig) => rig.clock.advance(100)],
  ])("HedgeTimers forgets a request at once that %s", (_, act) => {
    const rig = new Rig();
    expect(rig.hedges.size).toBe(1);
    act(rig);
    expect(rig.hedges.size).toBe(0);
  });

  test("HedgeTimers hedges each when its time has come, in the order in which they came", () => {
    const clock = new SteppedClock();
    const hedges = new HedgeTimers(clock, 100);
    const done: string[] = [];
    const named = (name: string) => ({ hedge: () => void done.push(`${name} ${clock.monotonic()}`) });
    const [a, b, c] = [named("a"), named("b"), named("c")];
    hedges.add(a, 0);
    hedges.add(b, 0);
    clock.advance(50);
    hedges.add(c, 50);
    hedges.remove(b);
    clock.advance(100);
    expect(done).toEqual(["a 100", "c 150"]);
    expect(hedges.size).toBe(0);
  });
});
