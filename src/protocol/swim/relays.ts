/**
 * Pings on behalf of others: whoever asks gets the target's answer, or in time a "not yet" that says at least that we two can
 * talk. Bounded: more requests at once than `RELAYS_MAX` are not served.
 */
import type { Core } from "./core.ts";
import type { AckMessage, Peer, PingReqMessage } from "./messages.ts";
import { isAddress, isId } from "./options.ts";
import type { TimerEntry } from "./timers.ts";

interface Relay {
  readonly asker: Peer;
  readonly seq: number;
  readonly target: string;
  timer: TimerEntry;
}

/** Requests under way: three helpers for each probe that fails spread over the cluster, so this is a storm. */
const RELAYS_MAX = 256;
/** Of the asker's own time-out: what is left is for the way back. */
const NACK_SHARE = 0.8;

export class Relays {
  readonly #core: Core;
  readonly #relays = new Map<number, Relay>();

  constructor(core: Core) {
    this.#core = core;
  }

  get underWay(): number {
    return this.#relays.size;
  }

  ask({ from, seq, target }: PingReqMessage): void {
    const { counts, nowMs, options, peer, table, timers } = this.#core;
    if (!isId(target.id) || !isAddress(target.address) || target.id === peer.id) return void counts.outOfBounds++;
    if (this.#relays.size >= RELAYS_MAX) return void counts.relaysRefused++;
    const own = this.#core.nextSeq();
    const timer = timers.set(nowMs + NACK_SHARE * options.probeTimeoutMs, () => this.#notYet(own));
    this.#relays.set(own, { asker: from, seq, target: target.id, timer });
    counts.relayed++;
    const gossip = this.#core.gossip(table.get(target.id));
    this.#core.send(target.address, { type: "ping", seq: own, from: peer, to: target.id, gossip });
  }

  /** Was this the answer to a ping for somebody else? */
  acked({ from, of, seq }: AckMessage): boolean {
    const relay = this.#relays.get(seq);
    if (relay === undefined || of !== undefined || relay.target !== from.id) return false;
    this.#core.timers.cancel(relay.timer);
    this.#relays.delete(seq);
    const { asker } = relay;
    const gossip = this.#core.gossip(this.#core.table.get(asker.id));
    const answer = { type: "ack", seq: relay.seq, from: this.#core.peer, to: asker.id, of: from, gossip } as const;
    this.#core.send(asker.address, answer);
    return true;
  }

  /** The target has the rest of the asker's period: an answer then is still passed on. */
  #notYet(own: number): void {
    const { nowMs, options, peer, table, timers } = this.#core;
    const relay = this.#relays.get(own);
    if (relay === undefined) return;
    relay.timer = timers.set(nowMs + options.probeIntervalMs, () => this.#relays.delete(own));
    const { asker, seq } = relay;
    const gossip = this.#core.gossip(table.get(asker.id));
    this.#core.send(asker.address, { type: "nack", seq, from: peer, to: asker.id, gossip });
  }
}
