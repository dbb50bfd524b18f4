import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { systemClock } from "../../../../../src/base/clock.ts";
import { SharedMemory } from "../../../../../src/process/memory/index.ts";
import { RAW_HEADER_BYTES } from "../../../../../src/wire/batch/index.ts";
import { batchesInFlight, largestCut } from "../../../../../src/work/pipeline/engine/in-flight.ts";
import { Edge, EMPTY_BATCHES } from "../../../../../src/work/pipeline/stages/index.ts";
import { settingsOf } from "./run-rig.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const signal = new AbortController().signal;

const some = fc.record({
  memory: fc.integer({ min: MIB, max: 64 * MIB }),
  batch_bytes: fc.constantFrom(4 * KIB, 64 * KIB, MIB, 8 * MIB),
  max_record_bytes: fc.constantFrom(KIB, 64 * KIB, MIB, 16 * MIB),
  in_flight: fc.integer({ min: 1, max: 1024 }),
});

describe("batchesInFlight()", () => {
  test("gives what was asked for where the memory holds it", () => {
    expect(batchesInFlight(settingsOf())).toBe(16);
    expect(batchesInFlight(settingsOf({ in_flight: 8 }))).toBe(8);
    expect(batchesInFlight(settingsOf(), 20)).toBe(20);
  });

  test("gives less where the batches are large, and one at least", () => {
    expect(batchesInFlight(settingsOf({ batch_bytes: 8 * MIB }))).toBeLessThan(16);
    expect(batchesInFlight(settingsOf({ memory: MIB, batch_bytes: 64 * MIB }))).toBe(1);
  });

  test("never gives more than an edge takes, whatever is set and however many workers ask for more", () => {
    fc.assert(
      fc.property(some, fc.constantFrom(1, 8), (more, factor) => {
        const settings = settingsOf(more);
        const count = batchesInFlight(settings, settings.in_flight * factor);
        const memory = new SharedMemory();
        const edge = new Edge(memory, settings.memory, count + EMPTY_BATCHES, systemClock, async () => {});
        edge.close();
        expect(count).toBeGreaterThanOrEqual(1);
        expect(count).toBeLessThanOrEqual(settings.in_flight * factor);
        if (count > 1) expect(edge.shareBytes).toBeGreaterThanOrEqual(largestCut(settings) + RAW_HEADER_BYTES);
      }),
    );
  });

  test("leaves room for a fence, an idle checkpoint and the last batch beside all that were counted", async () => {
    const settings = settingsOf({ memory: 16 * MIB, in_flight: 1024 });
    const count = batchesInFlight(settings);
    const edge = new Edge(new SharedMemory(), settings.memory, count + EMPTY_BATCHES, systemClock, async () => {});
    const raw = largestCut(settings) + RAW_HEADER_BYTES;
    const slots = await Promise.all(Array.from({ length: count }, (_, seq) => edge.slot(raw, seq, "test", signal)));
    for (let empty = 0; empty < EMPTY_BATCHES; empty++) slots.push(await edge.slot(64, count + empty, "test", signal));
    expect(slots).toHaveLength(count + EMPTY_BATCHES);
    for (const slot of slots) slot.release();
    edge.close();
  });
});
