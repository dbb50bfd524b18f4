import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hub } from "../../../../scripts/bench/recovery/peers/hub.ts";

const place = mkdtempSync(join(tmpdir(), "hub-"));
afterAll(() => rmSync(place, { recursive: true }));

/** Longer than anything here takes; a test that needs it has failed. */
const LIMIT_MS = 10_000;

/** A child that says who it is, and answers what it is asked unless it is mute. */
async function child(path: string, name: string, pid: number, mute = false) {
  return Bun.connect({
    unix: path,
    socket: {
      open: (socket) => void socket.write(`hello ${name} ${pid}\n`),
      data: (socket) => {
        if (!mute) socket.write("answer\n");
      },
    },
  });
}

describe("Hub", () => {
  test("serving() names a child from its answer to its end", async () => {
    using hub = new Hub(join(place, "a.sock"));
    const socket = await child(hub.path, "one", 11);
    await hub.until("one serves", () => hub.serving().get("one") === 11, LIMIT_MS);
    socket.end();
    await hub.until("one is gone", () => hub.serving().size === 0, LIMIT_MS);
  });

  test("serving() leaves out a child that has not answered", async () => {
    using hub = new Hub(join(place, "b.sock"));
    await child(hub.path, "mute", 11, true);
    await child(hub.path, "one", 12);
    await hub.until("one serves", () => hub.serving().has("one"), LIMIT_MS);
    expect([...hub.serving()]).toEqual([["one", 12]]);
  });

  test("successor() waits for another process of the name, not for the same one", async () => {
    using hub = new Hub(join(place, "c.sock"));
    await child(hub.path, "one", 11);
    await hub.until("one serves", () => hub.serving().has("one"), LIMIT_MS);
    const next = hub.successor("one", 11, LIMIT_MS);
    await child(hub.path, "other", 12);
    await child(hub.path, "one", 13);
    expect(await next).toMatchObject({ name: "one", pid: 13 });
  });

  test("until() rejects when the time is over", async () => {
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      monotonic: () => 0,
      after(_delayMs: number, callback: () => void) {
        timers.push(callback);
        return { cancel() {} };
      },
    };
    using hub = new Hub(join(place, "d.sock"), clock);
    const waiting = hub.until("somebody serves", () => hub.serving().size > 0, 5);
    for (const fire of timers) fire();
    await expect(waiting).rejects.toThrow("somebody serves: not within 5 ms");
  });
});
