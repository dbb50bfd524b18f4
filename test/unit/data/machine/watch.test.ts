/** Watches of maps and waits for locks and queues: what is told, when, and to whom no more. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Failure } from "../../../../src/base/errors.ts";
import type { DataMachineOptions, WatchQuery } from "../../../../src/data/machine/index.ts";
import { WATCH_BYTES_MAX, WATCH_EVENTS_MAX, type WatchListener } from "../../../../src/data/map/index.ts";
import { type Command, type MapEvent, VALUE_BYTES_MAX } from "../../../../src/data/words/index.ts";
import { command, Fed } from "./commands.ts";

/** What is told waits for `run`: so a test says when. */
class Turns {
  readonly #waiting: (() => void)[] = [];

  readonly defer = (run: () => void): void => {
    this.#waiting.push(run);
  };

  run(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
  }
}

class Recorder implements WatchListener {
  readonly seen: MapEvent[] = [];
  ending: Failure | undefined;

  events(events: readonly MapEvent[]): void | Promise<void> {
    this.seen.push(...events);
  }

  ended(failure: Failure): void {
    this.ending = failure;
  }

  get keys(): string[] {
    return this.seen.map(({ type, entry, revision }) => `${type} ${entry.key} ${revision}`);
  }
}

function rig(options: DataMachineOptions = {}): { fed: Fed; turns: Turns; watch(query: WatchQuery): Recorder } {
  const turns = new Turns();
  const fed = new Fed({ ...options, defer: turns.defer });
  return {
    fed,
    turns,
    watch(query) {
      const recorder = new Recorder();
      fed.machine.watch(query, recorder);
      return recorder;
    },
  };
}

function put(key: string, map = "m"): Command {
  return { type: "map.put", map, key, value: "v" };
}

describe("watch() tells", () => {
  test("what was, from the revision that it names, and then what comes", () => {
    const { fed, turns, watch } = rig();
    for (const key of ["a", "b", "c"]) fed.done(put(key));
    const recorder = watch({ map: "m", fromRevision: 2 });
    fed.done(put("d"));
    turns.run();
    fed.done({ type: "map.delete", map: "m", key: "a" });
    turns.run();
    expect(recorder.keys).toEqual(["put b 2", "put c 3", "put d 4", "delete a 5"]);
  });

  test("only what comes when it names no revision", () => {
    const { fed, turns, watch } = rig();
    fed.done(put("a"));
    const recorder = watch({});
    fed.done(put("b", "other"));
    turns.run();
    expect(recorder.keys).toEqual(["put b 2"]);
  });

  test("a key, a prefix, a map or all maps what concerns them", () => {
    const { fed, turns, watch } = rig();
    const recorders = [{ map: "m", key: "ab" }, { map: "m", prefix: "a" }, { map: "m" }, { prefix: "b" }, {}].map(
      watch,
    );
    for (const key of ["a", "ab", "b"]) fed.done(put(key));
    fed.done(put("ab", "n"));
    turns.run();
    expect(recorders.map(({ seen }) => seen.map(({ map, entry }) => map + entry.key).join(" "))).toEqual([
      "mab",
      "ma mab",
      "ma mab mb",
      "mb",
      "ma mab mb nab",
    ]);
  });

  test("nothing while a command is applied", () => {
    const { fed, turns, watch } = rig();
    const recorder = watch({});
    fed.done(put("a"));
    expect(recorder.seen).toEqual([]);
    turns.run();
    expect(recorder.seen).toHaveLength(1);
  });

  test("nothing more when it was closed", () => {
    const { fed, turns } = rig();
    const recorder = new Recorder();
    const close = fed.machine.watch({}, recorder);
    fed.done(put("a"));
    close();
    fed.done(put("b"));
    turns.run();
    expect([recorder.seen, recorder.ending, fed.machine.stats().watches]).toEqual([[], undefined, 0]);
  });

  test("the next events only when the listener's promise is kept", async () => {
    const { fed, turns } = rig();
    const calls: string[][] = [];
    const first = Promise.withResolvers<void>();
    fed.machine.watch(
      {},
      {
        events(events) {
          calls.push(events.map(({ entry }) => entry.key));
          return calls.length === 1 ? first.promise : undefined;
        },
        ended: () => {},
      },
    );
    fed.done(put("a"));
    turns.run();
    fed.done(put("b"));
    fed.done(put("c"));
    turns.run();
    expect(calls).toEqual([["a"]]);
    first.resolve();
    await first.promise;
    turns.run();
    expect(calls).toEqual([["a"], ["b", "c"]]);
  });
});

