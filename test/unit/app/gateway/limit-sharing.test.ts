/** Limits of two gateways, brought from one to the other by hand. */
import { describe, expect, test } from "bun:test";
import { type LimitPeers, LimitSharing } from "../../../../src/app/gateway/limit-sharing.ts";
import { GatewayLimits, type SharedMessage } from "../../../../src/edge/gateway/limit/index.ts";
import type { LimitPlan } from "../../../../src/edge/gateway/words/index.ts";
import { countedName, limitPlan } from "../../../support/limit-plans.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const ANN = { client: "192.0.2.1", headers: [] };
const PLAN = limitPlan({ algorithm: "concurrency", limit: 2, isShared: true });

class Side {
  readonly clock: SteppedClock;
  readonly sent: SharedMessage[] = [];
  readonly sharing: LimitSharing;
  limits: GatewayLimits;

  constructor(clock: SteppedClock, peer: string, plans: readonly LimitPlan[]) {
    this.clock = clock;
    const peers: LimitPeers = {
      isInside: false,
      names: () => [peer],
      send: (_peer, message) => void this.sent.push(message),
    };
    this.sharing = new LimitSharing(clock, [peers]);
    this.limits = new GatewayLimits(plans, clock);
    this.sharing.follow(this.limits);
  }

  reload(plans: readonly LimitPlan[]): void {
    this.limits = new GatewayLimits(plans, this.clock, this.limits);
    this.sharing.follow(this.limits);
  }

  admit(route = "r"): string {
    return this.limits.admit(this.limits.forRoute(route)!, ANN).kind;
  }
}

/** Each hears what the other has sent, and what that is answered. */
function exchange(left: Side, right: Side): void {
  while (left.sent.length + right.sent.length > 0) {
    for (const message of left.sent.splice(0)) right.sharing.receive("left", message);
    for (const message of right.sent.splice(0)) left.sharing.receive("right", message);
  }
}

describe("LimitSharing", () => {
  test("follow() tells others each round what is under way, and receive() answers at once", () => {
    const clock = new SteppedClock();
    const [left, right] = [new Side(clock, "right", [PLAN]), new Side(clock, "left", [PLAN])];
    expect([left.admit(), left.admit()]).toEqual(["pass", "pass"]);
    clock.advance(100);
    expect(left.sent).toMatchObject([{ number: 1, held: { [countedName({ plan: PLAN })]: [ANN.client, 2] } }]);
    right.sharing.receive("left", left.sent[0]);
    expect(right.sent).toMatchObject([{ number: 0, heard: { number: 1 } }]);
    expect(right.admit()).toBe("reject");
    right.sharing.receive("left", { life: "none" });
    right.sharing.receive("stranger", { ...left.sent[0], number: 2, held: {} });
    expect(right.admit()).toBe("reject");
    expect(right.sharing.counts()).toEqual({ peers: 1, silent: 0, untold: 0 });
    for (const { sharing } of [left, right]) sharing.close();
    expect(clock.timers).toBe(0);
  });

  test("follow() counts together what counts the same, wherever its lines stand, and nothing else under the same id", () => {
    const clock = new SteppedClock();
    const login = limitPlan({ id: "limit-1", limit: 2, isShared: true, routes: ["login"] });
    const all = limitPlan({ id: "limit-1", limit: 1_000, isShared: true });
    const newer = [all, { ...login, id: "limit-2" }];
    const [left, right] = [new Side(clock, "right", [login]), new Side(clock, "left", newer)];
    for (let at = 0; at < 100; at++) expect(right.admit()).toBe("pass");
    clock.advance(100);
    exchange(left, right);
    expect([left.admit("login"), left.admit("login"), left.admit("login")]).toEqual(["pass", "pass", "reject"]);
    clock.advance(100);
    exchange(left, right);
    expect(right.admit("login")).toBe("reject");
    for (const { sharing } of [left, right]) sharing.close();
  });

  test("follow() goes on with what is under way elsewhere when a reload keeps the limit, and without it when it goes", () => {
    const clock = new SteppedClock();
    const [left, right] = [new Side(clock, "right", [PLAN]), new Side(clock, "left", [PLAN])];
    left.admit();
    left.admit();
    clock.advance(100);
    exchange(left, right);
    right.reload([{ ...PLAN, action: "DROP" }]);
    expect(right.admit()).toBe("drop");
    left.reload([PLAN]);
    clock.advance(100);
    exchange(left, right);
    expect(right.admit()).toBe("drop");
    const former = right.limits;
    right.reload([]);
    expect(former.admit(former.forRoute("r")!, ANN).kind).toBe("pass");
    for (const { sharing } of [left, right]) sharing.close();
  });
});
