/** Pipelines that processes of this user run now, with this data directory: their letters lie here too. */
import { readEntries } from "../control/entries.ts";
import { stateDirectory } from "../self.ts";
import type { KnownPipeline } from "./letter-places.ts";

export function knownRuns(dataDir: string | undefined): readonly KnownPipeline[] {
  return readEntries(stateDirectory(dataDir))
    .filter(({ command }) => command === "run")
    .map(({ pid, pipeline }) => ({ id: String(pid), path: pipeline }));
}
