/** What is kept in mind while JSON is read and hidden: what is open, what is being hidden, how far the result is. */
import type { Standings } from "./path-walk.ts";
import type { PathRule } from "./rules.ts";

/** An object or list that is being read. */
export interface Level {
  readonly isObject: boolean;
  readonly standings: Standings;
  /** What it is called, `[]` for items. */
  readonly name: string;
  /** Entries so far, and those of them that are still there. */
  index: number;
  kept: number;
}

/** A value that is hidden as a whole. */
export interface Hiding {
  readonly rule: PathRule;
  readonly name: string;
  readonly level: number;
  /** Where the entry begins that goes with it when it is removed, and where the value does. */
  entryAt: number;
  valueAt: number;
  before: Mark;
}

/** How far the result was. */
export interface Mark {
  readonly pieces: number;
  readonly copied: number;
  readonly count: number;
}

/** A long text whose patterns are found: its literals, where something was hidden. */
export interface Long {
  readonly pieces: readonly string[];
  readonly count: number;
}