describe("watch() ends", () => {
  test("with data.watch_behind when a listener is too slow", () => {
    const { fed, turns, watch } = rig();
    const slow = watch({});
    for (let at = 0; at <= WATCH_EVENTS_MAX; at++) fed.apply(put("k"));
    turns.run();
    expect(slow.ending?.code).toBe("data.watch_behind");
    expect(slow.seen).toEqual([]);
    expect(fed.machine.stats().watches).toBe(0);
  });

  test("with data.watch_behind when what waits is too many bytes", () => {
    const { fed, turns, watch } = rig();
    const slow = watch({});
    const value = "v".repeat(VALUE_BYTES_MAX);
    for (let at = 0; at <= WATCH_BYTES_MAX / VALUE_BYTES_MAX; at++)
      fed.done({ type: "map.put", map: "m", key: "k", value });
    turns.run();
    expect(slow.ending?.code).toBe("data.watch_behind");
  });

  test("with what the listener throws, and others go on", () => {
    const { fed, turns, watch } = rig();
    const broken = new (class extends Recorder {
      override events(): void {
        throw new Error("no room");
      }
    })();
    fed.machine.watch({}, broken);
    const good = watch({});
    fed.done(put("a"));
    turns.run();
    expect(broken.ending).toMatchObject({ code: "data.watch_failed", message: "no room" });
    expect(good.keys).toEqual(["put a 1"]);
  });

  test("with data.compacted before it begins when history is gone", () => {
    const { fed, watch } = rig();
    for (const key of ["a", "b", "c"]) fed.done(put(key));
    fed.done({ type: "map.compact", revision: 2 });
    expect(() => watch({ fromRevision: 2 })).toThrow(expect.objectContaining({ code: "data.compacted" }));
    watch({ fromRevision: 3 });
  });

  test("with data.compacted when a restored snapshot leaves a gap, and goes on when it leaves none", () => {
    for (const compacted of [1, 3]) {
      const { fed, turns, watch } = rig();
      const other = new Fed();
      for (const each of [fed, other]) each.done(put("a"));
      const recorder = watch({ fromRevision: 1 });
      for (const key of ["b", "c"]) other.done(put(key));
      other.done({ type: "map.compact", revision: compacted });
      fed.machine.restore(other.machine.snapshot());
      fed.index = other.index;
      fed.done(put("d"));
      turns.run();
      if (compacted === 1) expect(recorder.keys).toEqual(["put a 1", "put b 2", "put c 3", "put d 4"]);
      else expect(recorder.ending?.code).toBe("data.compacted");
    }
  });
});

test("watch() tells all events of history in order and without a gap when it begins anywhere in a run", () => {
  const at = fc.nat(80);
  fc.assert(
    fc.property(fc.array(command, { minLength: 20, maxLength: 80, size: "max" }), at, at, (commands, from, begin) => {
      const { fed, turns, watch } = rig();
      const all = watch({});
      let late: Recorder | undefined;
      for (const [index, each] of commands.entries()) {
        fed.clockMs += index % 7 === 0 ? 90 : 0;
        fed.apply(each);
        if (index % 3 === 0) turns.run();
        const { compacted, revision } = fed.machine.maps;
        if (late === undefined && index >= begin)
          late = watch({ fromRevision: Math.max(compacted + 1, Math.min(from, revision + 1)) });
      }
      turns.run();
      if (late === undefined) return;
      const first = late.seen[0]?.revision ?? Number.POSITIVE_INFINITY;
      expect(late.seen).toEqual(all.seen.filter(({ revision }) => revision >= first));
      expect(all.seen.map(({ revision }) => revision)).toEqual(
        all.seen.map(({ revision }) => revision).sort((a, b) => a - b),
      );
    }),
    { numRuns: 60 },
  );
});

describe("onChange() tells", () => {
  const acquire = (holder: string): Command => ({ type: "lock.acquire", lock: "l", holder, ttlMs: 1_000, waits: true });

  test("who waits for a lock when it passes on, once a turn, and not what is closed", () => {
    const { fed, turns } = rig();
    let calls = 0;
    let closed = 0;
    fed.machine.onChange("lock", "l", () => calls++);
    const close = fed.machine.onChange("lock", "l", () => closed++);
    close();
    fed.done(acquire("ann"));
    fed.done(acquire("bob"));
    turns.run();
    const before = calls;
    fed.done({ type: "lock.release", lock: "l", holder: "ann" });
    expect(calls).toBe(before);
    turns.run();
    expect(calls).toBe(before + 1);
    expect(fed.machine.locks.show("l", fed.clockMs)?.holder).toBe("bob");
    fed.pass(1_000);
    turns.run();
    expect([calls, closed]).toEqual([before + 2, 0]);
  });

  test("who waits for a queue when something is ready, and not for another one", () => {
    const { fed, turns } = rig();
    const calls: string[] = [];
    for (const queue of ["jobs", "mails"]) fed.machine.onChange("queue", queue, () => calls.push(queue));
    fed.done({ type: "queue.enqueue", queue: "jobs", values: ["a", "b"] });
    turns.run();
    expect(calls).toEqual(["jobs"]);
    fed.done({ type: "queue.enqueue", queue: "mails", values: ["a"], delayMs: 500 });
    turns.run();
    expect(calls).toEqual(["jobs"]);
    fed.pass(500);
    turns.run();
    expect(calls).toEqual(["jobs", "mails"]);
  });

  test("everybody when the state was replaced", () => {
    const { fed, turns } = rig();
    let calls = 0;
    fed.machine.onChange("queue", "jobs", () => calls++);
    fed.machine.restore(new Fed().machine.snapshot());
    turns.run();
    expect(calls).toBe(1);
  });
});
