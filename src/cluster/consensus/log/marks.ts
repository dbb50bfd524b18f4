/** What stands in the two small files beside the segments: the hard state, and how far the log is durable. */
import { decodeText, encodeText, getWhole, putWhole, viewOf } from "./bytes.ts";
import type { VersionedHardState } from "./record.ts";

export const HARD_STATE_NAME = "hard-state";
export const MARK_NAME = "durable-end";
const NO_VOTE = 0xffff;

/**
 * Everything in front of it is durable. Written after each sync and not synced itself: a killed process leaves it exact, a
 * power cut leaves an older one. It is never beyond the truth, so a bad record in front of it is damage, however torn it looks.
 */
export interface DurableEnd {
  readonly sequence: number;
  readonly offset: number;
  /** The number of the next record. */
  readonly batch: number;
}

export function encodeDurableEnd(end: DurableEnd): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  putWhole(view, 0, end.sequence);
  putWhole(view, 8, end.offset);
  putWhole(view, 16, end.batch);
  return bytes;
}

export function decodeDurableEnd(bytes: Uint8Array): DurableEnd {
  const view = viewOf(bytes);
  return { sequence: getWhole(view, 0), offset: getWhole(view, 8), batch: getWhole(view, 16) };
}

/** Whether something at `place` lies in front of the mark. */
export function isBefore(place: { readonly sequence: number; readonly offset: number }, end: DurableEnd): boolean {
  return place.sequence < end.sequence || (place.sequence === end.sequence && place.offset < end.offset);
}

export function encodeHardState(state: VersionedHardState): Uint8Array {
  const vote = encodeText(state.votedFor ?? "");
  const bytes = new Uint8Array(18 + vote.length);
  const view = viewOf(bytes);
  putWhole(view, 0, state.version);
  putWhole(view, 8, state.term);
  view.setUint16(16, state.votedFor === undefined ? NO_VOTE : vote.length, true);
  bytes.set(vote, 18);
  return bytes;
}

export function decodeHardState(bytes: Uint8Array): VersionedHardState {
  const view = viewOf(bytes);
  const isVoteless = view.getUint16(16, true) === NO_VOTE;
  const votedFor = isVoteless ? undefined : decodeText(bytes.subarray(18));
  return { version: getWhole(view, 0), term: getWhole(view, 8), votedFor };
}
