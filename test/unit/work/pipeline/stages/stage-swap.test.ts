/** Who works, and with which state, when a stage's plugin is exchanged: with hosts that are no processes. */
import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../../../src/base/errors.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/types.ts";
import { type FakeHost, FakeHosts, type FakeLibrary, type FakeVerdict } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

/** Says which library processed a batch. */
function marks(mark: string, more: FakeLibrary = {}): FakeLibrary {
  return { batch: (text) => `${mark} ${text}`, ...more };
}

const STATEFUL = { loaded: { stateful: true, sequential: true } } as const;

/** Numbers the batches over all its life; a failure is decided by `verdict`. */
function counts(mark: string, verdict: (host: FakeHost) => FakeVerdict | undefined = () => undefined): FakeLibrary {
  return {
    ...STATEFUL,
    batch: (_text, host) => {
      const found = verdict(host);
      if (found !== undefined) return found;
      host.count++;
      return `${mark} ${host.count}\n`;
    },
  };
}

const STATEFUL_PLAN: Partial<StagePlan> = { stateful: true, sequential: true };

/** Lets the fakes go on until the promise is settled; time passes for those who wait for it. */
async function drive<T>(clock: SteppedClock, work: Promise<T>): Promise<T> {
  let settled = false;
  const end = (): void => {
    settled = true;
  };
  work.then(end, end);
  while (!settled) {
    await new Promise(setImmediate);
    clock.advance(10);
  }
  return work;
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown === undefined) throw new Error("it did not fail");
  return thrown as Failure;
}

