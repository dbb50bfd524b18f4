/** How much may be under way: bounded by what the memory between stages holds. Pure. */
import { MIN_SLOT_BYTES } from "../../../process/memory/index.ts";
import { RAW_HEADER_BYTES } from "../../../wire/batch/index.ts";
import type { Settings } from "../file/index.ts";
import { EMPTY_BATCHES } from "../stages/index.ts";

/** A single record may be longer than a batch of several should be. */
export function largestCut({ batch_bytes, max_record_bytes }: Settings): number {
  return Math.max(batch_bytes, max_record_bytes);
}

/** As asked for, or as many as still have room to double in size in half of an edge's memory: the shares of an Edge. */
export function batchesInFlight(settings: Settings, wanted = settings.in_flight): number {
  const roomBytes = Math.max(MIN_SLOT_BYTES, 2 ** Math.ceil(Math.log2(largestCut(settings) + RAW_HEADER_BYTES)));
  const usableBytes = 2 ** Math.floor(Math.log2(settings.memory)) / 2;
  return Math.max(1, Math.min(wanted, Math.floor(usableBytes / roomBytes) - EMPTY_BATCHES));
}
