/**
 * Path rules on their way down a document. A place in a rule's path is a number; where the rules stand is a list of places, each once: `$..a..b`
 * can come to one place in as many ways as a document is deep, and all of them go on alike. So a value costs no more than there are places.
 */
import type { PathStep } from "./json-path.ts";
import type { PathRule } from "./rules.ts";

/** Places in the order of their rules. */
export type Standings = readonly number[];

const NOWHERE: Standings = [];

export class PathWalk {
  /** By place: the step that comes next; undefined behind the last one of a rule. */
  readonly #steps: (PathStep | undefined)[] = [];
  readonly #rules: PathRule[] = [];
  readonly #begin: Standings;
  /** By place: the round in which it was last taken into a list. */
  readonly #taken: Uint32Array;
  #round = 0;

  constructor(rules: readonly PathRule[]) {
    this.#begin = rules.map((rule) => {
      const first = this.#steps.length;
      this.#steps.push(...rule.path, undefined);
      for (let at = 0; at <= rule.path.length; at++) this.#rules.push(rule);
      return first;
    });
    this.#taken = new Uint32Array(this.#steps.length);
  }

  begin(): Standings {
    return this.#begin;
  }

  /** The first rule that ends here. */
  ended(standings: Standings): PathRule | undefined {
    for (const place of standings) if (this.#steps[place] === undefined) return this.#rules[place];
    return undefined;
  }

  /** One level down: into a member by its name, or into an item by its index. */
  down(standings: Standings, into: string | number): Standings {
    if (standings.length === 0) return NOWHERE;
    if (this.#staysAt(standings, into)) return standings;
    const next: number[] = [];
    this.#round++;
    for (const place of standings) {
      const isDeep = this.#steps[place]?.kind === "deep";
      if (isDeep) this.#take(place, next);
      const wanted = isDeep ? place + 1 : place;
      if (fits(this.#steps[wanted], into)) this.#take(wanted + 1, next);
    }
    return next;
  }

  /** Rules for any depth that nothing fits: most of what there is. */
  #staysAt(standings: Standings, into: string | number): boolean {
    for (const place of standings)
      if (this.#steps[place]?.kind !== "deep" || fits(this.#steps[place + 1], into)) return false;
    return true;
  }

  #take(place: number, next: number[]): void {
    if (this.#taken[place] === this.#round) return;
    this.#taken[place] = this.#round;
    next.push(place);
  }
}

function fits(step: PathStep | undefined, into: string | number): boolean {
  if (step === undefined) return false;
  if (step.kind === "name") return step.name === into;
  return step.kind === "index" ? step.index === into : step.kind === "each";
}