function numbersOf(rig: StageRig): number[] {
  return rig.outputs.map((text) => Number(/ (\d+)\n/.exec(text)?.[1]));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("swap() of a stage without state", () => {
  for (const lanes of [1, 3]) {
    test(`swap() loses and doubles nothing when ${lanes} lanes work`, async () => {
      const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
      await using rig = new StageRig({ plan: { library: "old", lanes }, fakes });
      await rig.start();
      const flow = rig.flow((index) => `${index}\n`, 6);
      const report = await rig.swap("new");
      const before = flow.done();
      await flow.stop();
      expect(report).toMatchObject({ stage: "stage", from: "old", to: "new", lanes, state: "none", trial: "passed" });
      expect(rig.outputs.map((text) => text.replace(/^\w+ /, ""))).toEqual(rig.outputs.map((_, index) => `${index}\n`));
      expect(rig.outputs.slice(before + 6).every((text) => text.startsWith("new"))).toBe(true);
      expect(rig.outputs.some((text) => text.startsWith("old"))).toBe(true);
      expect(fakes.of("old").every(({ cleanedUp }) => cleanedUp)).toBe(true);
      expect(fakes.living("new")).toHaveLength(lanes);
      expect(rig.at.progress().restarts).toBe(0);
    });
  }

  for (const [what, library, words] of [
    ["does not load", marks("new", { loadError: "no such module" }), /no such module/],
    ["refuses to start", marks("new", { initError: "no licence" }), /no licence/],
    ["refuses its parameters", marks("new", { faults: ["too large"] }), /p: too large/],
    ["is not what was checked", marks("new", { loaded: { sequential: true } }), /sequential is true/],
  ] as const) {
    test(`swap() changes nothing when the new plugin ${what}`, async () => {
      const fakes = new FakeHosts({ old: marks("old"), new: library });
      await using rig = new StageRig({ plan: { library: "old", lanes: 2 }, fakes });
      await rig.start();
      const hosts = fakes.living("old");
      const failure = await failureOf(rig.swap("new"));
      expect(failure.code).toBe("swap.refused");
      expect(failure.message).toMatch(words);
      expect(await rig.put("1\n")).toBe("old 1\n");
      expect(fakes.living("old")).toEqual(hosts);
      expect(fakes.living("new")).toEqual([]);
      expect(await rig.swap("old", { params: { again: 1 } })).toMatchObject({ to: "old" });
    });
  }

  for (const [what, verdict] of [
    ["fails", new Error("cannot")],
    ["crashes over", "crash"],
  ] as const) {
    test(`swap() goes back, and the batch is tried anew, when the new plugin ${what} its first batch`, async () => {
      const fakes = new FakeHosts({ old: marks("old"), new: { batch: () => verdict } });
      await using rig = new StageRig({ plan: { library: "old", lanes: 2 }, fakes });
      await rig.start();
      const hosts = fakes.living("old");
      const flow = rig.flow((index) => `${index}\n`);
      const failure = await failureOf(rig.swap("new"));
      await flow.stop();
      expect(failure.code).toBe("swap.rolled_back");
      expect(failure.message).toContain(verdict === "crash" ? "SIGKILL" : "cannot");
      expect(rig.outputs).toEqual(rig.outputs.map((_, index) => `old ${index}\n`));
      expect(fakes.living("old")).toEqual(hosts);
      expect(fakes.living("new")).toEqual([]);
      expect(rig.at.stage.retries).toBe(0);
      expect(rig.at.progress().restarts).toBe(0);
      expect(rig.named("swap_rolled_back")).toHaveLength(1);
    });
  }

  test("swap() brings back every lane when the second one's first batch fails", async () => {
    let batches = 0;
    const second: FakeLibrary = {
      batch: (text, host) => (host.seen === 1 && ++batches === 2 ? "crash" : `new ${text}`),
    };
    const fakes = new FakeHosts({ old: marks("old"), new: second });
    await using rig = new StageRig({ plan: { library: "old", lanes: 3 }, fakes });
    await rig.start();
    const hosts = fakes.living("old");
    const flow = rig.flow((index) => `${index}\n`, 6);
    const failure = await failureOf(rig.swap("new"));
    const before = flow.done();
    await flow.stop();
    expect(failure.code).toBe("swap.rolled_back");
    expect(fakes.living("old")).toEqual(hosts);
    expect(fakes.living("new")).toEqual([]);
    expect(rig.outputs.map((text) => text.replace(/^\w+ /, ""))).toEqual(rig.outputs.map((_, index) => `${index}\n`));
    expect(rig.outputs.slice(before + 6).every((text) => text.startsWith("old"))).toBe(true);
  });

  test("swap() completes without a batch, and goes back when the first one fails later", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: marks("old"), new: { batch: () => "crash" } });
    await using rig = new StageRig({ plan: { library: "old", lanes: 2 }, fakes, clock });
    await rig.start();
    const report = await drive(clock, rig.swap("new"));
    expect(report.trial).toBe("pending");
    expect(fakes.living("old")).toHaveLength(2);
    expect(await drive(clock, rig.put("1\n"))).toBe("old 1\n");
    await drive(clock, rig.put("2\n"));
    expect(rig.named("swap_rolled_back")).toHaveLength(1);
    expect(fakes.living("new")).toEqual([]);
    expect(rig.at.stage.retries).toBe(0);
  });

  test("swap() refuses a plan that takes more than other processes, and says what", async () => {
    const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old" }, fakes });
    await rig.start();
    const failure = await failureOf(rig.swap("new", { lanes: 2, timeoutMs: 5 }));
    expect(failure).toMatchObject({ code: "swap.refused" });
    expect(failure.message).toContain("timeoutMs, lanes");
  });

  test("swap() refuses while another one is under way", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old" }, fakes, clock });
    await rig.start();
    const first = rig.swap("new");
    expect((await failureOf(rig.swap("new"))).code).toBe("swap.busy");
    await drive(clock, first);
  });

  test("swap() ends when the stage stops, and no process is left", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old", lanes: 2 }, fakes, clock });
    await rig.start();
    const swapping = failureOf(rig.swap("new"));
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    await drive(clock, rig.at.hosts.stop());
    expect((await swapping).code).toBe("swap.stopped");
    await rig.at.hosts.abort();
    expect(fakes.all.filter(({ alive }) => alive)).toEqual([]);
  });

  test("swap() waits no longer than stop_timeout for a batch that hangs, and tries it anew", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: { batch: () => "hang" }, new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old", timeoutMs: 60_000 }, fakes, clock });
    await rig.start();
    const put = rig.put("1\n");
    const report = await drive(clock, rig.swap("new"));
    expect(report.heldMs).toBeGreaterThanOrEqual(5_000);
    expect(report.heldMs).toBeLessThan(6_000);
    expect(await put).toBe("new 1\n");
    expect(rig.at.stage.retries).toBe(0);
  });

  test("swap() cures a stage whose hosts crash over every batch", async () => {
    const fakes = new FakeHosts({ old: { batch: () => "crash" }, new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old", maxRetries: 100_000 }, fakes, maxRestarts: 100_000 });
    await rig.start();
    const put = rig.put("1\n");
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    await rig.swap("new");
    expect(await put).toBe("new 1\n");
    expect(rig.failure).toBeUndefined();
  });
});

