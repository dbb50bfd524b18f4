/** Whose fault it is when a plugin that was swapped in fails its first batches: its own, or theirs. */
import { expect, test } from "bun:test";
import { FakeHosts, type FakeLibrary, type FakeVerdict } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";

/** Fails every batch that has "bad" in it. */
function picky(mark: string, verdict: FakeVerdict): FakeLibrary {
  return { batch: (text) => (text.includes("bad") ? verdict : `${mark} ${text}`) };
}

for (const [what, verdict] of [
  ["refuses", new Error("bad")],
  ["crashes over", "crash"],
] as const) {
  test(`swap() holds when the new plugin ${what} what the old one fails too`, async () => {
    const fakes = new FakeHosts({ old: picky("old", verdict), new: picky("new", verdict) });
    await using rig = new StageRig({
      plan: { library: "old", lanes: 2, policy: "DEAD_LETTER", maxRetries: 0 },
      fakes,
      maxRestarts: 100_000,
    });
    await rig.start();
    const flow = rig.flow((index) => (index % 2 === 0 ? "bad\n" : `${index}\n`));
    for (let round = 0; round < 8; round++)
      expect(await rig.swap(round % 2 === 0 ? "new" : "old")).toMatchObject({ from: round % 2 === 0 ? "old" : "new" });
    await flow.stop();
    expect(rig.named("swap_rolled_back")).toEqual([]);
    expect(rig.failure).toBeUndefined();
    const texts = rig.outputs.map((text) => text.replace(/^\w+ /, ""));
    expect(texts).toEqual(rig.outputs.map((_, index) => (index % 2 === 0 ? "" : `${index}\n`)));
  });
}

for (const [what, verdict] of [
  ["refuses", new Error("bad")],
  ["crashes over", "crash"],
] as const) {
  test(`swap() goes back, and what the old plugin has done is done, when the new one ${what} it`, async () => {
    const fakes = new FakeHosts({ old: picky("old", "old"), new: picky("new", verdict) });
    await using rig = new StageRig({ plan: { library: "old", policy: "DEAD_LETTER", maxRetries: 0 }, fakes });
    await rig.start();
    const old = fakes.living("old");
    await rig.swap("new");
    expect(await rig.put("bad\n")).toBe("old");
    while (rig.named("swap_rolled_back").length === 0) await new Promise(setImmediate);
    expect(fakes.living("old")).toEqual(old);
    expect(fakes.living("new")).toEqual([]);
    expect(rig.at.stage.retries).toBe(0);
    expect(rig.at.progress().restarts).toBe(0);
  });
}

test("swap() loses no record when the new plugin fails all and the old one fails some of its tries", async () => {
  const old: FakeLibrary = { batch: (text, { seen }) => (seen % 3 === 2 ? new Error("by chance") : `old ${text}`) };
  const fakes = new FakeHosts({ old, new: { batch: () => new Error("never") } });
  await using rig = new StageRig({ plan: { library: "old", maxRetries: 20 }, fakes });
  await rig.start();
  const flow = rig.flow((index) => `${index}\n`);
  expect(await rig.swap("new").catch(({ code }) => code)).toBe("swap.rolled_back");
  await flow.stop();
  expect(rig.outputs).toEqual(rig.outputs.map((_, index) => `old ${index}\n`));
});

test("a lane waits no longer for the old plugin's word than a batch may take, and goes on", async () => {
  const fakes = new FakeHosts({
    old: { batch: (text) => (text === "bad\n" ? "hang" : `old ${text}`) },
    new: picky("new", new Error("bad")),
  });
  await using rig = new StageRig({
    plan: { library: "old", policy: "DEAD_LETTER", maxRetries: 0, timeoutMs: 20 },
    fakes,
  });
  await rig.start();
  await rig.swap("new");
  expect(await rig.put("bad\n")).toBe("");
  expect(await rig.put("1\n")).toBe("new 1\n");
  expect(rig.named("swap_rolled_back")).toEqual([]);
});
