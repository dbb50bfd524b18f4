/**
 * Why things failed, how often, and a few examples, bounded: reasons may quote values and so all differ. While there are
 * few every count is exact, in whatever order tallies are merged. When there are too many, the rarest are put away and only
 * their number is kept; a reason that comes often stays, though its count may miss what came before it was noticed. The sum
 * of all counts is always exact.
 */
import { TopList } from "../../base/top-list.ts";
import {
  cut,
  EXAMPLES_MAX,
  type FailureRecord,
  NAME_CHARS_MAX,
  REASON_CHARS_MAX,
  REASONS_MAX,
  type ReasonRecord,
} from "./model.ts";
import { byName } from "./named-tallies.ts";
import type { FailedObservation } from "./observation.ts";

type Example = ReasonRecord["examples"][number];

interface Group {
  readonly key: string;
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  count: number;
  readonly examples: TopList<Example>;
}

export class ReasonTally {
  readonly #groups = new Map<string, Group>();
  #others = 0;

  add({ code, count = 1, id, node = "", reason, stage = "" }: FailedObservation): void {
    const group = this.#group(stage, code, reason);
    group.count += count;
    group.examples.add({ id: cut(id, NAME_CHARS_MAX), node: cut(node, NAME_CHARS_MAX) });
  }

  merge({ others, reasons }: FailureRecord): void {
    this.#others += others;
    for (const { code, count, examples, reason, stage } of reasons) {
      const group = this.#group(stage, code, reason);
      group.count += count;
      for (const example of examples) group.examples.add(example);
    }
  }

  /** The most frequent first. */
  toJson(): FailureRecord {
    this.#putAway();
    const reasons = [...this.#groups.values()].toSorted(byCount).map(({ key: _, examples, ...group }) => {
      return { ...group, examples: examples.list() };
    });
    return { reasons, others: this.#others };
  }

  #group(stage: string, code: string, reason: string): Group {
    const words = [cut(stage, NAME_CHARS_MAX), cut(code, NAME_CHARS_MAX), cut(reason, REASON_CHARS_MAX)] as const;
    const key = JSON.stringify(words);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size >= 2 * REASONS_MAX) this.#putAway(); // twice as many: sorting for each one would be slow
    const examples = new TopList<Example>(EXAMPLES_MAX, (left, right) => {
      return byName(left.id, right.id) || byName(left.node, right.node);
    });
    const group = { key, stage: words[0], code: words[1], reason: words[2], count: 0, examples };
    this.#groups.set(key, group);
    return group;
  }

  #putAway(): void {
    for (const { count, key } of [...this.#groups.values()].toSorted(byCount).slice(REASONS_MAX)) {
      this.#others += count;
      this.#groups.delete(key);
    }
  }
}

function byCount(left: Group, right: Group): number {
  return right.count - left.count || byName(left.key, right.key);
}
