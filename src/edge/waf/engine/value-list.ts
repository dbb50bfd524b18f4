/**
 * The values that one target means, and their forms behind each chain of transformations: worked out once for all rules that share them. Rules
 * are many and values are many; what they have in common is what keeps the work linear. A chain looks only at values with a kind of byte
 * that it changes, a pattern only at forms that it can match.
 */
import type { MatchRun, OperatorFilter, Subject, TransformChain } from "../match/index.ts";
import type { Found } from "./found.ts";
import type { Turn } from "./turn.ts";
import { Value } from "./value.ts";
import type { ValuePool } from "./value-pool.ts";

type Prefilter = OperatorFilter["prefilter"];

/** The forms behind one chain. */
interface Forms {
  /** As many as there are distinct values. */
  readonly all: readonly Subject[];
  /** Those that some pattern can match, each once, and the patterns of all of them. */
  candidates: readonly Subject[];
  hits: readonly number[];
  /** Of the filter when they were scanned. */
  epoch: object | undefined;
}

/** A chain that is being worked out. */
interface Transforming {
  /** Of the values where it stands: in which, and after how many steps of the chain. */
  at: number;
  form: Subject | undefined;
  step: number;
  /** Undefined as long as nothing has changed. */
  all: Subject[] | undefined;
}

/** Forms that are being scanned. */
interface Scanning {
  readonly forms: Forms;
  readonly epoch: object;
  at: number;
  readonly candidates: Subject[];
  hits: readonly number[];
}

const NONE: readonly Subject[] = [];
const NO_HITS: readonly number[] = [];
/** Of a list with one value. */
const FIRST = Int32Array.of(0);

export type { ValueList };

class ValueList {
  readonly found: readonly Found[];
  /** Each value once. */
  readonly #subjects: Subject[] = [];
  /** For each of `found` where its value is in `#subjects` and in every list of forms. */
  readonly places: Int32Array;
  /** Of all values together. */
  #kinds = 0;
  /** By the number of the chain. */
  readonly #forms: (Forms | undefined)[] = [];
  #own: Forms | undefined;
  // One of each at a time: a rule goes on with what it has begun, and who leaves a rule leaves its lists as well.
  #transforming: Transforming | undefined;
  #scanning: Scanning | undefined;

  /** `list`: a number that no list has had before. */
  constructor(found: readonly Found[], list: number) {
    this.found = found;
    this.places = found.length === 1 ? FIRST : new Int32Array(found.length);
    for (let at = 0; at < found.length; at += 1) {
      const place = this.#place(found[at]!.subject, list);
      if (place > 0) this.places[at] = place;
    }
  }

  #place(subject: Subject, list: number): number {
    const at = this.#subjects.length;
    if (subject instanceof Value) {
      if (subject.listedIn === list) return subject.listedAt;
      subject.listedIn = list;
      subject.listedAt = at;
    }
    this.#subjects.push(subject);
    this.#kinds |= subject.kinds;
    return at;
  }

  /** The forms of all distinct values; `places` tells which one belongs to which of `found`. Undefined: the turn is over. */
  forms(number: number, chain: TransformChain, run: MatchRun, turn: Turn): readonly Subject[] | undefined {
    return this.#of(number, chain, run, turn)?.all;
  }

  /** Those that have been asked for. */
  known(number: number): readonly Subject[] {
    return this.#forms[number]!.all;
  }

  /**
   * The patterns that can match some of the forms, among those that are active when it is asked for: where a rule's is not one of them, there is no
   * need to ask for each form. Undefined: the turn is over.
   */
  hits(
    number: number,
    chain: TransformChain,
    prefilter: Prefilter,
    run: MatchRun,
    turn: Turn,
  ): readonly number[] | undefined {
    const forms = this.#of(number, chain, run, turn);
    if (forms === undefined) return undefined;
    if (forms.epoch !== prefilter.epoch && !this.#scan(forms, prefilter, run, turn)) return undefined;
    return forms.hits;
  }

  /** After `hits`: forms of which some may match. */
  candidates(number: number): readonly Subject[] {
    return this.#forms[number]!.candidates;
  }

  #of(number: number, chain: TransformChain, run: MatchRun, turn: Turn): Forms | undefined {
    const known = this.#forms[number];
    if (known !== undefined) return known;
    const forms = this.#transform(chain, run, turn);
    if (forms !== undefined) this.#forms[number] = forms;
    return forms;
  }

  #transform(chain: TransformChain, run: MatchRun, turn: Turn): Forms | undefined {
    this.#own ??= unscanned(this.#subjects);
    const { triggers } = chain;
    if (triggers !== undefined && (this.#kinds & triggers) === 0) return this.#own;
    this.#transforming ??= { at: 0, form: undefined, step: 0, all: undefined };
    const work = this.#transforming;
    const subjects = this.#subjects;
    for (; work.at < subjects.length; work.at += 1) {
      const subject = subjects[work.at]!;
      if (triggers !== undefined && (subject.kinds & triggers) === 0) continue;
      const form = this.#formOf(subject, chain, work, run, turn);
      if (form === undefined) return undefined;
      if (form === subject) continue;
      work.all ??= subjects.slice();
      work.all[work.at] = form;
    }
    this.#transforming = undefined;
    return work.all === undefined ? this.#own : unscanned(work.all);
  }

  /** Step by step: values may be long. */
  #formOf(
    subject: Subject,
    { steps }: TransformChain,
    work: Transforming,
    run: MatchRun,
    turn: Turn,
  ): Subject | undefined {
    let form = work.form ?? subject;
    for (let at = work.step; at < steps.length; at += 1) {
      form = form.after(steps[at]!, run);
      if (!turn.isOver(run)) continue;
      work.form = form;
      work.step = at + 1;
      return undefined;
    }
    work.form = undefined;
    work.step = 0;
    return form;
  }

  /** Those of the values themselves are asked for once: a chain adds what its changed forms have. False: the turn is over. */
  #scan(forms: Forms, prefilter: Prefilter, run: MatchRun, turn: Turn): boolean {
    const own = this.#own!;
    const isOwn = forms === own;
    if (!isOwn && own.epoch !== prefilter.epoch && !this.#scan(own, prefilter, run, turn)) return false;
    if (this.#scanning?.forms !== forms)
      this.#scanning = beginScan(forms, isOwn ? prefilter.none : own.hits, prefilter);
    const work = this.#scanning;
    const { all } = forms;
    while (work.at < all.length) {
      const form = all[work.at]!;
      const bits = form.hits(prefilter, run);
      if (bits !== prefilter.none) {
        work.candidates.push(form);
        const isNew = isOwn || form !== own.all[work.at];
        if (isNew) work.hits = prefilter.either(work.hits, bits);
      }
      work.at += 1;
      if (work.at < all.length && turn.isOver(run)) return false;
    }
    this.#scanning = undefined;
    forms.hits = work.hits;
    forms.candidates = work.candidates;
    forms.epoch = work.epoch;
    return true;
  }
}

const EMPTY = new ValueList([], 0);

function unscanned(all: readonly Subject[]): Forms {
  return { all, candidates: NONE, hits: NO_HITS, epoch: undefined };
}

/** What others ask for while it goes on is of a later epoch: whoever asks for that finds it out of date. */
function beginScan(forms: Forms, hits: readonly number[], { epoch }: Prefilter): Scanning {
  return { forms, epoch, at: 0, candidates: [], hits };
}

/** The list of these values. One without any is never asked for more than that, so it is always the same. */
export function listOf(found: readonly Found[], pool: ValuePool): ValueList {
  return found.length === 0 ? EMPTY : new ValueList(found, pool.nextList());
}
