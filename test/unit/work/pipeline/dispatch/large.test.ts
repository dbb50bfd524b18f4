/** States, results and batches that no message carries, between a master's stages and real workers. */
import { describe, expect, test } from "bun:test";
import { RAW_HEADER_BYTES, sealRaw } from "../../../../../src/wire/batch/index.ts";
import { INLINE_BYTES_MAX, PIECE_BYTES_MAX } from "../../../../../src/work/pipeline/dispatch/parts.ts";
import { type HandleOptions, LinkedPool } from "./linked-pool.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";
import { codeOf, WorkerRig } from "./worker-rig.ts";

const LARGE = 3 * PIECE_BYTES_MAX + 1;
const MEMORY = 256 * 2 ** 20;

function sealed(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const view = new Uint8Array(RAW_HEADER_BYTES + payload.length + 64);
  view.set(payload, RAW_HEADER_BYTES);
  return view.subarray(0, sealRaw(view, { id: "x@0", timeMs: 0, line: 1, format: { kind: "ndjson" } }, payload.length));
}

async function large(options: HandleOptions, lines: string): Promise<{ result: number; largest: number; held: number }> {
  const pool = new LinkedPool();
  await using worker = new WorkerRig({ a: { batch: (text) => text } }, { memory: MEMORY });
  const handle = pool.connect("w1", worker, options);
  await using rig = new RemoteRig([planOf("s", { library: "a" })], { workers: pool, memory: MEMORY });
  await rig.start();
  const item = await rig.raw(sealed(lines));
  await rig.stages.way.process(item);
  const result = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString();
  item.slot.release();
  await settle();
  const held = worker.worker.holding;
  return { result: result === lines ? result.length : -1, largest: handle.largestBytes, held };
}

describe("RemoteStages and Worker", () => {
  test("a large result goes in pieces, and nothing of it stays behind", async () => {
    const lines = `${"x".repeat(LARGE)}\n`;
    const { held, largest, result } = await large({}, lines);
    expect([result, held]).toEqual([lines.length, 0]);
    expect(largest).toBeLessThanOrEqual(PIECE_BYTES_MAX);
  });

  test("a large batch goes there in pieces, and back, where no memory is shared", async () => {
    const lines = `${"x".repeat(LARGE)}\n`;
    const { held, largest, result } = await large({ isFar: true }, lines);
    expect([result, held]).toEqual([lines.length, 0]);
    expect(largest).toBeLessThanOrEqual(PIECE_BYTES_MAX);
  });

  test("pieces are sent again when one of two links has given way, or there was no room", async () => {
    const lines = `${"x".repeat(LARGE)}\n`;
    for (const code of ["link.closed", "link.overloaded"]) {
      const { held, result } = await large({ isFar: true, givesWay: { topics: ["work/put", "work/fetch"], code } }, lines);
      expect([result, held]).toEqual([lines.length, 0]);
    }
  });

  test("a run goes on from a large state", async () => {
    const pool = new LinkedPool();
    const restored: number[] = [];
    const state = new Uint8Array(LARGE).fill(7);
    await using worker = new WorkerRig({ a: { loaded: { stateful: true } } }, { memory: MEMORY });
    const handle = pool.connect("w1", worker, { saw: (message) => void restored.push(bytesOf(message)) });
    const options = { workers: pool, memory: MEMORY, states: new Map([["s", state]]) };
    await using rig = new RemoteRig([planOf("s", { library: "a", stateful: true })], options);
    const started = codeOf(rig.start());
    await started;
    expect(Math.max(...restored)).toBeLessThanOrEqual(PIECE_BYTES_MAX + INLINE_BYTES_MAX);
    expect(handle.largestBytes).toBe(PIECE_BYTES_MAX);
    expect(worker.hosts.all[0]!.said).toContain("restore");
  });
});

function bytesOf(message: unknown): number {
  return (message as { piece?: Uint8Array }).piece?.length ?? 0;
}
