/**
 * Faults of a file of lines: collected, never thrown, so that one run shows them all.
 */
import { Failure } from "../../base/errors.ts";
import { MAX_FAULTS } from "./limits.ts";

/** First half of the codes where nothing else is said: parameters of plugins are mostly written in pipelines. */
export const PIPELINE_FAMILY = "pipeline.config";

/** A place in the file: line and column from 1, the column in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Fault extends Place {
  /** Stable and dotted, for programs: `pipeline.config.unknown_policy`. */
  readonly code: string;
  readonly file: string;
  /** The field, `parameters.KEY` or `set.KEY`; `file` for the file as a whole. */
  readonly field: string;
  readonly message: string;
  /** What is right at this place. */
  readonly allowed: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

/** A fault before it knows its file. */
export interface FaultDraft {
  /** Whole, or its last word: the family goes before it. */
  readonly code: string;
  readonly message: string;
  readonly allowed: string;
  readonly suggestion?: string | undefined;
}

export class FaultCollector {
  readonly #file: string;
  readonly #family: string | undefined;
  readonly #faults: Fault[] = [];
  #overflow: Fault | undefined;

  constructor(file: string, family?: string) {
    this.#file = file;
    this.#family = family;
  }

  add(place: Place, field: string, draft: FaultDraft): void {
    if (this.#faults.length < MAX_FAULTS) {
      this.#faults.push(makeFault(this.#file, place, field, draft, this.#family));
      return;
    }
    this.#overflow ??= makeFault(
      this.#file,
      place,
      "file",
      {
        code: "too_many_faults",
        message: `more than ${MAX_FAULTS} faults, the rest is not shown`,
        allowed: "a file of this kind",
      },
      this.#family,
    );
  }

  addAll(faults: readonly Fault[]): void {
    for (const fault of faults) this.add(fault, fault.field, fault);
  }

  /** In the order of the file; that there are more comes last. */
  list(): Fault[] {
    return [...mergeFaults(this.#faults), ...(this.#overflow ? [this.#overflow] : [])];
  }
}

export function makeFault(
  file: string,
  place: Place,
  field: string,
  draft: FaultDraft,
  family = PIPELINE_FAMILY,
): Fault {
  const { line, column } = place;
  const { message, allowed, suggestion } = draft;
  const code = draft.code.includes(".") ? draft.code : `${family}.${draft.code}`;
  return { code, file, line, column, field, message, allowed, ...(suggestion !== undefined && { suggestion }) };
}

/** Faults of several checks of one file, in the order of the file. */
export function mergeFaults(...lists: readonly (readonly Fault[])[]): Fault[] {
  return lists.flat().toSorted((left, right) => left.line - right.line || left.column - right.column);
}

/** One line, without the line of the file: `file:line:column: field: what is wrong, what is allowed`. */
export function formatFault(fault: Fault): string {
  const { file, line, column, field, message, allowed, suggestion } = fault;
  const guess = suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
  return `${file}:${line}:${column}: ${field}: ${message}${guess}, allowed: ${allowed}`;
}

/** The faults as one typed error, for callers that cannot go on. */
export function faultsFailure(faults: readonly Fault[], family = PIPELINE_FAMILY): Failure {
  const first = faults[0];
  const file = first?.file ?? "the file";
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : "";
  return new Failure(
    `${family}.invalid`,
    `reading ${file}: ${faults.length} ${faults.length === 1 ? "fault" : "faults"}; ${first ? formatFault(first) : "none"}${more}`,
    { data: { faults } },
  );
}

const QUOTED_LENGTH_MAX = 60;

/** A text as a message shows it: quoted, control characters escaped, not longer than a message should be. */
export function quoted(text: string): string {
  if (text.length <= QUOTED_LENGTH_MAX) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, QUOTED_LENGTH_MAX).toWellFormed())}…`;
}
