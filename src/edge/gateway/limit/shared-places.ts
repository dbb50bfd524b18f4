/**
 * One limit of concurrency, counted by several: how many requests of each key are under way at each peer, as it said last, and which keys
 * each peer has to be told of. What is told is how many there are, never how many more or fewer: said twice, or after something was lost, it is as true.
 * Whoever carries it says everything anew now and then (`renew`), so that whatever went wrong is mended by that. The peers stand in the
 * tree that `SharedLimits` tells of: to each is told what is under way here and at all for whom this process speaks to it.
 */
import type { Concurrency } from "./concurrency.ts";
import type { SharedPairs } from "./shared-message.ts";

/** Keys told to one peer, or to be told: with more at one time, those beyond are counted by each alone. */
const KEYS_MAX = 10_000;

interface PlacePeer {
  readonly isInside: boolean;
  /** Under way there, and at all for whom it speaks. */
  readonly held: Map<string, number>;
  /** Of these keys it may believe that some are under way here. */
  readonly told: Set<string>;
  /** To be told. */
  readonly due: Set<string>;
}

export class SharedPlaces {
  readonly concurrency: Concurrency;
  readonly #peers = new Map<string, PlacePeer>();
  /** Changed here since the last round. */
  readonly #fresh = new Set<string>();
  #untold = 0;

  constructor(concurrency: Concurrency) {
    this.concurrency = concurrency;
    concurrency.onChanged = (key) => void this.#fresh.add(key);
  }

  /** Nobody counts this together any more. */
  retire(): void {
    this.concurrency.onChanged = undefined;
    for (const peer of [...this.#peers.keys()]) this.#remove(peer);
  }

  /** `wanted`: all peers, and whether they are inside. What those that are gone had under way is free. */
  setPeers(wanted: ReadonlyMap<string, boolean>): void {
    for (const peer of [...this.#peers.keys()]) if (!wanted.has(peer)) this.#remove(peer);
    for (const [peer, isInside] of wanted) {
      if (this.#peers.has(peer) || !(isInside || this.concurrency.plan.isShared)) continue;
      this.#peers.set(peer, { isInside, held: new Map(), told: new Set(), due: new Set() });
      this.renew(peer);
    }
  }

  /** What a peer has under way. */
  receive(peer: string, pairs: SharedPairs): void {
    const from = this.#peers.get(peer);
    if (from === undefined) return;
    for (let at = 0; at < pairs.length; at += 2) this.#learn(from, String(pairs[at]), Number(pairs[at + 1]));
  }

  /** Nothing is known of what it has under way: it is gone, or is another than it was. */
  forget(peer: string): void {
    const from = this.#peers.get(peer);
    if (from === undefined) return;
    for (const key of [...from.held.keys()]) this.#learn(from, key, 0);
  }

  /** Once a round: what has changed here is due to all. */
  distribute(): void {
    for (const key of this.#fresh) for (const to of this.#peers.values()) this.#owe(to, key);
    this.#fresh.clear();
  }

  /** It is to be told everything again. */
  renew(peer: string): void {
    const to = this.#peers.get(peer);
    if (to === undefined) return;
    for (const key of to.told) this.#owe(to, key);
    for (const key of this.concurrency.heldKeys()) this.#owe(to, key);
    for (const from of this.#peers.values()) {
      if (isTold(from, to)) for (const key of from.held.keys()) this.#owe(to, key);
    }
  }

  /** What is to be told, as many keys as that; they are not due any more. */
  cut(peer: string, keysMax: number): SharedPairs {
    const to = this.#peers.get(peer);
    const pairs: (string | number)[] = [];
    if (to === undefined) return pairs;
    for (const key of to.due) {
      if (pairs.length === 2 * keysMax) break;
      to.due.delete(key);
      const count = this.#heldFor(to, key);
      if (!to.told.has(key)) {
        if (count === 0) continue; // it came and went between two rounds
        if (to.told.size >= KEYS_MAX) {
          this.#untold++;
          continue;
        }
        to.told.add(key);
      }
      pairs.push(key, count);
    }
    return pairs;
  }

  /** It has heard what was cut for it. */
  heard(peer: string, pairs: SharedPairs): void {
    const told = this.#peers.get(peer)?.told;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at + 1] === 0) told?.delete(String(pairs[at]));
  }

  /** How often a key was not told because there were too many. */
  get untold(): number {
    return this.#untold;
  }

  #remove(peer: string): void {
    this.forget(peer);
    this.#peers.delete(peer);
  }

  #learn(from: PlacePeer, key: string, count: number): void {
    const change = count - (from.held.get(key) ?? 0);
    if (change === 0) return;
    if (count === 0) from.held.delete(key);
    else from.held.set(key, count);
    this.concurrency.changeElsewhere(key, change);
    for (const to of this.#peers.values()) if (isTold(from, to)) this.#owe(to, key);
  }

  #owe(to: PlacePeer, key: string): void {
    if (to.due.size < KEYS_MAX) to.due.add(key);
    else if (!to.due.has(key)) this.#untold++;
  }

  #heldFor(to: PlacePeer, key: string): number {
    let held = this.concurrency.heldOf(key);
    for (const from of this.#peers.values()) if (isTold(from, to)) held += from.held.get(key) ?? 0;
    return held;
  }
}

/** Processes of this gateway are told of all others, other gateways of the processes. */
function isTold(from: PlacePeer, to: PlacePeer): boolean {
  return from !== to && (from.isInside || to.isInside);
}
