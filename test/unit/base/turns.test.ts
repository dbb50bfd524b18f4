import { describe, expect, test } from "bun:test";
import { finishAtOnce, finishInTurns, type InTurns } from "../../../src/base/turns.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

/** Pieces of a millisecond each; tells how many are done. */
function* work(clock: SteppedClock, pieces: number, done: number[]): InTurns<string> {
  for (let piece = 1; piece <= pieces; piece += 1) {
    clock.sleep(1);
    done.push(piece);
    yield;
  }
  return "through";
}

/** Timers are called back, and what waits for them goes on. */
async function oneTurn(clock: SteppedClock): Promise<void> {
  clock.advance(0);
  for (let at = 0; at < 8; at += 1) await Promise.resolve();
}

describe("finishAtOnce()", () => {
  test("finishAtOnce() gives what comes of the work, and throws what it throws", () => {
    const clock = new SteppedClock();
    const done: number[] = [];
    expect(finishAtOnce(work(clock, 5, done))).toBe("through");
    expect([done.length, clock.timers]).toEqual([5, 0]);
    expect(() => finishAtOnce(broken())).toThrow("broken");
  });
});

describe("finishInTurns()", () => {
  test("finishInTurns() lets others run whenever a slice is over, and gives what comes of the work", async () => {
    const clock = new SteppedClock();
    const done: number[] = [];
    let result = "";
    void finishInTurns(work(clock, 10, done), clock, 4).then((text) => {
      result = text;
    });
    const perTurn: number[] = [done.length];
    while (clock.timers > 0) {
      await oneTurn(clock);
      perTurn.push(done.length);
    }
    expect([perTurn, result]).toEqual([[4, 8, 10], "through"]);
  });

  test("finishInTurns() takes no turn for what is done within its first slice", async () => {
    const clock = new SteppedClock();
    const result = finishInTurns(work(clock, 3, []), clock, 4);
    expect(clock.timers).toBe(0);
    expect(await result).toBe("through");
  });

  test("finishInTurns() fails with what the work throws, also in a later turn", async () => {
    const clock = new SteppedClock();
    const failing = finishInTurns(broken(), clock, 0);
    const outcome = failing.catch((thrown: Error) => thrown.message);
    await oneTurn(clock);
    expect(await outcome).toBe("broken");
  });
});

function* broken(): InTurns<void> {
  yield;
  throw new Error("broken");
}
