/**
 * News waiting to be sent along. One piece for each member: newer news takes the place of older. What was sent least often
 * goes first; after `transmitsMax` times it is dropped. Bounded in pieces here, and in bytes on each message.
 */
import type { Update } from "./messages.ts";

interface Piece {
  readonly update: Update;
  readonly size: number;
  transmits: number;
}

/** Pieces looked at for one message: those that do not fit must not make a message cost the whole queue. */
const LOOKED_AT_MAX = 64;

export const NO_GOSSIP: readonly Update[] = [];

export class GossipQueue {
  /** By how often its pieces were sent, then in the order in which they came. */
  readonly #tiers: Map<string, Piece>[] = [];
  readonly #pieces = new Map<string, Piece>();
  readonly #sizeOf: (update: Update) => number;
  readonly #bytesMax: number;
  readonly #max: number;
  #dropped = 0;

  /** `bytesMax` on one message, `max` pieces waiting. */
  constructor(sizeOf: (update: Update) => number, bytesMax: number, max: number) {
    this.#sizeOf = sizeOf;
    this.#bytesMax = bytesMax;
    this.#max = max;
  }

  get size(): number {
    return this.#pieces.size;
  }

  /** Pieces that had to go before they were sent often enough. */
  get dropped(): number {
    return this.#dropped;
  }

  has(id: string): boolean {
    return this.#pieces.has(id);
  }

  /** What is too large for any message is left to anti-entropy. */
  add(update: Update): void {
    this.remove(update.member.id);
    const piece: Piece = { update, size: this.#sizeOf(update), transmits: 0 };
    if (piece.size > this.#bytesMax) return void this.#dropped++;
    if (this.#pieces.size >= this.#max) this.#dropMostSent();
    this.#pieces.set(update.member.id, piece);
    this.#tier(0).set(update.member.id, piece);
  }

  remove(id: string): void {
    const piece = this.#pieces.get(id);
    if (piece === undefined) return;
    this.#pieces.delete(id);
    this.#tiers[piece.transmits]!.delete(id);
  }

  /** What rides on one message: `first` before all else where it fits, then what was sent least. */
  take(transmitsMax: number, first?: Update): readonly Update[] {
    if (first === undefined && this.#pieces.size === 0) return NO_GOSSIP;
    let free = this.#bytesMax - (first === undefined ? 0 : this.#sizeOf(first));
    if (free < 0) return this.take(transmitsMax);
    const taken: Piece[] = [];
    let looks = 0;
    for (const tier of this.#tiers) {
      for (const piece of tier.values()) {
        if (++looks > LOOKED_AT_MAX) break;
        if (piece.size > free || piece.update.member.id === first?.member.id) continue;
        free -= piece.size;
        taken.push(piece);
      }
    }
    for (const piece of taken) this.#sent(piece, transmitsMax);
    const gossip = taken.map(({ update }) => update);
    if (first !== undefined) gossip.unshift(first);
    return gossip;
  }

  clear(): void {
    this.#pieces.clear();
    for (const tier of this.#tiers) tier.clear();
  }

  #sent(piece: Piece, transmitsMax: number): void {
    const { id } = piece.update.member;
    this.#tiers[piece.transmits]!.delete(id);
    piece.transmits++;
    if (piece.transmits >= transmitsMax) this.#pieces.delete(id);
    else this.#tier(piece.transmits).set(id, piece);
  }

  #tier(transmits: number): Map<string, Piece> {
    for (let at = this.#tiers.length; at <= transmits; at++) this.#tiers.push(new Map());
    return this.#tiers[transmits]!;
  }

  #dropMostSent(): void {
    for (let at = this.#tiers.length - 1; at >= 0; at--) {
      const [id] = this.#tiers[at]!.keys();
      if (id === undefined) continue;
      this.remove(id);
      this.#dropped++;
      return;
    }
  }
}
