/**
 * Where the benchmark works, and on which processors: whoever is measured has one to itself, load and upstream have another one, the same
 * for everybody. Without two processors, or without taskset, nobody is pinned.
 */
import { availableParallelism } from "node:os";

export interface Site {
  /** Its temporary directory. */
  readonly directory: string;
  readonly executable: string;
}

export type Place = "measured" | "load" | "anywhere";

export const IS_PINNED = availableParallelism() >= 2 && Bun.which("taskset") !== null;

/** Words to put before a command. */
export function pinned(place: Place): readonly string[] {
  if (!IS_PINNED || place === "anywhere") return [];
  return ["taskset", "-c", place === "measured" ? "0" : "1"];
}

/** As the usual small reply: 24 bytes of text. */
export const SMALL_REPLY = "hello from the upstream\n";

let made = 0;

/** A name that nobody has had: whoever is started finds nothing that an earlier one left. */
export function newName(what: string): string {
  made++;
  return `${what}-${made}`;
}
