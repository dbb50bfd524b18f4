/** What a watcher is told across reconnects and restarts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Peer, PeerChange } from "../../../../src/cluster/pmd/index.ts";
import { isSamePeer } from "../../../../src/cluster/pmd/peer.ts";
import { PeerView, type PeerViewInput } from "../../../../src/cluster/pmd/peer-view.ts";
import { peer } from "../../../support/pmd.ts";

function snapshot(life: string, peers: readonly Peer[], ageMs = 0): PeerViewInput {
  return { type: "snapshot", life, ageMs, peers: [...peers] } as PeerViewInput;
}

function words(changes: readonly PeerChange[]): string[] {
  return changes.map(
    (change) => `${change.kind} ${change.peer.alias}${change.kind === "leave" ? ` ${change.reason}` : ""}`,
  );
}

describe("PeerView", () => {
  test("step() tells the first snapshot as joins and a second, equal one not at all", () => {
    const view = new PeerView();
    expect(words(view.step(snapshot("1", [peer("a"), peer("b")]), 0))).toEqual(["join a", "join b"]);
    expect(view.step(snapshot("1", [peer("a"), peer("b")]), 5)).toEqual([]);
  });

  test("step() tells what changed while nobody watched, the leaves first", () => {
    const view = new PeerView();
    view.step(snapshot("1", [peer("a"), peer("b")]), 0);
    const next = [peer("b", { port: 9 }), peer("c")];
    expect(words(view.step(snapshot("1", next), 5))).toEqual(["leave a left while not watched", "update b", "join c"]);
  });

  test("step() waits the rest of the TTL for nodes to register again when the port mapper was restarted", () => {
    const view = new PeerView();
    view.step(snapshot("1", [peer("a"), peer("b")]), 0);
    expect(view.step(snapshot("2", [], 4_000), 100)).toEqual([]);
    expect(view.peers.map(({ alias }) => alias)).toEqual(["a", "b"]);
    expect(view.nextDeadlineMs).toBe(6_100);
    expect(view.step({ type: "change", change: { kind: "join", peer: peer("a") } }, 200)).toEqual([]);
    expect(words(view.step({ type: "tick" }, 6_099))).toEqual([]);
    expect(words(view.step({ type: "tick" }, 6_100))).toEqual(["leave b lost"]);
    expect(view.nextDeadlineMs).toBeUndefined();
  });

  test("step() tells a leave at once when the restarted port mapper is older than the TTL", () => {
    const view = new PeerView();
    view.step(snapshot("1", [peer("a")]), 0);
    expect(words(view.step(snapshot("2", [], 10_000), 100))).toEqual(["leave a lost"]);
  });

  test("step() lets a missing node go when another one takes its alias", () => {
    const view = new PeerView();
    view.step(snapshot("1", [peer("a")]), 0);
    view.step(snapshot("2", []), 1);
    const join = { type: "change", change: { kind: "join", peer: peer("a", { nodeId: "new" }) } } as const;
    expect(words(view.step(join, 2))).toEqual(["leave a replaced", "join a"]);
  });

  test("step() says nothing of the leave of a node that it does not know", () => {
    const leave = { type: "change", change: { kind: "leave", peer: peer("a"), reason: "expired" } } as const;
    expect(new PeerView().step(leave, 0)).toEqual([]);
  });
});

const node = fc.record({
  alias: fc.constantFrom("a", "b", "c"),
  nodeId: fc.constantFrom("x", "y", "z"),
  port: fc.constantFrom(1, 2),
});
/** One node per alias and one alias per node, as a registry holds them. */
const peers = fc.array(node, { maxLength: 3 }).map((nodes) => {
  const list: Peer[] = [];
  for (const each of nodes) {
    if (!list.some(({ alias, nodeId }) => alias === each.alias || nodeId === each.nodeId))
      list.push(peer(each.alias, each));
  }
  return list;
});

describe("PeerView through anything", () => {
  test("step() tells changes that add up to its view, and to the last snapshot when the waiting is over", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("1", "2", "3"), peers, fc.nat(12_000)), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const view = new PeerView();
        const told = new Map<string, Peer>();
        let nowMs = 0;
        for (const [life, list, passMs] of all) {
          nowMs += passMs;
          apply(told, view.step(snapshot(life, list), nowMs));
          expect([...told.values()]).toEqual([...view.peers]);
        }
        apply(told, view.step({ type: "tick" }, nowMs + 10_000));
        const last = all.at(-1)![1];
        expect(told.size).toBe(last.length);
        for (const each of last) expect(isSamePeer(told.get(each.nodeId)!, each)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

/** Each change has to fit what was told before: no second join, no leave of a stranger, no update that changes nothing. */
function apply(told: Map<string, Peer>, changes: readonly PeerChange[]): void {
  for (const { kind, peer: each } of changes) {
    const before = told.get(each.nodeId);
    expect(before === undefined).toBe(kind === "join");
    if (kind === "update") expect(isSamePeer(before!, each)).toBe(false);
    if (kind === "leave") told.delete(each.nodeId);
    else told.set(each.nodeId, each);
    expect(new Set([...told.values()].map(({ alias }) => alias)).size).toBe(told.size);
  }
}
