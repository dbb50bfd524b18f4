/**
 * What the services of the replicated data need of a node: to put commands through the log of a group, to read its state as fresh as
 * is asked for, and what operators do to a group. The groups behind it are consensus; here nobody knows how.
 */
import type { DataMachine } from "../../data/machine/index.ts";
import type { MarkedCommand } from "../../data/words/index.ts";

/** `linearizable`: all that was answered before is seen. `lease`: the same as long as clocks run alike. `stale`: what is here. */
export type Consistency = "linearizable" | "lease" | "stale";

export interface DataOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface GroupMember {
  readonly id: string;
  readonly address?: string | undefined;
  readonly kind: "voter" | "learner";
  /** Of the old configuration only, while a joint one is in force. */
  readonly isLeaving?: boolean | undefined;
  /** The leader knows these. */
  readonly match?: number | undefined;
  readonly next?: number | undefined;
  readonly state?: string | undefined;
}

export interface GroupStatus {
  readonly group: string;
  /** This node. */
  readonly node: string;
  readonly role: string;
  readonly term: number;
  readonly leader?: string | undefined;
  readonly commit: number;
  readonly applied: number;
  /** The oldest and the youngest entry in the log. */
  readonly first: number;
  readonly last: number;
  readonly logBytes: number;
  readonly dataBytes: number;
  readonly durability: string;
  readonly damage?: string | undefined;
  readonly snapshot?: { readonly index: number; readonly term: number; readonly bytes: number } | undefined;
  readonly members: readonly GroupMember[];
}

export type GroupChange =
  /** A learner until it has all, then a voter unless it is to stay one. */
  | { readonly type: "add"; readonly node: string; readonly isLearner: boolean }
  | { readonly type: "promote" | "remove"; readonly node: string };

export interface LogCheck {
  readonly entries: number;
  readonly bytes: number;
  /** One text for each thing that was found. */
  readonly damaged: readonly string[];
}

export interface DataPort {
  /** "main" is always there. */
  groups(): readonly string[];
  /**
   * Through the group's log: on its leader, forwarded there from any other node. Gives the command's reply. Fails with the command's
   * refusal (`data.*`, `lock.*`, …), `data.unknown_group`, `consensus.no_leader` (retryable: not done) and
   * `consensus.unknown_outcome` (it may be done).
   */
  propose(group: string, marked: MarkedCommand, options: DataOptions): Promise<unknown>;
  /** `read` runs against the state that this node has, once that is fresh enough. */
  read<T>(group: string, consistency: Consistency, read: (machine: DataMachine) => T, options: DataOptions): Promise<T>;

  status(group: string): GroupStatus;
  /** Without a node to the one that is furthest. Resolves when it leads. */
  transfer(group: string, to: string | undefined, options: DataOptions): Promise<void>;
  /** Resolves when the new members are in force. */
  reconfigure(group: string, change: GroupChange, options: DataOptions): Promise<void>;
  /** Of this node's state, now. */
  snapshot(group: string, options: DataOptions): Promise<void>;
  /** Reads this node's log again and checks each entry. */
  verify(group: string, options: DataOptions): Promise<LogCheck>;
}
