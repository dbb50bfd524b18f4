/**
 * Follows the chain line by line and says where it breaks. After a fault it finds its place again, so that one edited line
 * is one fault and not one for every line behind it. Pure: no file, no clock; memory is the end of the chain.
 */
import { type AuditLine, FIRST_PREV } from "./line.ts";

export type AuditFaultCode =
  | "audit.not_a_line"
  | "audit.edited"
  | "audit.broken_link"
  | "audit.missing_lines"
  | "audit.repeated_line"
  | "audit.moved_line"
  | "audit.truncated"
  | "audit.head_missing"
  | "audit.head_unreadable"
  | "audit.head_mismatch"
  | "audit.beyond_head"
  | "audit.expected_head_missing";

export interface AuditFault {
  readonly code: AuditFaultCode;
  /** Line of the file, from 1; none when the fault is of the file as a whole. */
  readonly line?: number;
  readonly message: string;
}

/** The last line that belongs to the chain; number -1 before the first. */
export interface ChainEnd {
  readonly n: number;
  readonly hash: string;
}

type Finding = Omit<AuditFault, "line">;

export class Chain {
  #last: ChainEnd = { n: -1, hash: FIRST_PREV };
  /** Lines since the last one that could not be read: each may or may not have been one of the chain. */
  #unreadable = 0;

  /** A new object with each line that is taken into the chain. */
  get last(): ChainEnd {
    return this.#last;
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  /** What is wrong with this line of the file, `lineNumber` from 1. */
  follow(line: AuditLine | string, lineNumber: number): AuditFault | undefined {
    if (typeof line === "string") {
      this.#unreadable++;
      return { code: "audit.not_a_line", line: lineNumber, message: `no audit line: ${line}` };
    }
    const fault = this.#findingOf(line);
    this.#unreadable = 0;
    return fault && { ...fault, line: lineNumber };
  }

  #findingOf(line: AuditLine): Finding | undefined {
    const next = this.#last.n + 1;
    const follows = line.n >= next && line.n <= next + this.#unreadable;
    const isLinked = line.prev === this.#last.hash || line.n !== next; // behind an unreadable line nothing can be said
    if (!line.isSound) {
      this.#last = { n: follows ? line.n : next, hash: line.hash }; // its number may be what was edited
      return { code: "audit.edited", message: `the line was edited: its text does not have the hash ${line.hash}` };
    }
    if (line.n < next) return this.#outOfPlace(line);
    const expected = this.#last.hash;
    this.#last = { n: line.n, hash: line.hash };
    if (!follows) return missing(next, line.n);
    if (isLinked) return undefined;
    const message = `the line follows one with hash ${line.prev}, the line before it has ${expected}: one was replaced`;
    return { code: "audit.broken_link", message };
  }

  /** The chain goes on as if the line were not there. */
  #outOfPlace({ n, hash }: AuditLine): Finding {
    if (n === this.#last.n && hash === this.#last.hash) {
      return { code: "audit.repeated_line", message: `line number ${n} stands here again` };
    }
    const message = `line number ${n} stands where ${this.#last.n + 1} belongs: moved, repeated or inserted`;
    return { code: "audit.moved_line", message };
  }
}

function missing(next: number, found: number): Finding {
  const which = found - next === 1 ? `line number ${next} is` : `line numbers ${next} to ${found - 1} are`;
  return { code: "audit.missing_lines", message: `${which} missing before number ${found}: removed or moved` };
}
