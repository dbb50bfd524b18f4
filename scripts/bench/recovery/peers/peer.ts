/** What the comparison asks of a supervisor: start a family of children, and end with all of them. */
import { join } from "node:path";

export interface Family {
  /** The hub's socket. */
  readonly hub: string;
  readonly names: readonly string[];
  /** Whether the children end with their standard input. */
  readonly mindsInput: boolean;
  /** For whatever the supervisor keeps; of this start alone. */
  readonly directory: string;
}

export interface Supervising {
  /** Pid of the supervisor; processes below it that are none of the children are part of it. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly label: string;
  start(family: Family): Promise<Supervising>;
}

/** A peer that cannot take part says why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

const RESPONDER = join(import.meta.dir, "responder.ts");

/** Everybody's child is the same program with the same words. */
export function childArgv({ hub, mindsInput }: Pick<Family, "hub" | "mindsInput">, name: string): readonly string[] {
  return [process.execPath, RESPONDER, name, hub, ...(mindsInput ? ["mind-input"] : [])];
}
