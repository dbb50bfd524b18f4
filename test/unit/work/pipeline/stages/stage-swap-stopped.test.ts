/** What becomes of a swap, and of the hosts it keeps, when a lane or the whole stage is stopped in the middle of it. */
import { expect, test } from "bun:test";
import type { Failure } from "../../../../../src/base/errors.ts";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

function marks(mark: string, more: FakeLibrary = {}): FakeLibrary {
  return { batch: (text) => `${mark} ${text}`, ...more };
}

/** Many more than any step of the fakes takes. */
const TURNS_MAX = 500;

async function until(reached: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (reached()) return;
    await new Promise(setImmediate);
  }
  throw new Error("it did not come to that");
}

async function pass(clock: SteppedClock, reached: () => boolean): Promise<void> {
  await until(() => {
    clock.advance(10);
    return reached();
  });
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (thrown: Failure) => thrown.code,
  );

for (const what of ["lane", "stage"] as const) {
  test(`swap() settles, and another one can follow, when its ${what} is stopped while it drains`, async () => {
    const fakes = new FakeHosts({ old: { batch: () => "hang" }, new: marks("new") });
    await using rig = new StageRig({ plan: { library: "old" }, fakes, swapWindowMs: 60_000 });
    await rig.start();
    const put = rig.put("1\n");
    const swapping = codeOf(rig.swap("new"));
    await until(() => fakes.living("new").some(({ initialised }) => initialised));
    const stopped = what === "lane" ? rig.at.hosts.stopChild("lane 0") : rig.at.hosts.stopAll();
    fakes.of("old")[0]!.kill();
    await stopped;
    expect(await swapping).toBe("done");
    expect(fakes.living("new")).toEqual([]);
    expect(await codeOf(rig.swap("new", { params: { again: 1 } }))).toBe("done");
    await rig.at.hosts.restartAll();
    expect(await put).toBe("new 1\n");
    expect(fakes.living("new")).toHaveLength(1);
  });
}

test("swap() settles when its lane is stopped while the candidate takes over", async () => {
  let took = false;
  const slow: FakeLibrary = { loaded: { exclusive: true }, ...marks("new") };
  const fakes = new FakeHosts({ old: marks("old", { loaded: { exclusive: true } }), new: slow });
  await using rig = new StageRig({ plan: { library: "old", exclusive: true }, fakes });
  await rig.start();
  const swapping = codeOf(rig.swap("new")).then((code) => {
    took = true;
    return code;
  });
  await until(() => fakes.of("old")[0]!.cleanedUp);
  expect(took).toBe(false);
  await rig.at.hosts.stopChild("lane 0");
  expect(await swapping).toBe("done");
  await rig.at.hosts.restartChild("lane 0");
  expect(await rig.put("1\n")).toBe("new 1\n");
});

test("swap() that goes back has the reserve clean up when its lane was stopped in the window", async () => {
  const clock = new SteppedClock();
  const fakes = new FakeHosts({ old: marks("old"), new: marks("new"), third: marks("third") });
  await using rig = new StageRig({ plan: { library: "old" }, fakes, clock, swapWindowMs: 60_000 });
  await rig.start();
  let done = false;
  const swapping = rig.swap("new").then((report) => {
    done = true;
    return report;
  });
  await pass(clock, () => done);
  expect((await swapping).trial).toBe("pending");
  await rig.at.hosts.stopAll();
  await rig.swap("third");
  expect(fakes.living("old")).toEqual([]);
  expect(fakes.of("old").map(({ cleanedUp }) => cleanedUp)).toEqual([true]);
  await rig.at.hosts.restartAll();
  expect(await rig.put("1\n")).toBe("third 1\n");
});

test("stop() has the old host clean up too when a swap is under way", async () => {
  const clock = new SteppedClock();
  const fakes = new FakeHosts({ old: marks("old"), new: marks("new") });
  await using rig = new StageRig({ plan: { library: "old" }, fakes, clock });
  await rig.start();
  const swapping = codeOf(rig.swap("new"));
  await until(() => rig.named("host_ready").length === 2);
  await rig.at.hosts.stop();
  expect(await swapping).toBe("swap.stopped");
  expect(fakes.all.map(({ cleanedUp }) => cleanedUp)).toEqual([true, true]);
});
