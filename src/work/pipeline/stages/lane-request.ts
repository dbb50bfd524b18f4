/** One request that a lane has, or had, at a host: what was asked, what an answer to it comes to, and how it is settled. */
import {
  alignedBytes,
  type DoneMessage,
  type FailedMessage,
  type ProcessMessage,
} from "../../../process/plugin/index.ts";
import type { Slot } from "./edge.ts";
import type { Item, Outcome, Work } from "./types.ts";

export interface Request {
  readonly item: Item;
  readonly work: Work;
  /** A crash over this batch does not count against the restart intensity: it is a retry or a search for poison. */
  readonly crashExpected: boolean;
  readonly message: Omit<ProcessMessage, "t" | "request" | "output">;
  slot: Slot;
  /** Called once, before the lane takes anything else. */
  settle(outcome: Outcome): void;
}

export interface Sent extends Request {
  readonly number: number;
  /** Bytes that it needs and could not have here. */
  outgrownBytes?: number;
}

/** What says something about the batch and its host. */
export type Tried = Extract<Outcome, { kind: "done" | "failed" }>;

/** Why an answer cannot be true, or nothing. The host may be anything; its numbers are checked against what it was lent. */
export function doneFault({ slot }: Sent, { sizes }: DoneMessage): string | undefined {
  const bytes = sizes.reduce((sum, size) => sum + alignedBytes(size), 0);
  const fits = sizes.every((size) => Number.isSafeInteger(size) && size >= 0) && bytes <= slot.capacityBytes;
  return fits ? undefined : `claims ${bytes} bytes in a slot of ${slot.capacityBytes} and was killed`;
}

export function doneOf({ slot }: Sent, { counts, sizes }: DoneMessage): Tried {
  return { kind: "done", slot, sizes, counts };
}

export function failureOf({ outgrownBytes }: Sent, { error }: FailedMessage): Outcome {
  if (outgrownBytes !== undefined) return { kind: "outgrown", bytes: outgrownBytes };
  const cause = error.code === "pipeline.batch_too_large" ? "too_large" : "error";
  return { kind: "failed", cause, code: error.code, reason: error.message };
}

/** Something that a better plugin might have done better: not malformed lines of a strict source. */
export function isFault(outcome: Outcome): outcome is Extract<Outcome, { kind: "failed" }> {
  return outcome.kind === "failed" && outcome.code !== "source.malformed";
}

/** The plugin has shown that it can: a probe says little, it may be a part of a batch, and no rows say nothing. */
export function showsWorth(outcome: Outcome, { probe, rows }: Work): boolean {
  return outcome.kind === "done" && !probe && rows?.length !== 0;
}

export function finish(sent: Request, outcome: Outcome): void {
  if (outcome.kind !== "done") sent.slot.release();
  sent.settle(outcome);
}
