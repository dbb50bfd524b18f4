/** The executor of one process, over hosts that are none: its door from start to release. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../../../../src/wire/batch/index.ts";
import { type Settings, settingSchema } from "../../../../../src/work/pipeline/file/index.ts";
import {
  EMPTY_BATCHES,
  type ExecutorOptions,
  type Item,
  PipelineStages,
  type StagePlan,
} from "../../../../../src/work/pipeline/stages/index.ts";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const IN_FLIGHT = 4;
const TURNS = 6;
const PLAN: StagePlan = {
  name: "s",
  library: "a",
  revision: "1",
  params: {},
  policy: "DEAD_LETTER",
  maxRetries: 0,
  timeoutMs: 1_000,
  lanes: 1,
  sequential: false,
  stateful: false,
  exclusive: false,
  standby: 0,
  limits: {},
  passEnv: [],
};

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}

function settings(): Settings {
  const defaults = Object.entries(settingSchema).map(([name, spec]) => [
    name,
    "default" in spec ? spec.default : undefined,
  ]);
  return { ...(Object.fromEntries(defaults) as Settings), memory: 8 * 2 ** 20 }; // each by its schema
}

class Rig implements AsyncDisposable {
  readonly hosts: FakeHosts;
  readonly stages: PipelineStages;
  readonly failures: unknown[] = [];
  readonly #abort = new AbortController();
  #seq = 0;

  constructor(library: FakeLibrary, plan: Partial<StagePlan> = {}, more: Partial<ExecutorOptions> = {}) {
    this.hosts = new FakeHosts({ a: library, b: { batch: (text) => `b${text}` } });
    const clock = new SteppedClock();
    const mapped = (fd: number) => Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
    this.stages = new PipelineStages({
      pipeline: "p",
      run: "r",
      stages: [{ ...PLAN, ...plan }],
      settings: settings(),
      encoding: "ndjson",
      inFlight: IN_FLIGHT,
      firstSeq: 0,
      states: undefined,
      ports: {
        clock,
        random: seededRandom(1),
        host: { argv: [], env: {} },
        load: (options) => {
          const [input, output] = [mapped(options.segments!.inputFd), mapped(options.segments!.outputFd)];
          this.hosts.memory = { input: () => input, output: () => output };
          return this.hosts.load(options);
        },
        show: () => {},
      },
      signal: this.#abort.signal,
      untilOldest: async () => {},
      failed: (reason) => void this.failures.push(reason),
      ...more,
    });
  }

  async item(text: string): Promise<Item> {
    const seq = this.#seq++;
    const slot = await this.stages.slot(RAW_HEADER_BYTES + text.length, seq);
    const payload = Buffer.from(text);
    slot.view.set(payload, RAW_HEADER_BYTES);
    const bytes = sealRaw(
      slot.view,
      { id: `x@${seq}`, timeMs: 0, line: 1, format: { kind: "ndjson" } },
      payload.length,
    );
    const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
    return { seq, id: `x@${seq}`, epoch: 0, barrier: false, finish: false, slot, bytes, result };
  }

  async put(text: string): Promise<string> {
    const item = await this.item(text);
    await this.stages.way.process(item);
    const result = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString();
    item.slot.release();
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.stages.refuseAll(new Failure("test.over", "the test is over"));
    await this.stages.close();
    this.stages.release();
  }
}

const echo: FakeLibrary = { batch: (text) => text };

describe("PipelineStages", () => {
  test("way.process() leaves the item where the last stage put it, in the results' edge", async () => {
    await using rig = new Rig(echo);
    await rig.stages.start();
    const item = await rig.item("x\n");
    await rig.stages.way.process(item);
    const { segment } = rig.stages.results;
    expect(Buffer.from(segment.view.subarray(item.slot.offset, item.slot.offset + item.bytes)).toString()).toBe("x\n");
    expect(item.result.counts).toMatchObject([{ in: 1, out: 1 }]);
    item.slot.release();
  });

  test("slot() has room for all batches that count and the empty ones, and not for any number", async () => {
    await using rig = new Rig(echo);
    const { shareBytes } = rig.stages.results;
    const all = Array.from({ length: 4 * (IN_FLIGHT + EMPTY_BATCHES) }, (_, seq) => rig.stages.slot(shareBytes, seq));
    let had = 0;
    for (const each of all) {
      each.then(
        () => had++,
        () => {}, // the test is over
      );
    }
    await settle();
    expect(had).toBeGreaterThanOrEqual(IN_FLIGHT + EMPTY_BATCHES);
    expect(had).toBeLessThan(all.length);
  });

  test("stop() lets plugins clean up, close() does not, and both may be called again", async () => {
    for (const how of ["stop", "close"] as const) {
      await using rig = new Rig(echo);
      await rig.stages.start();
      await rig.stages[how]();
      await rig.stages.close();
      expect(rig.hosts.all.map(({ alive, cleanedUp }) => [alive, cleanedUp])).toEqual([[false, how === "stop"]]);
    }
  });

  test("refuseAll() ends the wait for a turn with its reason", async () => {
    await using rig = new Rig({ batch: () => "hang" });
    await rig.stages.start();
    const reason = new Failure("run.over", "it is over");
    const all = Array.from({ length: 4 }, () => rig.put("x\n").catch((thrown: unknown) => thrown));
    await settle();
    rig.stages.refuseAll(reason);
    expect(await Promise.all(all.slice(2))).toEqual([reason, reason]); // the first two are with the host
  });

  test("start() fails when a plugin refuses, and no host lives on", async () => {
    await using rig = new Rig({ initError: "no licence" });
    await expect(rig.stages.start()).rejects.toThrow("no licence");
    await rig.stages.close();
    expect(rig.hosts.living("a")).toEqual([]);
  });

  test("resume() starts what somebody has stopped, so that batches can drain", async () => {
    await using rig = new Rig(echo);
    await rig.stages.start();
    await rig.stages.stopChild("s", "lane 0");
    const waiting = rig.put("x\n");
    await settle();
    expect(rig.stages.progress()).toMatchObject([{ name: "s", rows: 0, inFlight: 1 }]);
    rig.stages.resume();
    expect(await waiting).toBe("x\n");
    rig.stages.resume(); // nothing is stopped any more
    expect(rig.failures).toEqual([]);
  });

  test("stopChild() and restartChild() name the stages there are when there is no such stage", async () => {
    await using rig = new Rig(echo);
    await rig.stages.start();
    await expect(rig.stages.stopChild("t")).rejects.toMatchObject({ code: "instance.not_found" });
    await expect(rig.stages.restartChild("t")).rejects.toThrow('there is no stage "t"; there are s');
  });

  test("change() swaps the plugin in place, and a way that was taken before still leads through", async () => {
    await using rig = new Rig(echo);
    await rig.stages.start();
    const before = rig.stages.way;
    const fence = { send: async () => Promise.reject(new Error("no fence is needed")), committed: async () => {} };
    const report = rig.stages.change(() => [{ ...PLAN, library: "b", revision: "2" }], fence);
    await settle();
    const item = await rig.item("x\n");
    await before.process(item);
    item.slot.release();
    await report;
    expect(await rig.put("y\n")).toBe("by\n");
    expect(rig.stages.stages.map(({ library }) => library)).toEqual(["b"]);
  });

  test("change() is refused while a stage is stopped, since its batches would never drain", async () => {
    await using rig = new Rig(echo);
    await rig.stages.start();
    await rig.stages.stopChild("s");
    const fence = { send: async () => 0, committed: async () => {} };
    await expect(rig.stages.change(() => [{ ...PLAN, library: "b" }], fence)).rejects.toMatchObject({
      code: "reload.stopped",
    });
    await rig.stages.restartChild("s");
    expect(await rig.put("x\n")).toBe("x\n");
  });
});
