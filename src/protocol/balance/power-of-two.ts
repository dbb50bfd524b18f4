/**
 * POWER_OF_TWO: of two different candidates drawn at random, by weight, the one with fewer requests under way for its weight
 * (Mitzenmacher, 2001; gRPC A48). Chance keeps several masters, whose counts are all a little old, from going for the same
 * node at once. Unlike A48 it never draws one candidate twice, so that the busiest is not chosen while another is free.
 */
import type { Random } from "../../base/random.ts";
import { eligible, outstandingOf, totalOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice } from "./contract.ts";

export class PowerOfTwo implements Balancer {
  /** Nothing is learnt, so nothing is held. */
  readonly remembered = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice): string | undefined {
    const list = eligible(candidates, exclude);
    const first = this.#draw(list, undefined);
    if (first === undefined || list.length === 1) return first?.id;
    const second = this.#draw(list, first) ?? first;
    return (busyness(second) < busyness(first) ? second : first).id;
  }

  /** One of the candidates but this one, each with a chance of its weight. */
  #draw(candidates: readonly Candidate[], without: Candidate | undefined): Candidate | undefined {
    const shareOf = (each: Candidate): number => (each === without ? 0 : weightOf(each));
    let left = this.#random.next() * totalOf(candidates, shareOf);
    let last: Candidate | undefined;
    for (const candidate of candidates) {
      if (candidate === without) continue;
      last = candidate;
      left -= weightOf(candidate);
      if (left < 0) break;
    }
    return last; // rounding may leave a crumb: then it is the last one
  }
}

function busyness(candidate: Candidate): number {
  return outstandingOf(candidate) / weightOf(candidate);
}
