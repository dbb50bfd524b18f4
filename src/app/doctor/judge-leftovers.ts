/** What earlier runs have left behind. Pure: lists in, words out. */
import { formatBytes } from "../../base/units.ts";
import { bad, type Diagnosis, ok, warn } from "./check.ts";

/** Named in words; more would only scroll. */
const NAMED_MAX = 5;

export interface OrphanFacts {
  readonly pid: number;
  readonly command: string;
}

export function judgeOrphans(orphans: readonly OrphanFacts[]): Diagnosis {
  if (orphans.length === 0) return ok("no process of a dead instance lives on");
  const named = listed(orphans.map(({ command, pid }) => `${pid} (${command.slice(0, 60) || "no command line"})`));
  return bad(
    `${plural(orphans.length, "process")} of dead instances ${orphans.length === 1 ? "lives" : "live"} on: ${named}`,
    `kill -9 ${orphans.map(({ pid }) => pid).join(" ")}`,
  );
}

export interface InstanceFacts {
  readonly running: number;
  /** Sockets and entries of dead processes. */
  readonly left: number;
}

export function judgeInstances({ left, running }: InstanceFacts): Diagnosis {
  const runs = running === 0 ? "no instance runs" : `${plural(running, "instance")} running (distributed_system ps)`;
  if (left === 0) return ok(`${runs}, no control socket is left over`);
  return ok(`${runs}; ${plural(left, "file")} of dead ones left, which ps or the next run clears away`);
}

export interface LeftoverFile {
  readonly path: string;
  readonly bytes: number;
}

/** Segments lose their name as soon as they are made: one with a name was left by a process killed in that moment. */
export function judgeSegments(files: readonly LeftoverFile[]): Diagnosis {
  if (files.length === 0) return ok("no shared memory is left over");
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const named = listed(files.map(({ path }) => path));
  return warn(
    `${plural(files.length, "segment")} of dead processes, ${formatBytes(bytes)}: ${named}`,
    `rm ${files.map(({ path }) => path).join(" ")}`,
  );
}

export function judgeWorkDirectories(paths: readonly string[]): Diagnosis {
  if (paths.length === 0) return ok("no working directory is left over");
  const named = listed(paths);
  return ok(
    `${plural(paths.length, "working directory", "working directories")} of dead instances (${named}); the next run clears them away`,
  );
}

function listed(words: readonly string[]): string {
  const more = words.length - NAMED_MAX;
  return `${words.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function plural(count: number, one: string, many = `${one}${one.endsWith("s") ? "es" : "s"}`): string {
  return `${count} ${count === 1 ? one : many}`;
}
