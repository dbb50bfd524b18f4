import { describe, expect, test } from "bun:test";
import { Wakeup } from "../../../../src/app/data/wakeup.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const never = new AbortController().signal;

function listened() {
  const state = { wake: () => {}, isOver: false };
  const wakeup = new Wakeup((wake) => {
    state.wake = wake;
    return () => {
      state.isOver = true;
    };
  });
  return { state, wakeup };
}

describe("Wakeup", () => {
  test("next() misses nothing that has changed before it is asked", async () => {
    const { state, wakeup } = listened();
    state.wake();
    expect(await wakeup.next(new SteppedClock(), 1_000, never)).toBe(true);
  });

  test("next() waits for a change, and tells each once", async () => {
    const clock = new SteppedClock();
    const { state, wakeup } = listened();
    const waiting = wakeup.next(clock, 1_000, never);
    state.wake();
    state.wake();
    expect(await waiting).toBe(true);
    expect(clock.timers).toBe(0);
    expect(await wakeup.next(clock, 0, never)).toBe(false);
  });

  test("next() ends when the time is over", async () => {
    const clock = new SteppedClock();
    const { wakeup } = listened();
    const waiting = wakeup.next(clock, 1_000, never);
    clock.advance(1_000);
    expect(await waiting).toBe(false);
  });

  test("next() ends and leaves no timer when nobody waits any longer", async () => {
    const clock = new SteppedClock();
    const { wakeup } = listened();
    const gone = new AbortController();
    const waiting = wakeup.next(clock, 1_000, gone.signal);
    gone.abort();
    expect(await waiting).toBe(false);
    expect(clock.timers).toBe(0);
  });

  test("it stops listening when it is disposed of", () => {
    const { state, wakeup } = listened();
    wakeup[Symbol.dispose]();
    expect(state.isOver).toBe(true);
  });
});
