/**
 * How long it took from a worker's kill -9 until its batches ran elsewhere, from what the master told. A worker that owned
 * stages takes the run back to its checkpoint: until each owner's segment gets batches again. Any other one only has its batches
 * given to others: until the last of them is. Pure.
 */
import type { Told } from "./member.ts";
import type { Deed } from "./mischief.ts";

export interface Recoveries {
  readonly owners: readonly number[];
  readonly others: readonly number[];
  /** It held no batch when it died. */
  readonly idle: number;
  /** The master died too before it was over: its next life is what was waited for then. */
  readonly unmeasured: number;
}

/** What takes longer than that was no recovery, but the end of the run. */
const SEEN_WITHIN_MS = 60_000;
/** Batches that are to be given to others are so within the same turn, or when there is room again. */
const MOVED_WITHIN_MS = 10_000;

export function recoveriesOf(deeds: readonly Deed[], told: readonly Told[], pinned: readonly number[]): Recoveries {
  const dispatch = told.filter(({ event }) => event === "dispatch");
  const result = { owners: [] as number[], others: [] as number[], idle: 0, unmeasured: 0 };
  for (const { kind, member, timeMs } of deeds) {
    if (kind !== "worker") continue;
    const owned = pinned.filter((segment) => ownerAt(dispatch, segment, timeMs) === member);
    const nextMs = deeds.find((deed) => deed.member === member && deed.kind === kind && deed.timeMs > timeMs)?.timeMs;
    const overMs = owned.length > 0 ? flowingAt(dispatch, pinned, timeMs) : movedAt(dispatch, member, timeMs, nextMs);
    const died = deeds.some((deed) => deed.kind === "master" && isBetween(deed.timeMs, timeMs, overMs ?? timeMs));
    if (died || (overMs === undefined && owned.length > 0)) result.unmeasured++;
    else if (overMs === undefined) result.idle++;
    else result[owned.length > 0 ? "owners" : "others"].push(overMs - timeMs);
  }
  return result;
}

function ownerAt(dispatch: readonly Told[], segment: number, timeMs: number): unknown {
  return dispatch.findLast((each) => each.what === "deployed" && each.segment === segment && each.timeMs < timeMs)
    ?.worker;
}

/** When each of these segments has got its first batch in a life of the run that began since. */
function flowingAt(dispatch: readonly Told[], segments: readonly number[], sinceMs: number): number | undefined {
  const times = segments.map(
    (segment) =>
      dispatch.find(
        (each) =>
          each.what === "flowing" &&
          each.segment === segment &&
          isBetween(each.timeMs, sinceMs, sinceMs + SEEN_WITHIN_MS),
      )?.timeMs,
  );
  return times.some((time) => time === undefined) ? undefined : Math.max(...times.map((time) => time!));
}

/** Before the worker's next life ends. */
function movedAt(
  dispatch: readonly Told[],
  worker: string,
  sinceMs: number,
  untilMs = Number.POSITIVE_INFINITY,
): number | undefined {
  return dispatch.findLast(
    (each) =>
      each.what === "moved" &&
      each.worker === worker &&
      isBetween(each.timeMs, sinceMs, Math.min(untilMs, sinceMs + MOVED_WITHIN_MS)),
  )?.timeMs;
}

function isBetween(timeMs: number, fromMs: number, toMs: number): boolean {
  return timeMs > fromMs && timeMs <= toMs;
}
