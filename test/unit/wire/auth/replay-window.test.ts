/** The replay window against one that remembers everything. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { REPLAY_WINDOW } from "../../../../src/wire/auth/limits.ts";
import { ReplayWindow } from "../../../../src/wire/auth/replay-window.ts";

/** Remembers each counter; old ones and those before the first count as seen. */
class DumbWindow {
  readonly #seen = new Set<number>();
  readonly #first: number;
  #highest: number;

  constructor(first: number) {
    this.#first = first;
    this.#highest = first;
    this.#seen.add(first);
  }

  has(counter: number): boolean {
    return counter < this.#first || counter <= this.#highest - REPLAY_WINDOW || this.#seen.has(counter);
  }

  add(counter: number): void {
    this.#seen.add(counter);
    this.#highest = Math.max(this.#highest, counter);
  }
}

const FAR = Number.MAX_SAFE_INTEGER - 50 * REPLAY_WINDOW;
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: -REPLAY_WINDOW - 70, max: REPLAY_WINDOW + 70 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * REPLAY_WINDOW }) },
  ),
  { maxLength: 300, size: "max" },
);

describe("ReplayWindow", () => {
  test("has() says the same as a window that remembers everything, for steps of any size", () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 31, 32, 5000, 2 ** 32 - 3, FAR), steps, (first, jumps) => {
        const [window, dumb] = [new ReplayWindow(first), new DumbWindow(first)];
        let at = first;
        for (const jump of jumps) {
          at = Math.min(Math.max(0, at + jump), Number.MAX_SAFE_INTEGER);
          const isSeen = window.has(at);
          if (isSeen !== dumb.has(at)) return false;
          if (isSeen) continue;
          window.add(at);
          dumb.add(at);
        }
        return true;
      }),
      { numRuns: 400 },
    );
  });

  test("has() takes packets in any order within the window and refuses all behind it", () => {
    const window = new ReplayWindow(0);
    const last = REPLAY_WINDOW + 99;
    window.add(last);
    expect(window.has(last)).toBe(true);
    for (let counter = 1; counter < last; counter++) expect(window.has(counter)).toBe(counter <= last - REPLAY_WINDOW);
  });

  test("has() keeps in mind whatever is within the window when counters come one by one", () => {
    const window = new ReplayWindow(7);
    for (let counter = 8; counter < 3 * REPLAY_WINDOW; counter++) {
      expect(window.has(counter)).toBe(false);
      window.add(counter);
      const edge = Math.max(7, counter - REPLAY_WINDOW);
      for (let near = edge; near < Math.min(edge + 70, counter); near++)
        if (!window.has(near)) throw new Error(`${near} of ${counter}`);
    }
  });

  test("ReplayWindow() is wide enough for 1,024 packets that overtake one another", () => {
    expect(REPLAY_WINDOW).toBeGreaterThanOrEqual(1024);
    expect(REPLAY_WINDOW % 32).toBe(0);
  });
});
