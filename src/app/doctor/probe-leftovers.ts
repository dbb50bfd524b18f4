/** Looks for what dead instances have left: processes, sockets, shared memory, directories. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findOrphans, instanceState, isThere } from "../../process/limits/index.ts";
import { surveyEntries } from "../control/entries.ts";
import type { Diagnosis } from "./check.ts";
import {
  judgeInstances,
  judgeOrphans,
  judgeSegments,
  judgeWorkDirectories,
  type LeftoverFile,
} from "./judge-leftovers.ts";

export async function probeOrphans(): Promise<Diagnosis> {
  return judgeOrphans(await findOrphans());
}

export function probeInstances(dataDir: string): Diagnosis {
  const { entries, leftovers } = surveyEntries(dataDir);
  return judgeInstances({ running: entries.length, left: leftovers.flatMap(({ paths }) => paths).length });
}

export function probeSegments(directory: string): Diagnosis {
  const left = namesIn(directory).flatMap((name): LeftoverFile[] => {
    const pid = /^distributed_system-(\d+)-\d+$/.exec(name)?.[1];
    if (pid === undefined || isThere(Number(pid))) return [];
    const path = join(directory, name);
    const bytes = lstatSync(path, { throwIfNoEntry: false })?.size;
    return bytes === undefined ? [] : [{ path, bytes }];
  });
  return judgeSegments(left);
}

/** One directory for each instance that has hosts. */
export function probeWorkDirectories(base: string): Diagnosis {
  const stale = namesIn(base).filter((name) => instanceState(name) === "dead");
  return judgeWorkDirectories(stale.map((name) => join(base, name)));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // nothing was ever made there
  }
}
