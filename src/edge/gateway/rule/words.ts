/** The words of rules that only this part and who starts it know. */
import type { Clock } from "../../../base/clock.ts";
import type { HostCommand } from "../../../process/plugin/index.ts";

export interface RuleFile {
  readonly kind: "lua" | "plugin";
  /** Absolute. */
  readonly path: string;
}

/** Why a file cannot decide. */
export interface RuleFault {
  readonly path: string;
  /** From 1, where it is known. */
  readonly line?: number | undefined;
  readonly message: string;
}

export interface RulesOptions {
  /** Starts this program as a host of rules. */
  readonly command: HostCommand;
  readonly clock: Clock;
  /** Hosts that decide, beside one that stands by. */
  readonly hosts?: number | undefined;
  /** What is worth a line in the log: hosts that ended, and what they print. */
  onEvent?(event: RuleEvent): void;
}

export type RuleEvent =
  /** Expected: nobody needs it any more. */
  | { readonly kind: "ended"; readonly pid: number; readonly reason: string; readonly isExpected: boolean }
  | { readonly kind: "printed"; readonly line: string };

/** What a host answers when it is told its files. */
export interface LoadAnswer {
  readonly faults: readonly RuleFault[];
}
