/**
 * The lists of values that the rules of one transaction look at, made when they are first asked for and kept as long as the variables are the same.
 * Rules come in families that look at the same targets in the same way: what can match anything in all of their lists is put together once,
 * and nearly every rule is done with one look at that.
 */
import type { MatchRun, OperatorFilter } from "../match/index.ts";
import type { Found } from "./found.ts";
import type { Plan, PlannedLink, PlannedTarget } from "./plan.ts";
import { select } from "./select.ts";
import type { Turn } from "./turn.ts";
import { listOf, type ValueList } from "./value-list.ts";
import type { Variables } from "./variables.ts";

type Prefilter = OperatorFilter["prefilter"];
type Hits = readonly number[];

interface Kept {
  readonly list: ValueList;
  /** Of the variables when it was last known to hold. */
  generation: number;
  /** What it was made of. */
  readonly origin: readonly Found[] | undefined;
  readonly originLength: number;
}

const NO_HITS: Hits = [];

/** What links of one family look at. */
class Family {
  readonly lists: readonly ValueList[];
  generation: number;
  /** The patterns that can match some form in some list. */
  hits = NO_HITS;
  /** Of the filter when they were gathered. */
  epoch: object | undefined;
  // While they are being gathered: in which list, what was found until there, and the epoch when that began.
  at = 0;
  found = NO_HITS;
  foundIn: object | undefined;

  constructor(lists: readonly ValueList[], generation: number) {
    this.lists = lists;
    this.generation = generation;
  }
}

export class RuleLists {
  readonly #variables: Variables;
  readonly #run: MatchRun;
  readonly #kept: (Kept | undefined)[];
  readonly #families: (Family | undefined)[];

  constructor(variables: Variables, run: MatchRun, { families, lists }: Plan) {
    this.#variables = variables;
    this.#run = run;
    this.#kept = new Array(lists);
    this.#families = new Array(families);
  }

  /** The values of one target. */
  of({ exclusions, list, target }: PlannedTarget): ValueList {
    const variables = this.#variables;
    const kept = list < 0 ? undefined : this.#kept[list];
    if (kept !== undefined && this.#holds(kept, target.collection)) return kept.list;
    const selected = listOf(select(target, exclusions, variables, this.#run), variables.pool);
    if (list >= 0) {
      const origin = variables.originOf(target.collection);
      const { generation } = variables;
      this.#kept[list] = { list: selected, generation, origin, originLength: origin?.length ?? 0 };
    }
    return selected;
  }

  ofEach(targets: readonly PlannedTarget[]): readonly ValueList[] {
    const lists: ValueList[] = [];
    for (const target of targets) lists.push(this.of(target));
    return lists;
  }

  #holds(kept: Kept, collection: string): boolean {
    const { generation } = this.#variables;
    if (kept.generation === generation) return true;
    if (kept.origin === undefined) return false;
    const origin = this.#variables.originOf(collection);
    if (origin !== kept.origin || origin.length !== kept.originLength) return false;
    kept.generation = generation;
    return true;
  }

  /** Of a link of a family: whether no value of any of its targets can match. Undefined: the turn is over. */
  isHopeless(link: PlannedLink, filter: OperatorFilter, turn: Turn): boolean | undefined {
    const { bit, mask, prefilter, word } = filter;
    const family = this.#familyOf(link);
    prefilter.activate(bit);
    // What others ask for while it is gathered is of a later epoch: the next rule finds it out of date.
    const isKnown = family.foundIn === undefined && family.epoch === prefilter.epoch;
    if (!isKnown && !this.#gather(family, link, prefilter, turn)) return undefined;
    return !this.#run.isExhausted && (family.hits[word]! & mask) === 0;
  }

  /** False: the turn is over. */
  #gather(family: Family, { chain, link }: PlannedLink, prefilter: Prefilter, turn: Turn): boolean {
    if (family.foundIn === undefined) {
      family.foundIn = prefilter.epoch;
      family.found = prefilter.none;
      family.at = 0;
    }
    const { lists } = family;
    for (; family.at < lists.length; family.at += 1) {
      const list = lists[family.at]!;
      if (list.found.length === 0) continue;
      const hits = list.hits(chain, link.transformations, prefilter, this.#run, turn);
      if (hits === undefined) return false;
      family.found = prefilter.either(family.found, hits);
    }
    family.hits = family.found;
    family.epoch = family.foundIn;
    family.foundIn = undefined;
    return true;
  }

  #familyOf({ family, targets }: PlannedLink): Family {
    const { generation } = this.#variables;
    const known = this.#families[family];
    if (known !== undefined && (known.generation === generation || this.#isSame(known.lists, targets))) {
      known.generation = generation;
      return known;
    }
    const made = new Family(this.ofEach(targets), generation);
    this.#families[family] = made;
    return made;
  }

  #isSame(lists: readonly ValueList[], targets: readonly PlannedTarget[]): boolean {
    for (let at = 0; at < targets.length; at += 1) if (this.of(targets[at]!) !== lists[at]) return false;
    return true;
  }
}
