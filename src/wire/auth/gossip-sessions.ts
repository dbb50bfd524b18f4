/**
 * The senders' sessions that a node has heard of: each with its replay window and the keys derived for it. A session is
 * remembered only once a packet of it was genuine, so strangers cannot fill this; the one heard of longest ago goes first.
 */
import type { ClusterKey } from "./cluster-key.ts";
import { sessionKey } from "./gossip-packet.ts";
import { KEYS_MAX } from "./limits.ts";
import { ReplayWindow } from "./replay-window.ts";

export interface Session {
  readonly window: ReplayWindow;
  /** By cluster key: a session outlives the rotation of keys. */
  readonly keys: Map<ClusterKey, Uint8Array>;
}

export class GossipSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#sessions.size;
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** A genuine packet of a session that was not known. */
  begin(id: string, counter: number, clusterKey: ClusterKey, key: Uint8Array): void {
    if (this.#sessions.size >= this.#max) this.#sessions.delete(this.#sessions.keys().next().value!);
    this.#sessions.set(id, { window: new ReplayWindow(counter), keys: new Map([[clusterKey, key]]) });
  }

  /** A genuine packet of a known one. */
  touch(id: string, session: Session): void {
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
  }
}

/** The session's key under a cluster key, derived once. */
export function keyWithin(session: Session, clusterKey: ClusterKey, id: Uint8Array): Uint8Array {
  let key = session.keys.get(clusterKey);
  if (!key) {
    key = sessionKey(clusterKey.gossipKey, id);
    if (session.keys.size >= KEYS_MAX) session.keys.delete(session.keys.keys().next().value!);
    session.keys.set(clusterKey, key);
  }
  return key;
}
