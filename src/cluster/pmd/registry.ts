/**
 * The registry as a machine: which node holds which alias. One entry per node and one per alias. An alias that is alive is
 * its holder's; the same node may register again and replace what it said; who is not heard of for its TTL has left, and
 * its alias is free. It holds no timers and no sockets and looks at no processes: that a process is gone is told to it.
 */
import type { Machine, Tick } from "../../base/machine.ts";
import { BEAT_GRACE_MS, OWN_PAUSE_MS_MIN, PEERS_MAX } from "./limits.ts";
import { isSamePeer, type LeaveReason, type Peer, type PeerListing } from "./peer.ts";

/** `call` is repeated in the answer: an input that asks is answered by exactly one effect, after those that it causes. */
export type RegistryInput =
  | { readonly type: "register"; readonly call: number; readonly peer: Peer }
  | { readonly type: "heartbeat"; readonly call: number; readonly nodeId: string }
  | { readonly type: "unregister"; readonly call: number; readonly nodeId: string }
  /** The node's process has been seen to be gone. */
  | { readonly type: "gone"; readonly nodeId: string };

export type RegistryAnswer =
  | { readonly kind: "registered"; readonly outcome: "joined" | "updated" | "unchanged" }
  | { readonly kind: "alive"; readonly peer: Peer }
  | { readonly kind: "unregistered"; readonly wasThere: boolean }
  | { readonly kind: "taken"; readonly holder: PeerListing }
  | { readonly kind: "full"; readonly peersMax: number }
  | { readonly kind: "unknown" };

export type RegistryEffect =
  | { readonly type: "answer"; readonly call: number; readonly answer: RegistryAnswer }
  | { readonly type: "joined"; readonly peer: Peer }
  | { readonly type: "updated"; readonly peer: Peer }
  | { readonly type: "left"; readonly peer: Peer; readonly reason: LeaveReason };

interface Entry {
  peer: Peer;
  readonly sinceMs: number;
  /** Last heard of; later than that by what was forgiven. */
  seenMs: number;
  isForgiven: boolean;
}

export class Registry implements Machine<RegistryInput, RegistryEffect> {
  readonly #byNode = new Map<string, Entry>();
  readonly #byAlias = new Map<string, Entry>();
  readonly #peersMax: number;

  constructor(peersMax: number = PEERS_MAX) {
    this.#peersMax = peersMax;
  }

  step(input: RegistryInput | Tick, nowMs: number): readonly RegistryEffect[] {
    this.#forgiveOwnPause(nowMs);
    const effects = this.#expire(nowMs);
    if (input.type === "tick") return effects;
    if (input.type === "gone") this.#remove(input.nodeId, "gone", effects);
    else effects.push({ type: "answer", call: input.call, answer: this.#answer(input, nowMs, effects) });
    return effects;
  }

  get nextDeadlineMs(): number | undefined {
    let least: number | undefined;
    for (const entry of this.#byNode.values()) {
      const dueMs = entry.seenMs + entry.peer.ttlMs;
      if (least === undefined || dueMs < least) least = dueMs;
    }
    return least;
  }

  /** Those alive at that time, in the order of their registration. */
  peers(nowMs: number): readonly PeerListing[] {
    return [...this.#byNode.values()]
      .filter((entry) => !isExpired(entry, nowMs))
      .map((entry) => listingOf(entry, nowMs));
  }

  find(alias: string, nowMs: number): PeerListing | undefined {
    const entry = this.#byAlias.get(alias);
    return entry === undefined || isExpired(entry, nowMs) ? undefined : listingOf(entry, nowMs);
  }

  #answer(input: Exclude<RegistryInput, { type: "gone" }>, nowMs: number, effects: RegistryEffect[]): RegistryAnswer {
    if (input.type === "register") return this.#register(input.peer, nowMs, effects);
    if (input.type === "unregister") {
      return { kind: "unregistered", wasThere: this.#remove(input.nodeId, "unregistered", effects) };
    }
    const entry = this.#byNode.get(input.nodeId);
    if (entry === undefined) return { kind: "unknown" };
    hear(entry, nowMs);
    return { kind: "alive", peer: entry.peer };
  }

  #register(peer: Peer, nowMs: number, effects: RegistryEffect[]): RegistryAnswer {
    const holder = this.#byAlias.get(peer.alias);
    if (holder !== undefined && holder.peer.nodeId !== peer.nodeId) {
      return { kind: "taken", holder: listingOf(holder, nowMs) };
    }
    const own = this.#byNode.get(peer.nodeId);
    if (own === undefined && this.#byNode.size >= this.#peersMax) return { kind: "full", peersMax: this.#peersMax };
    if (own !== undefined && own === holder) return update(own, peer, nowMs, effects);
    this.#remove(peer.nodeId, "renamed", effects);
    const entry: Entry = { peer, sinceMs: nowMs, seenMs: nowMs, isForgiven: false };
    this.#byNode.set(peer.nodeId, entry);
    this.#byAlias.set(peer.alias, entry);
    effects.push({ type: "joined", peer });
    return { kind: "registered", outcome: "joined" };
  }

  /**
   * Ticked too late, it was asleep itself, as on a stopped machine: heart-beats of that time may still wait outside. Once
   * for each silence, so that a machine that is always late keeps no dead node.
   */
  #forgiveOwnPause(nowMs: number): void {
    const lateMs = nowMs - (this.nextDeadlineMs ?? nowMs);
    if (lateMs < OWN_PAUSE_MS_MIN) return;
    for (const entry of this.#byNode.values()) {
      if (!entry.isForgiven) entry.seenMs += lateMs + BEAT_GRACE_MS;
      entry.isForgiven = true;
    }
  }

  #expire(nowMs: number): RegistryEffect[] {
    const effects: RegistryEffect[] = [];
    for (const [nodeId, entry] of this.#byNode) {
      if (isExpired(entry, nowMs)) this.#remove(nodeId, "expired", effects);
    }
    return effects;
  }

  #remove(nodeId: string, reason: LeaveReason, effects: RegistryEffect[]): boolean {
    const entry = this.#byNode.get(nodeId);
    if (entry === undefined) return false;
    this.#byNode.delete(nodeId);
    this.#byAlias.delete(entry.peer.alias);
    effects.push({ type: "left", peer: entry.peer, reason });
    return true;
  }
}

function update(entry: Entry, peer: Peer, nowMs: number, effects: RegistryEffect[]): RegistryAnswer {
  const isSame = isSamePeer(entry.peer, peer);
  entry.peer = peer;
  hear(entry, nowMs);
  if (isSame) return { kind: "registered", outcome: "unchanged" };
  effects.push({ type: "updated", peer });
  return { kind: "registered", outcome: "updated" };
}

function hear(entry: Entry, nowMs: number): void {
  entry.seenMs = nowMs;
  entry.isForgiven = false;
}

function isExpired({ peer, seenMs }: Entry, nowMs: number): boolean {
  return nowMs - seenMs >= peer.ttlMs;
}

function listingOf({ peer, sinceMs, seenMs }: Entry, nowMs: number): PeerListing {
  return { ...peer, ageMs: Math.round(nowMs - sinceMs), silentMs: Math.max(0, Math.round(nowMs - seenMs)) };
}