describe("swap() of a stage with state", () => {
  test("swap() goes on from the old plugin's state when both keep one", async () => {
    const fakes = new FakeHosts({ old: counts("old"), new: counts("new") });
    await using rig = new StageRig({ plan: { library: "old", ...STATEFUL_PLAN }, fakes });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    for (let index = 0; index < 20; index++) {
      const to = index % 2 === 0 ? "new" : "old";
      expect(await rig.swap(to)).toMatchObject({ to, state: "restored" });
    }
    await flow.stop();
    expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
    expect(rig.outputs.some((text) => text.startsWith("new"))).toBe(true);
  });

  test("swap() goes through the log when the old plugin cannot give its state", async () => {
    const fakes = new FakeHosts({ old: { ...counts("old"), snapshotError: "not now" }, new: counts("new") });
    await using rig = new StageRig({ plan: { library: "old", ...STATEFUL_PLAN }, fakes });
    await rig.start();
    await rig.put("x\n");
    const swapping = rig.swap("new");
    await rig.put("x\n");
    await swapping;
    await rig.put("x\n");
    expect(numbersOf(rig)).toEqual([1, 2, 3]);
    expect(fakes.of("new")[0]!.said).toContain("replay");
  });

  for (const [what, library] of [
    ["does not take the state", { ...counts("new"), restoreError: "unknown form" }],
    ["fails its first batch", counts("new", () => new Error("cannot"))],
    ["dies over its first batch", counts("new", () => "crash")],
  ] as const) {
    test(`swap() goes back to the old process and its state when the new plugin ${what}`, async () => {
      const fakes = new FakeHosts({ old: counts("old"), new: library });
      await using rig = new StageRig({ plan: { library: "old", ...STATEFUL_PLAN }, fakes });
      await rig.start();
      const flow = rig.flow((index) => `${index}\n`);
      await rig.put("x\n");
      const failure = await failureOf(rig.swap("new"));
      await flow.stop();
      expect(failure.code).toBe("swap.rolled_back");
      expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
      expect(fakes.of("old")).toHaveLength(1);
      expect(fakes.of("old")[0]!.said).not.toContain("restore"); // it has all it needs
      expect(rig.at.stage.retries).toBe(0);
    });
  }

  test("swap() starts without a state when the old plugin kept none, and drops it when the new one keeps none", async () => {
    const ordered: FakeLibrary = { ...marks("plain"), loaded: { sequential: true } };
    const fakes = new FakeHosts({ plain: ordered, counter: counts("counter") });
    await using rig = new StageRig({ plan: { library: "plain", sequential: true }, fakes });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    expect(await rig.swap("counter", { stateful: true })).toMatchObject({ state: "none" });
    expect(await rig.swap("plain", { stateful: false })).toMatchObject({ state: "dropped" });
    await flow.stop();
    const counted = rig.outputs.filter((text) => text.startsWith("counter"));
    expect(counted).toEqual(counted.map((_, index) => `counter ${index + 1}\n`));
    expect(counted.length).toBeGreaterThan(0);
  });
});

describe("swap() of an exclusive plugin", () => {
  const exclusive = (library: FakeLibrary): FakeLibrary => ({
    ...library,
    loaded: { ...library.loaded, exclusive: true },
  });
  const plan = { library: "old", ...STATEFUL_PLAN, exclusive: true };

  test("swap() has the old one clean up before the new one's init", async () => {
    const fakes = new FakeHosts({ old: exclusive(counts("old")), new: exclusive(counts("new")) });
    await using rig = new StageRig({ plan, fakes });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    const [old] = fakes.of("old");
    let initialisedBefore = false;
    const look = setInterval(() => {
      initialisedBefore ||= fakes.of("new").some(({ initialised }) => initialised) && !old!.cleanedUp;
    }, 0);
    await rig.swap("new");
    clearInterval(look);
    await flow.stop();
    expect(old!.cleanedUp).toBe(true);
    expect(initialisedBefore).toBe(false);
    expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
  });

  for (const [what, library] of [
    ["refuses to start", { ...counts("new"), initError: "no" }],
    ["dies over its first batch", counts("new", () => "crash")],
  ] as const) {
    test(`swap() starts another host of the old plugin when the new one ${what}`, async () => {
      const fakes = new FakeHosts({ old: exclusive(counts("old")), new: exclusive(library) });
      await using rig = new StageRig({ plan, fakes });
      await rig.start();
      const flow = rig.flow((index) => `${index}\n`);
      await rig.put("x\n");
      expect((await failureOf(rig.swap("new"))).code).toBe("swap.rolled_back");
      await flow.stop();
      expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
      expect(rig.outputs.every((text) => text.startsWith("old"))).toBe(true);
      expect(fakes.of("old")).toHaveLength(2);
      expect(fakes.living("new")).toEqual([]);
    });
  }
});

