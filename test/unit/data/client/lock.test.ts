import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { DataNodes, lost, noLeader } from "../../../support/data-nodes.ts";
import { driven } from "../../../support/driven.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** Turns of the loop, so that what was begun gets as far as it can. */
async function turns(count = 20): Promise<void> {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
}

/** The group's clock and everybody else's run together. */
async function pass(clock: SteppedClock, nodes: DataNodes, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    nodes.pass(100);
    await turns(5);
  }
}

describe("Lock", () => {
  test("acquire() gives higher tokens to later holders", async () => {
    const nodes = new DataNodes();
    const lock = nodes.client().lock("job");
    const first = await lock.acquire();
    await first.release();
    const second = await lock.acquire();
    expect(second.token).toBeGreaterThan(first.token);
    await second.release();
    expect(await lock.show()).toBeUndefined();
  });

  test("acquire() waits in line until the holder releases", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire();
    const next = nodes.client().lock("job").acquire({ waitMs: 10_000 });
    await turns();
    expect((await nodes.client().lock("job").show())?.waiting.length).toBe(1);
    await held.release();
    const got = await driven(clock, next, 1);
    expect(got.token).toBeGreaterThan(held.token);
    expect(clock.monotonic()).toBeLessThan(100);
    await got.release();
  });

  test("acquire() has left the line when it fails because the time is over", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire({ ttlMs: 60_000 });
    const late = driven(clock, nodes.client().lock("job").acquire({ waitMs: 3_000 }));
    await expect(late).rejects.toMatchObject({ code: "lock.taken", retryable: true });
    expect(await nodes.client().lock("job").show()).toMatchObject({ holder: held.holder, waiting: [] });
    await held.release();
  });

  test("tryAcquire() gives nothing when somebody else has it", async () => {
    const nodes = new DataNodes();
    const held = await nodes.client().lock("job").acquire();
    expect(await nodes.client().lock("job").tryAcquire()).toBeUndefined();
    await held.release();
  });

  test("a held lock stays held as long as its holder lives", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire({ ttlMs: 3_000 });
    await pass(clock, nodes, 20_000);
    expect(held.lost.aborted).toBe(false);
    expect(nodes.machine().locks.isHeld("job", held.token)).toBe(true);
    await held.release();
    expect(clock.timers).toBe(0);
  });

  test("a held lock is kept over an election", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire({ ttlMs: 6_000 });
    nodes.faults.propose = () => {
      throw noLeader();
    };
    await pass(clock, nodes, 3_000);
    nodes.faults.propose = () => {};
    await pass(clock, nodes, 10_000);
    expect(held.lost.aborted).toBe(false);
    await held.release();
  });

  test("a held lock says that it is lost before anybody else can have it", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire({ ttlMs: 3_000 });
    nodes.faults.before = () => {
      throw lost();
    };
    let wasHeldWhenLost = false;
    held.lost.addEventListener("abort", () => {
      wasHeldWhenLost = nodes.machine().locks.isHeld("job", held.token);
    });
    await pass(clock, nodes, 4_000);
    expect(held.lost.aborted).toBe(true);
    expect(wasHeldWhenLost).toBe(true);
    expect(nodes.machine().locks.isHeld("job", held.token)).toBe(false);
    expect((held.lost.reason as Failure).code).toBe("lock.lost");
  });

  test("a held lock says that it is lost when the group says so", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const held = await nodes.client().lock("job").acquire({ ttlMs: 3_000 });
    nodes.apply("main", { command: { type: "lock.release", lock: "job", holder: held.holder } });
    clock.advance(1_000);
    await turns();
    expect(held.lost.aborted).toBe(true);
  });

  test("acquire() asks again when the answer came too late to count on", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let isFirst = true;
    nodes.faults.after = () => {
      if (!isFirst) return;
      isFirst = false;
      clock.advance(1_500);
      nodes.pass(1_500);
      throw lost();
    };
    const held = await driven(clock, nodes.client().lock("job").acquire({ ttlMs: 2_000 }));
    expect(new Set(nodes.applied.flatMap(({ mark }) => mark?.sequence ?? [])).size).toBe(2);
    expect(nodes.machine().locks.isHeld("job", held.token)).toBe(true);
    await held.release();
  });

  test("withLock() releases also when the work throws", async () => {
    const nodes = new DataNodes();
    const lock = nodes.client().lock("job");
    const work = lock.withLock(() => {
      throw new Failure("test.work", "it failed");
    });
    await expect(work).rejects.toMatchObject({ code: "test.work" });
    expect(await lock.show()).toBeUndefined();
  });
});
