/** States, results and batches that no message carries, between a master's stages and real workers. */
import { describe, expect, test } from "bun:test";
import { RAW_HEADER_BYTES, sealRaw } from "../../../../../src/wire/batch/index.ts";
import { REPORT_INTERVAL_MS, type ReportMessage, TOPICS } from "../../../../../src/work/pipeline/dispatch/index.ts";
import { PIECE_BYTES_MAX } from "../../../../../src/work/pipeline/dispatch/parts.ts";
import { type HandleOptions, LinkedPool } from "./linked-pool.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";
import { WorkerRig } from "./worker-rig.ts";

const LINE = `${"x".repeat(2 * PIECE_BYTES_MAX)}\n`;
/** A raw batch of this size is a usual one at the master. */
const MASTER_BYTES = 512 * 2 ** 20;
/** A result of this size is none at the worker, so it goes as bytes. */
const WORKER_BYTES = 128 * 2 ** 20;

function sealed(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const view = new Uint8Array(RAW_HEADER_BYTES + payload.length + 64);
  view.set(payload, RAW_HEADER_BYTES);
  return view.subarray(0, sealRaw(view, { id: "x@0", timeMs: 0, line: 1, format: { kind: "ndjson" } }, payload.length));
}

/** One large batch through a stage that leaves it as it is. */
async function passLarge(options: HandleOptions) {
  const pool = new LinkedPool();
  await using worker = new WorkerRig({ a: {} }, { memory: WORKER_BYTES });
  const { largestBytes, link } = await (async () => {
    const handle = pool.connect("w1", worker, options);
    await using rig = new RemoteRig([planOf("s", { library: "a" })], { workers: pool, memory: MASTER_BYTES });
    await rig.start();
    const item = await rig.raw(sealed(LINE));
    await rig.stages.way.process(item);
    expect(Buffer.compare(item.slot.view.subarray(0, item.bytes), Buffer.from(LINE))).toBe(0);
    await settle();
    worker.clock.advance(REPORT_INTERVAL_MS); // it is all here, so the worker needs to keep nothing
    item.slot.release();
    return handle;
  })();
  const kept = link
    .named<ReportMessage>(TOPICS.report)
    .at(-1)!
    .deployments.flatMap(({ leases }) => leases);
  return { largestBytes, kept };
}

describe("RemoteStages and Worker", () => {
  test("a large result comes in pieces, and nothing of it stays behind", async () => {
    expect(await passLarge({})).toEqual({ largestBytes: PIECE_BYTES_MAX, kept: [] });
  });

  test("a large batch goes there and back in pieces where no memory is shared", async () => {
    expect(await passLarge({ isFar: true })).toEqual({ largestBytes: PIECE_BYTES_MAX, kept: [] });
  });

  for (const code of ["link.closed", "link.overloaded"]) {
    test(`pieces are asked for once more after ${code}`, async () => {
      const givesWay = { topics: [TOPICS.put, TOPICS.fetch], code };
      expect(await passLarge({ isFar: true, givesWay })).toEqual({ largestBytes: PIECE_BYTES_MAX, kept: [] });
    });
  }

  test("a run goes on from a large state", async () => {
    const pool = new LinkedPool();
    const state = Buffer.alloc(2 * PIECE_BYTES_MAX, " ");
    state.write("7", state.length - 1);
    await using worker = new WorkerRig({ a: { loaded: { stateful: true } } });
    const handle = pool.connect("w1", worker);
    const plan = planOf("s", { library: "a", stateful: true, sequential: true });
    await using rig = new RemoteRig([plan], { workers: pool, states: new Map([["s", state]]) });
    await rig.start();
    expect([handle.largestBytes, worker.hosts.all[0]!.count]).toEqual([PIECE_BYTES_MAX, 7]);
  });
});
