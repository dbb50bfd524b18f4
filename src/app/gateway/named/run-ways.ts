/** Pipelines that `run` runs on this machine with the gateway's data directory, as ways to them: through their control sockets. */
import { basename } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { type InstanceEntry, surveyEntries } from "../../control/entries.ts";
import { postThrough } from "../../control/post-records.ts";
import type { PostWay } from "./pipeline-target.ts";

/** The list is a directory: looked at once for all the requests of so long. */
const LOOK_MS = 500;

export interface RunWaysPorts {
  readonly clock: Clock;
  readonly dataDir: () => string;
  /** Who runs; looks and changes nothing. */
  readonly survey?: (dataDir: string) => { readonly entries: readonly InstanceEntry[] };
}

/** By name, as masters name them: the file's, without its ending. The latest first: an earlier one that still ends takes nothing. */
export function runWays({
  clock,
  dataDir,
  survey = surveyEntries,
}: RunWaysPorts): (pipeline: string) => readonly PostWay[] {
  let runs: readonly InstanceEntry[] = [];
  let lookedMs = Number.NEGATIVE_INFINITY;
  return (pipeline) => {
    const nowMs = clock.monotonic();
    if (nowMs - lookedMs >= LOOK_MS) {
      lookedMs = nowMs;
      runs = survey(dataDir()).entries.filter(({ command }) => command === "run");
    }
    return runs
      .filter((entry) => nameOf(entry) === pipeline)
      .toReversed()
      .map(wayTo);
  };
}

function wayTo({ pid, socket }: InstanceEntry): PostWay {
  return {
    id: `run ${pid}`,
    post: (post, { signal, timeoutMs }) =>
      postThrough(socket, post, AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeoutMs))])),
  };
}

function nameOf({ pipeline }: InstanceEntry): string {
  return basename(pipeline).replace(/\.[^.]*$/, "");
}
