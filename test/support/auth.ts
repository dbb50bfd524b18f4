/** Keys, clocks and chance for tests of what is secret: the same in every run. */
import { expect } from "bun:test";
import { Failure } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type Entropy, Keyring } from "../../src/wire/auth/index.ts";

/** A clock that stands where it is put: `ms` sets the wall clock, as a correction does; with `pass` time goes by. */
export class SetClock {
  ms: number;
  #passedMs = 0;

  constructor(ms = Date.UTC(2030, 0, 1)) {
    this.ms = ms;
  }

  now(): number {
    return this.ms;
  }

  monotonic(): number {
    return this.#passedMs;
  }

  pass(ms: number): void {
    this.ms += ms;
    this.#passedMs += ms;
  }
}

/** Bytes by seed. Two of different seeds never give the same, two of one seed always do. */
export function seededEntropy(seed: number): Entropy {
  const random = seededRandom(seed);
  return (sizeBytes) => Uint8Array.from({ length: sizeBytes }, () => random.below(256));
}

export function keyringOf(seed: number): Keyring {
  return Keyring.generate(seededEntropy(seed));
}

/** The code of the Failure it throws; fails the test when it throws none. */
export async function codeOf(act: () => unknown): Promise<string> {
  return (await failureOf(act)).code;
}

export async function failureOf(act: () => unknown): Promise<Failure> {
  try {
    await act();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Failure);
    return thrown as Failure; // just seen to be one
  }
  throw new Error("nothing was thrown; a Failure was expected");
}
