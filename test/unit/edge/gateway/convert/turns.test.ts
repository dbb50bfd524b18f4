/** Work in turns: what is short is done at once, what is long lets others in. */
import { describe, expect, test } from "bun:test";
import type { InTurns } from "../../../../../src/base/turns.ts";
import { OrderedWork, Turns } from "../../../../../src/edge/gateway/convert/turns.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const LONG = 1024 * 1024;

class Bench {
  readonly clock = new SteppedClock();
  readonly turns = new Turns(this.clock);
  readonly done: string[] = [];

  worker(name: string): OrderedWork {
    return new OrderedWork(this.turns, "test.defect", {
      onIdle: () => this.done.push(`${name} idle`),
      onFailed: ({ code, message }) => this.done.push(`${name} ${code} ${message}`),
    });
  }

  finish(): void {
    while (this.clock.timers > 0) this.clock.advance(5);
  }

  /** Each step takes a whole slice. */
  *steps(name: string, count: number): InTurns<void> {
    for (let step = 1; step <= count; step++) {
      this.clock.sleep(5);
      this.done.push(`${name}${step}`);
      if (step < count) yield;
    }
  }
}

describe("OrderedWork", () => {
  test("does what is short at once, and what comes behind something long after it", () => {
    const bench = new Bench();
    const worker = bench.worker("a");
    expect(worker.add(10, bench.steps("short", 2))).toBe(true);
    expect(worker.add(LONG, bench.steps("long", 2))).toBe(false);
    expect(worker.add(10, bench.steps("behind", 1))).toBe(false);
    expect(bench.done).toEqual(["short1", "short2"]);
    bench.finish();
    expect(bench.done).toEqual(["short1", "short2", "long1", "long2", "behind1", "a idle"]);
  });

  test("shares the turns among those that wait", () => {
    const bench = new Bench();
    bench.worker("a").add(LONG, bench.steps("a", 3));
    bench.worker("b").add(LONG, bench.steps("b", 2));
    bench.finish();
    expect(bench.done).toEqual(["a1", "b1", "a2", "b2", "b idle", "a3", "a idle"]);
  });

  test("takes turns when many short ones come in a row, and none again when time has passed", () => {
    const bench = new Bench();
    const worker = bench.worker("a");
    function* nothing(): InTurns<void> {}
    let count = 0;
    while (worker.add(100, nothing())) count++;
    expect(count).toBeWithin(100, 400);
    bench.clock.advance(10);
    expect(worker.add(100, nothing())).toBe(true);
  });

  test("drops what is behind a failure, and everything when it is stopped", () => {
    const bench = new Bench();
    const failing = bench.worker("a");
    failing.add(LONG, failure());
    failing.add(10, bench.steps("behind", 1));
    const stopped = bench.worker("b");
    stopped.add(LONG, bench.steps("b", 1));
    stopped.stop();
    bench.clock.advance(0);
    expect([bench.done, bench.clock.timers]).toEqual([["a test.defect no"], 0]);
  });
});

// biome-ignore lint/correctness/useYield: it fails at once
function* failure(): InTurns<void> {
  throw new Error("no");
}
