/** Whether a run goes on or starts over, and what may differ between the two halves of one. */
import { randomUUID } from "node:crypto";
import { systemClock } from "../base/clock.ts";
import { Failure } from "../base/errors.ts";
import type { Checkpoint, Checkpoints } from "../work/pipeline/checkpoint/index.ts";
import type { SinkPosition } from "../work/pipeline/sink/index.ts";
import type { EndChoice, PreparedPipeline } from "./prepare-pipeline.ts";

/** What must not change between a run and its continuation, the ends and how the input is cut; and what may: the stages. */
export function fingerprintOf(
  prepared: Pick<PreparedPipeline, "file" | "stages">,
  ends: { source: EndChoice; sink: EndChoice; deadLetters: string; ordered: boolean },
): string {
  const { batch_rows, batch_bytes, max_record_bytes } = prepared.file.settings;
  return JSON.stringify({ ...ends, batch_rows, batch_bytes, max_record_bytes, [STAGES]: digests(prepared) });
}

/**
 * May change, as it may while a run is under way: what is committed went through the stages as they were, the rest goes through
 * them as they are, and states are kept by name. People are told.
 */
const STAGES = "stages";

function digests({ stages }: Pick<PreparedPipeline, "stages">): Record<string, string> {
  const digest = (stage: PreparedPipeline["stages"][number]): string =>
    Bun.hash.xxHash64(JSON.stringify([stage.library, stage.params, stage.policy, stage.fallback])).toString(16);
  return Object.fromEntries(stages.map((stage) => [stage.name, digest(stage)]));
}

export interface FoundRun {
  readonly run: Pick<Checkpoint, "run" | "startedMs" | "fingerprint">;
  /** What to go on from; undefined when nothing was committed yet. */
  readonly resume: Checkpoint | undefined;
  readonly deadLettersStart: SinkPosition | undefined;
  /** Stages that are not what they were when the run began. */
  readonly changedStages: readonly string[];
  /** It is the run asked for, and it has come to its end. */
  readonly isOver: boolean;
}

/**
 * The unfinished run, or a new one; or the one that the caller has begun before, also when it has come to its end since: who
 * was killed before he could say so must not do it all once more. A new one is on disk before anything happens under its name: what plugins have done
 * outside under that name must be known again, also when the first checkpoint was never reached.
 */
export async function findRun(
  store: Checkpoints,
  fingerprint: string,
  fresh: boolean,
  deadLettersEnd: SinkPosition | undefined,
  begun?: string,
): Promise<FoundRun> {
  const found = fresh ? undefined : store.load();
  const isOver = found?.finished === true && found.run === begun;
  if (found && (isOver || !found.finished) && (found.seq > 0 || found.fingerprint === fingerprint)) {
    const changedStages = isOver ? [] : changesOf(found.fingerprint, fingerprint);
    const { run, startedMs, seq } = found;
    const deadLettersStart = found.deadLetters as SinkPosition | undefined; // made by the sink, checked by it
    return {
      run: { run, startedMs, fingerprint },
      resume: seq > 0 ? found : undefined,
      deadLettersStart,
      changedStages,
      isOver,
    };
  }
  await store.clear();
  const run = { run: randomUUID(), startedMs: systemClock.now(), fingerprint };
  const nothing = { source: undefined, sink: undefined, deadLetters: deadLettersEnd, counts: undefined };
  await store.save({ ...run, ...nothing, finished: false, seq: 0, ahead: [], states: new Map() });
  return { run, resume: undefined, deadLettersStart: deadLettersEnd, changedStages: [], isOver: false };
}

/** Names of stages that are new, gone or not what they were; anything else that changed refuses. */
function changesOf(before: string, now: string): string[] {
  const [old, current] = [before, now].map((text) => JSON.parse(text) as Record<string, unknown>);
  const keys = Object.keys({ ...old, ...current });
  const changed = keys.filter((key) => JSON.stringify(current![key]) !== JSON.stringify(old![key]));
  const forbidden = changed.filter((key) => key !== STAGES);
  if (forbidden.length > 0) {
    const what = forbidden.join(", ");
    throw new Failure(
      "checkpoint.other_run",
      `an unfinished run of this pipeline had another ${what}; put that back, or start over with --fresh`,
    );
  }
  const stages = (fingerprint: Record<string, unknown>) => (fingerprint[STAGES] ?? {}) as Record<string, string>; // written above
  const [was, is] = [stages(old!), stages(current!)];
  return Object.keys({ ...was, ...is }).filter((name) => was[name] !== is[name]);
}
