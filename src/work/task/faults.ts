/** Faults of a task graph: collected, never thrown, so that one check shows them all, each at its place in the file. */
import { Failure } from "../../base/errors.ts";
import { showPlace } from "../pipeline/file/index.ts";
import { type JsonPath, offsetsOf, pathText, placesOf } from "./json-text.ts";
import { FAULTS_MAX } from "./limits.ts";

export interface TaskFault {
  /** Stable and dotted, for programs: `task.config.cycle`. */
  readonly code: string;
  readonly file: string;
  /** From 1; left out where the graph is no JSON text. */
  readonly line?: number;
  readonly column?: number;
  /** `tasks[3].needs[0]`. */
  readonly field: string;
  readonly message: string;
  /** What is right at this place. */
  readonly allowed: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

export interface FaultDraft {
  readonly path: JsonPath;
  readonly code: string;
  readonly message: string;
  readonly allowed: string;
  readonly suggestion?: string | undefined;
  /** Where the path does not say it. */
  readonly offset?: number;
}

export class FaultList {
  readonly #drafts: FaultDraft[] = [];
  #left = 0;

  add(draft: FaultDraft): void {
    if (this.#drafts.length < FAULTS_MAX) this.#drafts.push(draft);
    else this.#left++;
  }

  get size(): number {
    return this.#drafts.length;
  }

  /** In the order of the file; that there are more comes last. Without the text they have no lines. */
  list(file: string, text?: string): TaskFault[] {
    const places = text === undefined ? undefined : this.#places(text);
    const faults = this.#drafts.map((draft, index) => makeFault(file, draft, places?.[index]));
    const sorted = faults.toSorted(
      (left, right) => (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0),
    );
    if (this.#left === 0) return sorted;
    const code = "task.config.too_many_faults";
    const message = `${this.#left} more faults than the ${FAULTS_MAX} that are shown`;
    return [...sorted, { code, file, field: "file", message, allowed: "a task graph" }];
  }

  #places(text: string) {
    const byPath = offsetsOf(
      text,
      this.#drafts.map(({ path }) => path),
    );
    return placesOf(
      text,
      this.#drafts.map(({ offset }, index) => offset ?? byPath[index]!),
    );
  }
}

function makeFault(file: string, draft: FaultDraft, place: { line: number; column: number } | undefined): TaskFault {
  const { allowed, code, message, path, suggestion } = draft;
  const field = pathText(path);
  return { code, file, ...place, field, message, allowed, ...(suggestion !== undefined && { suggestion }) };
}

/** One line: `file:line:column: field: what is wrong, allowed: …`. */
export function formatTaskFault(fault: TaskFault): string {
  const { allowed, column, field, file, line, message, suggestion } = fault;
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  const guess = suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
  return `${place}: ${field}: ${message}${guess}, allowed: ${allowed}`;
}

/** Every fault, with its line and a caret where the graph is a text. */
export function formatTaskFaults(faults: readonly TaskFault[], text?: string): string {
  const lines = text?.split("\n") ?? [];
  return faults
    .map((fault) => {
      const line = fault.line === undefined ? undefined : lines[fault.line - 1];
      return line === undefined
        ? formatTaskFault(fault)
        : `${formatTaskFault(fault)}\n${showPlace(line, fault.column!)}`;
    })
    .join("\n");
}

export function taskFaultsFailure(faults: readonly TaskFault[], text?: string): Failure {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return new Failure("task.config.faults", `${formatTaskFaults(faults, text)}\n${count}`, { data: { faults } });
}
