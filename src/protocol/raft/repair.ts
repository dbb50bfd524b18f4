/**
 * A node that has lost something that was durable. What it acknowledged may be committed by its word alone, so it votes for nobody until
 * a leader has told it how far the log reached when the leader heard of the damage, and all of that is durable here again. Its name of
 * the damage is new in each life: a leader forgets what the node acknowledged before.
 */
import type { Core } from "./core.ts";

/** Names fit 32 bits. */
const REPAIR_ID_BOUND = 2 ** 32;

export class Repair {
  readonly #core: Core;
  readonly #id: number;
  #asked: { readonly term: number; readonly through: number } | undefined;
  /** The logs are known to match up to here, in which leader's term. */
  #matched = 0;
  #matchedTerm = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#id = core.random.below(REPAIR_ID_BOUND);
  }

  /** What replies carry. */
  get id(): number | undefined {
    return this.#core.isDamaged ? this.#id : undefined;
  }

  /** Nobody else has a copy, and nobody else can lead. */
  get isHopeless(): boolean {
    const { configuration, id, isDamaged } = this.#core;
    const { voters, votersOutgoing } = configuration;
    return isDamaged && [voters, votersOutgoing].some((list) => list.length === 1 && list[0] === id);
  }

  /** The leader of this term says how far its log reached, if it means this damage. */
  ask(repair: { readonly id: number; readonly through: number } | undefined): void {
    if (repair === undefined || repair.id !== this.id) return;
    this.#asked = { term: this.#core.term, through: repair.through };
  }

  matched(index: number): void {
    if (!this.#core.isDamaged) return;
    const { term } = this.#core;
    this.#matched = this.#matchedTerm === term ? Math.max(this.#matched, index) : index;
    this.#matchedTerm = term;
  }

  /** Is it whole? */
  check(): void {
    const core = this.#core;
    if (!core.isDamaged || this.#asked?.term !== core.term || this.#matchedTerm !== core.term) return;
    if (!core.rules.isRepaired(this.#matched, core.log.durableIndex, this.#asked.through)) return;
    core.isDamaged = false;
    core.emit({ type: "repaired" });
  }
}
