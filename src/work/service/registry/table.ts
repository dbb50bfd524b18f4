/**
 * Who offers what: the last word of each node, whether the node is a member, and whether a link to it stands. Only what comes from a
 * member that can be reached is callable. A node's word replaces an earlier one of the same life by its revision, and that of another life
 * whatever that was: whose word counts at all, whoever listens to links decides. Pure: it is told, it tells.
 */
import type { NodeOffers, ServiceOffer } from "../words/index.ts";
import { STRANGERS_MAX } from "./limits.ts";

interface Standing {
  offers: NodeOffers | undefined;
  isMember: boolean;
  isReachable: boolean;
}

/** One version of a service on one node. */
export interface Place {
  readonly node: string;
  /** Of the node's life. */
  readonly instance: string;
  readonly isSelf: boolean;
  /** A link stands, or it is this node. */
  readonly isReachable: boolean;
  readonly offer: ServiceOffer;
}

export class OffersTable {
  readonly #self: string;
  readonly #standings = new Map<string, Standing>();
  #revision = 0;

  constructor(self: string) {
    this.#self = self;
  }

  /** Another one after each change of what is callable or known. */
  get revision(): number {
    return this.#revision;
  }

  /** What the node last said, member or not. */
  offersOf(node: string): NodeOffers | undefined {
    return this.#standings.get(node)?.offers;
  }

  /** Whether this would be news. */
  isNews(node: string, instance: string, revision: number): boolean {
    const offers = this.offersOf(node);
    return offers?.instance !== instance || revision > offers.revision;
  }

  /** False when it is no news, or from one stranger too many. */
  put(offers: NodeOffers): boolean {
    const { node } = offers;
    if (!this.isNews(node, offers.instance, offers.revision)) return false;
    const standing = this.#standings.get(node) ?? this.#add(node);
    if (!standing) return false;
    standing.offers = offers;
    this.#revision++;
    return true;
  }

  /** Membership knows it. What it said before that counts from now on. */
  admit(node: string): void {
    const standing = this.#standings.get(node) ?? this.#make(node);
    if (standing.isMember) return;
    standing.isMember = true;
    this.#revision++;
  }

  /** Dead, left or given up: all that it offered is gone at once. */
  remove(node: string): void {
    if (node === this.#self || !this.#standings.delete(node)) return;
    this.#revision++;
  }

  /** Another process runs under its id: what the earlier one offered is gone at once. */
  renew(node: string): void {
    const standing = this.#standings.get(node);
    if (!standing?.offers) return;
    standing.offers = undefined;
    this.#revision++;
  }

  /** A link to it stands, or has ended. */
  reach(node: string, isReachable: boolean): void {
    const standing = this.#standings.get(node);
    if (!standing || node === this.#self || standing.isReachable === isReachable) return;
    standing.isReachable = isReachable;
    this.#revision++;
    if (!isReachable && !standing.isMember) this.#standings.delete(node);
  }

  isMember(node: string): boolean {
    return this.#standings.get(node)?.isMember ?? false;
  }

  isReachable(node: string): boolean {
    return this.#standings.get(node)?.isReachable ?? false;
  }

  /** Of members, in the order of their ids; this node first. */
  *places(): Generator<Place> {
    const nodes = [...this.#standings.keys()].sort();
    for (const node of [this.#self, ...nodes.filter((each) => each !== this.#self)]) {
      const { isMember, isReachable, offers } = this.#standings.get(node) ?? {};
      if (!isMember || !offers || isReachable === undefined) continue;
      const { instance } = offers;
      for (const offer of offers.services) yield { node, instance, isSelf: node === this.#self, isReachable, offer };
    }
  }

  #add(node: string): Standing | undefined {
    const strangers = [...this.#standings.values()].filter(({ isMember }) => !isMember).length;
    return node === this.#self || strangers < STRANGERS_MAX ? this.#make(node) : undefined;
  }

  #make(node: string): Standing {
    const isSelf = node === this.#self;
    const standing: Standing = { offers: undefined, isMember: isSelf, isReachable: isSelf };
    this.#standings.set(node, standing);
    return standing;
  }
}
