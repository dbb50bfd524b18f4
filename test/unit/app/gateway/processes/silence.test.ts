/** One that says nothing any more is found; a stand still of our own is nobody's silence. */
import { describe, expect, test } from "bun:test";
import { Silence } from "../../../../../src/app/gateway/processes/silence.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

describe("Silence", () => {
  test("it calls back once when nothing was heard for that long, and never where something is heard in time", () => {
    const clock = new SteppedClock();
    let silent = 0;
    const silence = new Silence(clock, 10_000, () => silent++);
    for (let second = 0; second < 60; second += 9) {
      clock.advance(9_000);
      silence.heard();
    }
    clock.advance(9_999);
    expect(silent).toBe(0);
    clock.advance(60_000);
    expect([silent, clock.timers]).toEqual([1, 0]);
  });

  test("while this process was not let run itself nobody is silent", () => {
    const clock = new SteppedClock();
    let silent = 0;
    const silence = new Silence(clock, 10_000, () => silent++);
    clock.advance(5_000);
    clock.sleep(600_000);
    clock.advance(0); // the one tick that is due comes before what was said meanwhile
    silence.heard();
    clock.advance(9_000);
    expect(silent).toBe(0);
    silence.stop();
    expect(clock.timers).toBe(0);
  });
});
