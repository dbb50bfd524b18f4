/**
 * This node's own record. Only the node itself changes it: it contradicts suspicions with a higher incarnation, tells of new
 * metadata, says farewell, and gives way to a newer process under its id.
 */
import type { Core } from "./core.ts";
import type { Address, Member, NodeMeta, Peer, Update } from "./messages.ts";
import { assertFitsGossip, BORN_MS_MAX, INCARNATION_MAX } from "./options.ts";
import { compareAddresses, isSameAddress, isUp } from "./precedence.ts";

export class OwnMember {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Somebody says something of this node. */
  hear({ member: claim, by }: Update): void {
    const { self } = this.#core;
    if (claim.bornMs > self.bornMs) return this.#newerLife(claim);
    if (claim.bornMs < self.bornMs) return this.#olderLife(claim);
    if (!this.#core.rules.refutes(claim, self)) return this.#oldNews(claim);
    if (isUp(claim) && this.#isTwin(claim)) return this.#yield(claim);
    if (claim.state === "suspect" && by !== self.id) this.#core.health.change(1);
    this.#refute(claim);
  }

  /** A message from this node's own id: itself, or another process. */
  meet(from: Peer): void {
    const { self } = this.#core;
    this.#core.counts.fromSelf++;
    if (from.bornMs > self.bornMs && !isSameAddress(from.address, self.address)) this.#yield(from);
  }

  update(meta: NodeMeta, address: Address | undefined): void {
    const { options, self } = this.#core;
    const member = { ...self, meta, address: address ?? self.address, incarnation: self.incarnation + 1 };
    assertFitsGossip(member, options);
    this.#core.become(member);
  }

  leave(): void {
    const { rules, self } = this.#core;
    this.#core.phase = "leaving";
    this.#core.become({ ...self, state: rules.farewell, incarnation: self.incarnation + 1 });
  }

  #refute(claim: Member): void {
    const { counts, rules, self } = this.#core;
    const incarnation = rules.refutation(claim, self);
    if (incarnation > INCARNATION_MAX) return this.#beginLife(self.bornMs + 1);
    counts.refutations++;
    this.#core.mustTell = true;
    this.#core.become({ ...self, incarnation });
  }

  /**
   * Another process under this id, younger by its clock. If it is up elsewhere, this one is in its way. If it is gone, or was
   * at this very address, it was an earlier process and the clock has gone back: this one has to be the newer.
   */
  #newerLife(claim: Member): void {
    const isElsewhere = !isSameAddress(claim.address, this.#core.self.address);
    if (isUp(claim) && isElsewhere) this.#yield(claim);
    else this.#beginLife(claim.bornMs + 1);
  }

  /** Contradicted already, but whoever says it has missed that, and will not hear it from others who know it. */
  #oldNews(claim: Member): void {
    this.#core.counts.newsOld++;
    if (claim.state === "alive" || claim.incarnation >= this.#core.self.incarnation) return;
    this.#core.isSenderBehind = true;
    this.#spreadAgain();
  }

  /** Others still hold this node's former life for the present one: they have not heard of this one yet. */
  #olderLife(claim: Member): void {
    this.#core.counts.newsOld++;
    if (isUp(claim)) this.#spreadAgain();
  }

  #spreadAgain(): void {
    const { queue, self } = this.#core;
    if (!queue.has(self.id)) this.#core.spread({ member: self, by: self.id });
  }

  /** Both born in the same millisecond: the address decides, on both sides alike. */
  #isTwin(claim: Member): boolean {
    return (
      compareAddresses(claim.address, this.#core.self.address) > 0 && claim.incarnation >= this.#core.self.incarnation
    );
  }

  #beginLife(bornMs: number): void {
    if (bornMs > BORN_MS_MAX) return void this.#core.counts.outOfBounds++;
    this.#core.counts.rebirths++;
    this.#core.mustTell = true;
    this.#core.become({ ...this.#core.self, bornMs, incarnation: 0 });
  }

  #yield({ address, bornMs, id }: Peer): void {
    this.#core.end({ type: "ended", reason: "yielded", to: { id, address, bornMs } });
  }
}
