/**
 * What a watcher knows of the peers, as a machine: snapshots and changes in, differences out. After a reconnect only what is
 * really other is told. After a restart of the port mapper its registry is empty until the nodes register again: who is
 * missing keeps its place for the rest of its TTL, so that a restart is not told as everybody's leave and join.
 */
import type { Machine, Tick } from "../../base/machine.ts";
import type { Snapshot } from "./contract.ts";
import { isSamePeer, type Peer, type PeerChange } from "./peer.ts";

export type PeerViewInput =
  | ({ readonly type: "snapshot" } & Snapshot)
  | { readonly type: "change"; readonly change: PeerChange };

interface Known {
  peer: Peer;
  /** Not in the registry of the new life; until then it may come back. */
  missingUntilMs: number | undefined;
}

export class PeerView implements Machine<PeerViewInput, PeerChange> {
  readonly #known = new Map<string, Known>();
  #life: string | undefined;

  get peers(): readonly Peer[] {
    return [...this.#known.values()].map(({ peer }) => peer);
  }

  get nextDeadlineMs(): number | undefined {
    let least: number | undefined;
    for (const { missingUntilMs } of this.#known.values()) {
      if (missingUntilMs !== undefined && (least === undefined || missingUntilMs < least)) least = missingUntilMs;
    }
    return least;
  }

  step(input: PeerViewInput | Tick, nowMs: number): readonly PeerChange[] {
    const changes = this.#giveUp(nowMs);
    if (input.type === "snapshot") this.#compare(input, nowMs, changes);
    else if (input.type === "change") this.#apply(input.change, changes);
    return changes;
  }

  #compare({ life, ageMs, peers }: Snapshot, nowMs: number, changes: PeerChange[]): void {
    const isSameLife = life === this.#life;
    this.#life = life;
    const there = new Set(peers.map(({ nodeId }) => nodeId));
    for (const [nodeId, known] of this.#known) {
      if (there.has(nodeId)) continue;
      const graceMs = isSameLife ? 0 : known.peer.ttlMs - ageMs;
      if (graceMs > 0) known.missingUntilMs = nowMs + graceMs;
      else this.#leave(nodeId, isSameLife ? "left while not watched" : "lost", changes);
    }
    for (const peer of peers) this.#put(peer, changes);
  }

  #apply(change: PeerChange, changes: PeerChange[]): void {
    if (change.kind === "leave") this.#leave(change.peer.nodeId, change.reason, changes);
    else this.#put(change.peer, changes);
  }

  #put(peer: Peer, changes: PeerChange[]): void {
    const known = this.#known.get(peer.nodeId);
    if (known !== undefined && known.peer.alias === peer.alias) {
      known.missingUntilMs = undefined;
      if (isSamePeer(known.peer, peer)) return;
      known.peer = peer;
      changes.push({ kind: "update", peer });
      return;
    }
    this.#leave(peer.nodeId, "renamed", changes);
    for (const { peer: other } of this.#known.values()) {
      if (other.alias === peer.alias) this.#leave(other.nodeId, "replaced", changes);
    }
    this.#known.set(peer.nodeId, { peer, missingUntilMs: undefined });
    changes.push({ kind: "join", peer });
  }

  #leave(nodeId: string, reason: string, changes: PeerChange[]): void {
    const known = this.#known.get(nodeId);
    if (known === undefined) return;
    this.#known.delete(nodeId);
    changes.push({ kind: "leave", peer: known.peer, reason });
  }

  #giveUp(nowMs: number): PeerChange[] {
    const changes: PeerChange[] = [];
    for (const [nodeId, { missingUntilMs }] of this.#known) {
      if (missingUntilMs !== undefined && missingUntilMs <= nowMs) this.#leave(nodeId, "lost", changes);
    }
    return changes;
  }
}
