/**
 * Nobody may miss an invalidation because a message got lost: each node numbers its own and keeps the last of them; whoever hears a
 * number that is not the next one, or is told that there are more, asks for those between. When they are kept no longer, the only
 * thing left to say is "everything". Plain data in, plain data out: messages are the business of others.
 */
import { NEWS_KEPT_MAX } from "./limits.ts";
import type { Invalidation } from "./types.ts";

export interface NewsPosition {
  /** Of the life of a node that numbers them. */
  readonly instance: string;
  /** Of the last one; 0 before the first. */
  readonly seq: number;
}

/** What somebody has missed up to `seq`; undefined when that is not known any more. */
export interface Missed extends NewsPosition {
  readonly missed: readonly Invalidation[] | undefined;
}

/** This node's own. */
export class OwnNews {
  readonly #instance: string;
  /** The newest last; the first has the number `#seq - length + 1`. */
  #kept: Invalidation[] = [];
  #seq = 0;

  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Its number. */
  add(invalidation: Invalidation): NewsPosition {
    this.#kept.push(invalidation);
    if (this.#kept.length > 2 * NEWS_KEPT_MAX) this.#kept = this.#kept.slice(-NEWS_KEPT_MAX);
    return { instance: this.#instance, seq: ++this.#seq };
  }

  /** At most `countMax` at once: whoever is still behind asks again. */
  since(known: NewsPosition | undefined, countMax = NEWS_KEPT_MAX): Missed {
    const instance = this.#instance;
    const after = known?.instance === instance ? Math.min(known.seq, this.#seq) : 0;
    const first = this.#seq - this.#kept.length;
    if (after < first) return { instance, seq: this.#seq, missed: undefined };
    const missed = this.#kept.slice(after - first, after - first + countMax);
    return { instance, seq: after + missed.length, missed };
  }
}

/** How far this node has heard the others, each by its id. */
export class Heard {
  readonly #positions = new Map<string, NewsPosition>();

  /** `gap`: some before it were missed. It is to be carried out in any case: whether it was before does not matter. */
  take(node: string, { instance, seq }: NewsPosition): "next" | "known" | "gap" {
    const known = this.#positions.get(node);
    if (known?.instance === instance && seq <= known.seq) return "known";
    const isNext = known?.instance === instance ? seq === known.seq + 1 : known === undefined && seq === 1;
    if (!isNext) return "gap";
    this.#positions.set(node, { instance, seq });
    return "next";
  }

  /** Those it knows a position of. */
  nodes(): readonly string[] {
    return [...this.#positions.keys()];
  }

  position(node: string): NewsPosition | undefined {
    return this.#positions.get(node);
  }

  /**
   * It has told what was missed. `everything`: it could not. `memory`: this is another life of it, and what the earlier one said last
   * may have got lost with it.
   */
  caughtUp(node: string, { instance, missed, seq }: Missed): "nothing" | "memory" | "everything" {
    const known = this.#positions.get(node);
    if (known?.instance === instance && known.seq > seq) return "nothing"; // heard meanwhile
    this.#positions.set(node, { instance, seq });
    if (missed === undefined) return "everything";
    return known !== undefined && known.instance !== instance ? "memory" : "nothing";
  }

  forget(node: string): void {
    this.#positions.delete(node);
  }
}
