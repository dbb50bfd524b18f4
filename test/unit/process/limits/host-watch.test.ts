import { describe, expect, test } from "bun:test";
import type { LimitExceeded, ProcessUsage } from "../../../../src/process/limits/host-limits.ts";
import { HostWatch, LOOK_CLOSELY_MS, LOOK_EVERY_MS, type Watched } from "../../../../src/process/limits/host-watch.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const SMALL: ProcessUsage = { memoryBytes: 10, cpuMs: 0, files: 10 };

class Scene {
  readonly clock = new SteppedClock();
  readonly usage = new Map<number, ProcessUsage>();
  readonly told: [number, LimitExceeded][] = [];
  readonly looks: number[] = [];
  readonly watch = new HostWatch(this.clock, (pid) => {
    this.looks.push(pid);
    return this.usage.get(pid);
  });

  add(pid: number, limits: Watched["limits"], outOfMemory = () => false): Watched {
    this.usage.set(pid, SMALL);
    const watched = { pid, limits, outOfMemory, exceeded: (how: LimitExceeded) => void this.told.push([pid, how]) };
    this.watch.add(watched);
    return watched;
  }
}

describe("HostWatch", () => {
  test("HostWatch tells once when a host is over its limit, with what it used", () => {
    const scene = new Scene();
    scene.add(1, { memoryBytes: 100 });
    scene.usage.set(1, { ...SMALL, memoryBytes: 101 });
    scene.clock.advance(10 * LOOK_EVERY_MS);
    expect(scene.told).toEqual([
      [1, { limit: "memory", reason: "used 101 B of own memory, its limit is 100 B, and was killed" }],
    ]);
    expect(scene.clock.timers).toBe(0);
  });

  test("HostWatch has one timer for all hosts, and none when no host has a limit to look at", () => {
    const scene = new Scene();
    scene.add(1, { stdoutBytesPerSecond: 1 });
    expect(scene.clock.timers).toBe(0);
    const [second, third] = [scene.add(2, { files: 20 }), scene.add(3, { memoryBytes: 1_000 })];
    expect(scene.clock.timers).toBe(1);
    scene.clock.advance(LOOK_EVERY_MS);
    expect(new Set(scene.looks)).toEqual(new Set([2, 3]));
    scene.watch.remove(second);
    expect(scene.clock.timers).toBe(1);
    scene.watch.remove(third);
    expect(scene.clock.timers).toBe(0);
  });

  test("HostWatch looks seldom at a host that has gigabytes to go, and in time before half of them are filled", () => {
    const scene = new Scene();
    const GIB = 2 ** 30;
    scene.add(1, { memoryBytes: 8 * GIB });
    scene.clock.advance(LOOK_CLOSELY_MS);
    scene.looks.length = 0;
    scene.clock.advance(1_900); // 2 GiB a second: half of it is filled 2 s later at the earliest
    expect(scene.looks).toHaveLength(0);
    scene.usage.set(1, { ...SMALL, memoryBytes: 4 * GIB + 1 });
    scene.clock.advance(100);
    expect(scene.looks).toHaveLength(1);
    scene.clock.advance(10 * LOOK_CLOSELY_MS);
    expect(scene.looks).toHaveLength(11);
  });

  test("HostWatch looks closely when a host is near its memory limit, and at leisure when it is not", () => {
    const scene = new Scene();
    scene.add(1, { memoryBytes: 100 });
    scene.clock.advance(LOOK_CLOSELY_MS); // the first look is a close one: a start may be all it takes
    scene.looks.length = 0;
    scene.clock.advance(4 * LOOK_EVERY_MS);
    expect(scene.looks).toHaveLength(4);
    scene.usage.set(1, { ...SMALL, memoryBytes: 51 });
    scene.clock.advance(LOOK_EVERY_MS);
    scene.looks.length = 0;
    scene.clock.advance(4 * LOOK_CLOSELY_MS);
    expect(scene.looks).toHaveLength(4);
  });

  test("HostWatch tells when the kernel has killed a part of a host for its memory", () => {
    const scene = new Scene();
    let killed = false;
    scene.add(1, { memoryBytes: 100 }, () => killed);
    scene.clock.advance(LOOK_EVERY_MS);
    expect(scene.told).toEqual([]);
    killed = true;
    scene.clock.advance(LOOK_EVERY_MS);
    expect(scene.told).toMatchObject([[1, { limit: "memory" }]]);
  });

  test("HostWatch goes on with the others when one host has ended and one is over", () => {
    const scene = new Scene();
    scene.add(1, { files: 20 });
    scene.add(2, { files: 20 });
    scene.add(3, { files: 20 });
    scene.usage.delete(1);
    scene.usage.set(2, { ...SMALL, files: 21 });
    scene.clock.advance(2 * LOOK_EVERY_MS);
    scene.usage.set(3, { ...SMALL, files: 22 });
    scene.clock.advance(LOOK_EVERY_MS);
    expect(scene.told.map(([pid]) => pid)).toEqual([2, 3]);
  });
});
