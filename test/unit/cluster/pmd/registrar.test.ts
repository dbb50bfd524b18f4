/** The registry at work on a stepped clock: what watchers hear and when, what refusals say, and who is looked at. */
import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../../src/base/errors.ts";
import type { Peer } from "../../../../src/cluster/pmd/index.ts";
import { Registrar } from "../../../../src/cluster/pmd/registrar.ts";
import { peer } from "../../../support/pmd.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Rig {
  readonly clock = new SteppedClock();
  readonly told: string[] = [];
  /** Start times of processes that can be seen. */
  readonly alive = new Set<string>();
  looks = 0;
  readonly registrar: Registrar;

  constructor(peersMax?: number) {
    const sees = ({ startTime }: Peer): boolean => {
      this.looks++;
      return startTime !== undefined && this.alive.has(startTime);
    };
    const ports = {
      clock: this.clock,
      sees,
      changed: (change: { kind: string; peer: Peer; reason?: string }) => {
        this.told.push(`${this.clock.monotonic()} ${change.kind} ${change.peer.alias} ${change.reason ?? ""}`.trim());
      },
      failed: (thrown: unknown) => {
        throw thrown;
      },
    };
    this.registrar = new Registrar(ports, peersMax);
  }
}

function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (thrown) {
    return thrown as Failure;
  }
  throw new Error("nothing was thrown");
}

describe("Registrar", () => {
  test("watchers hear of an expiry when it is due, without anybody asking", () => {
    const { clock, registrar, told } = new Rig();
    registrar.register(peer("a", { ttlMs: 1_000 }));
    clock.advance(500);
    registrar.heartbeat("id-a");
    clock.advance(5_000);
    expect(told).toEqual(["0 join a", "1500 leave a expired"]);
    expect(failureOf(() => registrar.heartbeat("id-a")).code).toBe("pmd.not_found");
    expect(registrar.counts).toMatchObject({ registered: 1, heartbeats: 1, expired: 1 });
  });

  test("a process that is seen to be gone has left within a second, and the looking ends with the last one", () => {
    const { alive, clock, registrar, told } = new Rig();
    alive.add("7");
    registrar.register(peer("a", { startTime: "7", ttlMs: 600_000 }));
    clock.advance(10_000);
    expect(told).toEqual(["0 join a"]);
    alive.clear();
    clock.advance(1_000);
    expect(told).toEqual(["0 join a", "11000 leave a gone"]);
    clock.advance(600_000);
    expect(clock.timers).toBe(0);
  });

  test("a process that cannot be seen when it registers is never looked at again", () => {
    const rig = new Rig();
    rig.registrar.register(peer("a", { startTime: "7", ttlMs: 600_000 }));
    rig.clock.advance(60_000);
    expect(rig.looks).toBe(1);
    expect(rig.registrar.resolve("a").startTime).toBeUndefined();
    expect(failureOf(() => rig.registrar.register(peer("a", { nodeId: "b" }))).code).toBe("pmd.alias_taken");
  });

  test("register() refuses with words that say who, where, since when and what to do", () => {
    const { clock, registrar } = new Rig();
    registrar.register(peer("a", { host: "::1", port: 80 }));
    clock.advance(250);
    const failure = failureOf(() => registrar.register(peer("a", { nodeId: "b" })));
    expect(failure.message).toBe(
      "cannot register a: it is held by node id-a (process 42 at ::1:80), heard of 250 ms ago; another alias is required, or the end of that node, which is noticed within 10000 ms",
    );
    expect(failure.retryable).toBe(true);
  });

  test("register() refuses one more node than there may be", () => {
    const { registrar } = new Rig(1);
    registrar.register(peer("a"));
    const failure = failureOf(() => registrar.register(peer("b")));
    expect([failure.code, failure.message]).toEqual([
      "pmd.full",
      "cannot register b: 1 nodes are registered, no more are taken",
    ]);
  });

  test("resolve() says that the port mapper is young as long as nodes of before may come back", () => {
    const { clock, registrar } = new Rig();
    clock.advance(1_200);
    const young = failureOf(() => registrar.resolve("a"));
    expect(young.message).toContain("this port mapper started 1200 ms ago");
    expect(young.retryable).toBe(true);
    clock.advance(10_000);
    const old = failureOf(() => registrar.resolve("a"));
    expect([old.message, old.retryable]).toEqual(['no node is registered as "a"', false]);
  });

  test("close() leaves no timer behind", () => {
    const { alive, clock, registrar } = new Rig();
    alive.add("7");
    registrar.register(peer("a", { startTime: "7" }));
    expect(clock.timers).toBe(2);
    registrar.close();
    expect(clock.timers).toBe(0);
  });
});
