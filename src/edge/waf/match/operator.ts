/** What an operator is to rules, and what a set of them needs to be made. */
import type { Bytes } from "./bytes.ts";
import type { OperatorFilter } from "./prefilter.ts";
import type { MatchRun } from "./run.ts";
import type { Subject } from "./subject.ts";

export interface Operator {
  /** As ModSecurity spells it, lower case: `rx`, `pmfromfile`. */
  readonly name: string;
  /**
   * Whether the value matches; negation (`!@`) is the caller's. `argument` takes the place of an argument that was written with macros
   * (`isDynamic`), expanded by the caller for this transaction.
   */
  match(subject: Subject, run: MatchRun, argument?: Bytes): boolean;
  /** What the filter of the set knows of it; undefined: every value has to be looked at. */
  readonly filter?: OperatorFilter | undefined;
}

export interface OperatorSpec {
  /** Without `@`, in any case. */
  readonly name: string;
  readonly argument: Bytes;
  /** The argument holds macros: what it says is known per transaction only. */
  readonly isDynamic: boolean;
  /** The content of the file that the argument names, for `pmFromFile`, `ipMatchFromFile`. */
  readonly data?: Bytes | undefined;
}
