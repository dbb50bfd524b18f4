import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../../src/base/clock.ts";
import { SharedMemory } from "../../../../../src/process/memory/index.ts";
import { Edge } from "../../../../../src/work/pipeline/stages/edge.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;

function edge(untilOldest: (seq: number) => Promise<void> = () => Promise.resolve()): Edge {
  return new Edge(new SharedMemory(), 8 * MIB, 4, systemClock, untilOldest);
}

describe("Edge", () => {
  test("slot() is granted at once to every batch in flight when each stays within its share", async () => {
    const here = edge();
    const slots = await Promise.all([0, 1, 2, 3].map((seq) => here.slot(here.shareBytes, seq, "s", signal)));
    expect(here.shareBytes).toBe(MIB);
    expect(new Set(slots.map(({ offset }) => offset)).size).toBe(4);
    for (const slot of slots) slot.release();
    here.close();
  });

  test("slot() waits until the batch is the oldest when it outgrows its share", async () => {
    const oldest = Promise.withResolvers<void>();
    const here = edge(() => oldest.promise);
    let granted = false;
    const waiting = here.slot(3 * MIB, 7, "s", signal).then((slot) => {
      granted = true;
      return slot;
    });
    await Promise.resolve();
    expect(granted).toBe(false);
    oldest.resolve();
    const slot = await waiting;
    expect(slot.capacityBytes).toBe(4 * MIB);
    slot.release();
    const again = await here.slot(3 * MIB, 8, "s", signal);
    again.release();
    here.close();
  });

  test("slot() refuses with the remedy when no slot can ever hold the batch", async () => {
    const here = edge();
    const refused = here.slot(5 * MIB, 0, "s", signal);
    expect(refused).rejects.toMatchObject({ code: "pipeline.batch_too_large" });
    expect(refused).rejects.toThrow("raise memory");
    here.close();
  });

  test("Edge refuses when the memory is too little for the batches in flight", () => {
    expect(() => new Edge(new SharedMemory(), MIB, 64, systemClock, () => Promise.resolve())).toThrow(
      "too little for in_flight=64",
    );
  });
});
