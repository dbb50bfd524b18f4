/**
 * Seals gossip datagrams: only members can make or read one, each is for one receiver and is opened once. Nothing is agreed
 * upon beforehand: every process draws a session when it starts, and a receiver gets to know it by its first genuine packet,
 * which has to be of about now. `open` never throws, whatever arrives, and counts why it refused.
 */
import type { Clock } from "../../base/clock.ts";
import { addressText, type HostPort } from "./address.ts";
import type { ClusterKey } from "./cluster-key.ts";
import type { Entropy } from "./entropy.ts";
import { headOf, looksSealed, openPacket, packetOf, SESSION_BYTES, sessionKey, sessionOf } from "./gossip-packet.ts";
import { GossipSessions, keyWithin } from "./gossip-sessions.ts";
import type { Keyring } from "./keyring.ts";
import { CLOCK_TOLERANCE_MS, FIRST_PACKET_SKEW_MS, SESSIONS_MAX } from "./limits.ts";

/**
 * short, oversized, version: no packet of ours by its looks. key: of no cluster key that we have. forged: changed on the way,
 * or for another receiver. replayed: opened before, or too old to tell. clock: the first of its session, and not of now.
 */
export const SEAL_REFUSALS = ["short", "oversized", "version", "key", "forged", "replayed", "clock"] as const;
export type SealRefusal = (typeof SEAL_REFUSALS)[number];

export type OpenResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: SealRefusal };

export interface SealCounts {
  readonly sealed: number;
  readonly opened: number;
  readonly refused: Readonly<Record<SealRefusal, number>>;
  /** Sessions of others that are remembered. */
  readonly sessions: number;
}

export interface GossipSealPorts {
  readonly keyring: Keyring;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly entropy: Entropy;
}

export interface GossipSealOptions {
  readonly firstPacketSkewMs?: number;
  readonly sessionsMax?: number;
}

export class GossipSeal {
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #skewMs: number;
  readonly #startedMs: number;
  readonly #session: Uint8Array;
  readonly #sessions: GossipSessions;
  readonly #refused = Object.fromEntries(SEAL_REFUSALS.map((reason) => [reason, 0])) as Record<SealRefusal, number>;
  #keyring: Keyring;
  #ownKey: Uint8Array;
  /** Goes on when keys change: no counter is used twice. */
  #sealed = 0;
  #opened = 0;

  constructor({ keyring, clock, entropy }: GossipSealPorts, options: GossipSealOptions = {}) {
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
    this.#skewMs = options.firstPacketSkewMs ?? FIRST_PACKET_SKEW_MS;
    this.#sessions = new GossipSessions(options.sessionsMax ?? SESSIONS_MAX);
    this.#session = entropy(SESSION_BYTES);
    this.#keyring = keyring;
    this.#ownKey = sessionKey(keyring.first.gossipKey, this.#session);
  }

  /** Goes by other keys from now on; sessions and what was opened stay known. */
  rotate(keyring: Keyring): void {
    this.#keyring = keyring;
    this.#ownKey = sessionKey(keyring.first.gossipKey, this.#session);
  }

  /** A packet that is `SEAL_BYTES` longer, for that receiver only. */
  seal(bytes: Uint8Array, to: string | HostPort): Uint8Array {
    const { id: keyId } = this.#keyring.first;
    const head = {
      keyId,
      session: this.#session,
      counter: this.#sealed,
      timeMs: Math.max(0, Math.floor(this.#clock.now())),
    };
    this.#sealed++;
    return packetOf(this.#ownKey, head, bytes, textOf(to));
  }

  /** `own` is the address that others know this node by. */
  open(packet: Uint8Array, own: string | HostPort): OpenResult {
    const flaw = looksSealed(packet);
    if (flaw) return this.#refuse(flaw);
    const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
    const { keyId, session: id, counter } = headOf(buffer);
    const clusterKey = this.#keyring.find(keyId);
    if (!clusterKey) return this.#refuse("key");
    if (!Number.isSafeInteger(counter)) return this.#refuse("forged"); // none of ours gets there
    const session = this.#sessions.find(id);
    if (!session) return this.#openFirst(buffer, id, counter, clusterKey, textOf(own));
    if (session.window.has(counter)) return this.#refuse("replayed");
    const opened = openPacket(keyWithin(session, clusterKey, sessionOf(buffer)), buffer, textOf(own));
    if (!opened) return this.#refuse("forged");
    session.window.add(counter);
    this.#sessions.touch(id, session);
    return this.#accept(opened.bytes);
  }

  counts(): SealCounts {
    return {
      sealed: this.#sealed,
      opened: this.#opened,
      refused: { ...this.#refused },
      sessions: this.#sessions.size,
    };
  }

  #openFirst(packet: Buffer, id: string, counter: number, clusterKey: ClusterKey, own: string): OpenResult {
    const key = sessionKey(clusterKey.gossipKey, sessionOf(packet));
    const opened = openPacket(key, packet, own);
    if (!opened) return this.#refuse("forged");
    if (!this.#isOfNow(opened.timeMs)) return this.#refuse("clock");
    this.#sessions.begin(id, counter, clusterKey, key);
    return this.#accept(opened.bytes);
  }

  /** From before this process began is what its predecessor may have opened; for a peer's clock may be behind, not quite. */
  #isOfNow(timeMs: number): boolean {
    const nowMs = this.#clock.now();
    const ageMs = nowMs - timeMs;
    const uptimeMs = this.#clock.monotonic() - this.#startedMs; // not by the wall clock, which may be set
    return Math.abs(ageMs) <= this.#skewMs && ageMs <= uptimeMs + CLOCK_TOLERANCE_MS;
  }

  #accept(bytes: Uint8Array): OpenResult {
    this.#opened++;
    return { ok: true, bytes };
  }

  #refuse(reason: SealRefusal): OpenResult {
    this.#refused[reason]++;
    return { ok: false, reason };
  }
}

function textOf(address: string | HostPort): string {
  return typeof address === "string" ? address : addressText(address);
}