describe("the window after swap()", () => {
  test("swap() keeps the old host until the window has passed, and not longer", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old" }, fakes, clock, swapWindowMs: 10_000 });
    await rig.start();
    const swapping = rig.swap("new");
    while (!rig.events.some(({ event }) => event === "swapped")) await rig.put("1\n");
    await swapping;
    clock.advance(9_000);
    expect(fakes.living("old")).toHaveLength(1);
    clock.advance(1_000);
    await drive(clock, rig.put("2\n"));
    expect(fakes.living("old")).toEqual([]);
    expect(rig.named("swap_confirmed")).toHaveLength(1);
  });

  test("swap() is taken back, state and all, when the new plugin fails more often", async () => {
    const failing = counts("new", ({ seen }) => (seen % 10 === 0 ? "crash" : undefined));
    const fakes = new FakeHosts({ old: counts("old"), new: failing });
    await using rig = new StageRig({ plan: { library: "old", ...STATEFUL_PLAN }, fakes, swapWindowMs: 60_000 });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    await rig.swap("new");
    while (rig.named("swap_rolled_back").length === 0) await rig.put("x\n");
    const before = rig.outputs.length;
    for (let index = 0; index < 5; index++) await rig.put("x\n");
    await flow.stop();
    expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
    expect(rig.outputs.slice(before).every((text) => text.startsWith("old"))).toBe(true);
    expect(fakes.of("old")).toHaveLength(1);
    expect(rig.named("swap_rolled_back")[0]).toMatchObject({ reason: expect.stringMatching(/tries failed/) });
    expect(rig.failure).toBeUndefined();
  });

  test("swap() is taken back from a fresh host when the old one has died in reserve", async () => {
    const failing = counts("new", ({ seen }) => (seen % 5 === 0 ? "crash" : undefined));
    const fakes = new FakeHosts({ old: counts("old"), new: failing });
    await using rig = new StageRig({ plan: { library: "old", ...STATEFUL_PLAN }, fakes, swapWindowMs: 60_000 });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    await rig.swap("new");
    fakes.of("old")[0]!.kill();
    while (rig.named("swap_rolled_back").length === 0) await rig.put("x\n");
    for (let index = 0; index < 5; index++) await rig.put("x\n");
    await flow.stop();
    expect(numbersOf(rig)).toEqual(upTo(rig.outputs.length));
    expect(fakes.of("old")).toHaveLength(2);
  });

  test("swap() confirms the one before when another follows within its window", async () => {
    const fakes = new FakeHosts({ a: marks("a"), b: marks("b"), c: marks("c") });
    await using rig = new StageRig({ plan: { library: "a" }, fakes, swapWindowMs: 60_000 });
    await rig.start();
    const flow = rig.flow((index) => `${index}\n`);
    await rig.swap("b");
    await rig.swap("c");
    await flow.stop();
    expect(fakes.living("a")).toEqual([]);
    expect(fakes.living("b")).toHaveLength(1);
    expect(rig.named("swap_confirmed")).toMatchObject([{ to: "b", reason: "another swap follows" }]);
  });

  test("stop() has the old host clean up too when the window has not passed", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old" }, fakes, clock, swapWindowMs: 60_000 });
    await rig.start();
    await drive(clock, rig.swap("new"));
    await drive(clock, rig.at.hosts.stop());
    expect(fakes.all.map(({ cleanedUp }) => cleanedUp)).toEqual([true, true]);
  });
});
