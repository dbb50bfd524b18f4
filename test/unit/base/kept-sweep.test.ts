/** What was cut off is cleared away; what is being written is left alone. */
import { expect, test } from "bun:test";
import { getLarge, putLarge, strayPieces, writeLarge } from "../../../src/base/kept-large.ts";
import { KeptSweep } from "../../../src/base/kept-sweep.ts";
import { MemoryKept } from "../../support/kept-state.ts";

const LARGE = new Uint8Array(2 ** 20).fill(7);

/** Pieces without their value. */
async function leave(kept: MemoryKept, key: string): Promise<void> {
  await kept.write(putLarge(kept, key, LARGE).pieces);
}

test("around() sweeps before the first write, once, however many come at once", async () => {
  const kept = new MemoryKept();
  await leave(kept, "old");
  await kept.write([{ key: "unwanted", value: new Uint8Array([0]) }]);
  const sweep = new KeptSweep(kept, () => (kept.get("unwanted") ? ["unwanted"] : []));
  kept.writes.length = 0;
  await Promise.all(["a", "b", "c"].map((key) => sweep.around(() => writeLarge(kept, putLarge(kept, key, LARGE)))));
  expect([...kept.values.keys()].filter((key) => key.includes("old") || key === "unwanted")).toEqual([]);
  expect(kept.writes[0]).toHaveLength(2);
  expect(kept.writes).toHaveLength(4);
});

test("around() sweeps again when a write has failed, and not while another one is under way", async () => {
  const kept = new MemoryKept();
  const sweep = new KeptSweep(kept);
  await sweep.around(async () => {});
  const gate = Promise.withResolvers<void>();
  const slow = sweep.around(async () => {
    const { commit, pieces } = putLarge(kept, "slow", LARGE);
    await kept.write(pieces);
    await gate.promise;
    await kept.write(commit);
  });
  const failed = sweep.around(async () => {
    await leave(kept, "failed");
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  await sweep.around(() => writeLarge(kept, putLarge(kept, "other", LARGE)));
  gate.resolve();
  await slow;
  expect(getLarge(kept, "slow")).toEqual(LARGE);
  expect(strayPieces(kept)).not.toEqual([]);
  await sweep.around(async () => {});
  expect(strayPieces(kept)).toEqual([]);
  expect(getLarge(kept, "other")).toEqual(LARGE);
});

test("around() makes no write when what was left cannot be swept, and the next one tries again", async () => {
  const kept = new MemoryKept();
  await leave(kept, "old");
  const sweep = new KeptSweep(kept);
  kept.fill();
  await expect(sweep.around(async () => {})).rejects.toMatchObject({ code: "consensus.disk_full" });
  kept.refuse(undefined);
  await sweep.around(async () => {});
  expect(strayPieces(kept)).toEqual([]);
});
