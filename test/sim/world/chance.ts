/** What a seed decides: numbers from distributions, picks, shuffles, and streams of their own for parts of the world. */
import { type Random, seededRandom } from "../../../src/base/random.ts";

/** How long something takes, in milliseconds; `exponential` has the long tail of real networks, cut off at `maxMs`. */
export type Delay =
  | { readonly shape: "constant"; readonly ms: number }
  | { readonly shape: "uniform"; readonly minMs: number; readonly maxMs: number }
  | { readonly shape: "exponential"; readonly minMs: number; readonly meanMs: number; readonly maxMs: number };

export function drawDelayMs(delay: Delay, random: Random): number {
  switch (delay.shape) {
    case "constant":
      return delay.ms;
    case "uniform":
      return delay.minMs + (delay.maxMs - delay.minMs) * random.next();
    case "exponential":
      return Math.min(delay.maxMs, delay.minMs + exponential(random, delay.meanMs - delay.minMs));
  }
}

export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.next()) * mean;
}

export function between(random: Random, least: number, most: number): number {
  return least + (most - least) * random.next();
}

export function chance(random: Random, probability: number): boolean {
  return probability > 0 && random.next() < probability;
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)]!;
}

/** `count` different numbers below `bound`, in random order. */
export function pickDistinct(random: Random, bound: number, count: number): number[] {
  const all = Array.from({ length: bound }, (_, index) => index);
  for (let at = 0; at < Math.min(count, bound); at++) {
    const other = at + random.below(bound - at);
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all.slice(0, count);
}

/** A stream of its own, so that more draws in one part of the world do not change another part. */
export function fork(random: Random): Random {
  return seededRandom(random.below(2 ** 32));
}
