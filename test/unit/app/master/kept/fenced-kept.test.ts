/** What the masters keep, for as long as one of them leads. */
import { expect, test } from "bun:test";
import { FencedKept } from "../../../../../src/app/master/kept/fenced-kept.ts";
import { DEPOSED } from "../../../../../src/base/kept-state.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";

const CHANGE = [{ key: "k", value: Uint8Array.of(1) }];

test("write() is refused, and nothing is written, when it is fenced", async () => {
  const kept = new MemoryKept();
  const fenced = new FencedKept(kept, () => {});
  await fenced.write(CHANGE);
  fenced.fence("somebody else leads");
  await expect(fenced.write(CHANGE)).rejects.toMatchObject({ code: DEPOSED, retryable: false });
  expect(kept.writes).toHaveLength(1);
  expect(fenced.get("k")).toEqual(Uint8Array.of(1));
});

test("the first write that comes too late tells so, once, and fences the rest", async () => {
  const kept = new MemoryKept();
  const told: string[] = [];
  const fenced = new FencedKept(kept, (reason) => told.push(reason));
  kept.depose();
  await Promise.allSettled([fenced.write(CHANGE), fenced.write(CHANGE)]);
  await fenced.write(CHANGE).catch(() => {});
  expect(told).toEqual(["another master leads"]);
});

test("idle() waits for what is under way, and for what follows it at once", async () => {
  const kept = new MemoryKept();
  const fenced = new FencedKept(kept, () => {});
  await fenced.idle();
  kept.hold();
  const both = fenced.write(CHANGE).then(() => fenced.write(CHANGE));
  let isIdle = false;
  const idle = fenced.idle().then(() => {
    isIdle = true;
  });
  await new Promise(setImmediate);
  expect(isIdle).toBe(false);
  kept.release();
  await idle;
  expect(kept.writes).toHaveLength(2);
  await both;
});
