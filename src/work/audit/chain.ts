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

export class Chain {
  /** Number that the next line must have. */
  #next = 0;
  #prev = FIRST_PREV;
  /** A line that could not be read may or may not have been one of the chain. */
  #isUncertain = false;

  /** What is wrong with this line of the file, `lineNumber` from 1. */
  follow(line: AuditLine | string, lineNumber: number): AuditFault | undefined {
    if (typeof line === "string") {
      this.#isUncertain = true;
      return { code: "audit.not_a_line", line: lineNumber, message: `no audit line: ${line}` };
    }
    const fault = this.#faultOf(line);
    return fault && { ...fault, line: lineNumber };
  }

  #faultOf(line: AuditLine): Omit<AuditFault, "line"> | undefined {
    const isUncertain = this.#isUncertain;
    this.#isUncertain = false;
    if (isUncertain && line.n === this.#next + 1) return this.#continueAt(line); // the unreadable line was number #next
    if (!line.isSound) {
      this.#accept({ n: this.#next, hash: line.hash }); // its number may be what was edited; its place is known
      return { code: "audit.edited", message: `the line was edited: its text does not have the hash ${line.hash}` };
    }
    if (line.n > this.#next) return this.#missing(line);
    if (line.n < this.#next) return this.#outOfPlace(line);
    const { prev } = line;
    const expected = this.#prev;
    this.#accept(line);
    if (prev === expected) return undefined;
    const message = `the line follows a line with hash ${prev}, the one before it has ${expected}: one of them was replaced`;
    return { code: "audit.broken_link", message };
  }

  #continueAt(line: AuditLine): Omit<AuditFault, "line"> | undefined {
    this.#accept(line);
    if (line.isSound) return undefined;
    return { code: "audit.edited", message: `the line was edited: its text does not have the hash ${line.hash}` };
  }

  #missing(line: AuditLine): Omit<AuditFault, "line"> {
    const count = line.n - this.#next;
    const which = count === 1 ? `line number ${this.#next} is` : `line numbers ${this.#next} to ${line.n - 1} are`;
    this.#accept(line);
    return { code: "audit.missing_lines", message: `${which} missing before number ${line.n}: removed or moved` };
  }

  /** The chain goes on as if the line were not there. */
  #outOfPlace(line: AuditLine): Omit<AuditFault, "line"> {
    if (line.n === this.#next - 1 && line.hash === this.#prev) {
      return { code: "audit.repeated_line", message: `line number ${line.n} stands here again` };
    }
    const message = `line number ${line.n} stands where ${this.#next} belongs: moved, repeated or inserted`;
    return { code: "audit.moved_line", message };
  }

  #accept({ n, hash }: Pick<AuditLine, "n" | "hash">): void {
    this.#next = n + 1;
    this.#prev = hash;
  }
}
