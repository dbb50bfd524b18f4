/**
 * Which counters of a session have been seen: a window of bits behind the highest one (RFC 6479's idea, whole words are
 * cleared as it moves on). What lies behind the window counts as seen. A new window starts at the first counter it is given
 * and takes nothing from before it: what was recorded earlier must not be played back to a node that has just started.
 */
import { REPLAY_WINDOW } from "./limits.ts";

const WORD_BITS = 32;
/** One word more than the window, so that clearing a whole word never touches counters that are still within. */
const WORDS = REPLAY_WINDOW / WORD_BITS + 1;

export class ReplayWindow {
  readonly #bits = new Uint32Array(WORDS);
  readonly #first: number;
  #highest: number;

  constructor(counter: number) {
    this.#first = counter;
    this.#highest = counter;
    this.#mark(counter);
  }

  /** Whether it was seen, or might have been. */
  has(counter: number): boolean {
    if (counter > this.#highest) return false;
    if (counter < this.#first || this.#highest - counter >= REPLAY_WINDOW) return true;
    return (this.#bits[wordOf(counter)]! & bitOf(counter)) !== 0;
  }

  /** To be called for genuine counters that it does not have. */
  add(counter: number): void {
    if (counter > this.#highest) this.#moveTo(counter);
    this.#mark(counter);
  }

  #moveTo(counter: number): void {
    const fromWord = Math.floor(this.#highest / WORD_BITS);
    const steps = Math.min(WORDS, Math.floor(counter / WORD_BITS) - fromWord);
    for (let step = 1; step <= steps; step++) this.#bits[(fromWord + step) % WORDS] = 0;
    this.#highest = counter;
  }

  #mark(counter: number): void {
    this.#bits[wordOf(counter)]! |= bitOf(counter);
  }
}

function wordOf(counter: number): number {
  return Math.floor(counter / WORD_BITS) % WORDS;
}

function bitOf(counter: number): number {
  return (1 << (counter % WORD_BITS)) >>> 0;
}
