/** Order records for tests: the same for the same seed, with the odd text, the large number and the broken line. */
import { type Random, seededRandom } from "../../src/base/random.ts";

export interface OrderOptions {
  readonly seed?: number;
  /** One line in so many is malformed; none when left out. */
  readonly malformedOneIn?: number;
}

const COUNTRIES = ["DE", "FR", "IT", "NO", "PL"] as const;
const NOTES = ["", "gift", "größer, bitte", "日本語 🎁", 'a "quoted" word', "tab\there"] as const;
const BROKEN = ['{"id":', "not json at all", '{"id":1,"id":2}', "[1,2,3]", '{"amount":01}'] as const;

/** NDJSON text with `count` lines. Order n has `"id":n`. */
export function orders(count: number, options: OrderOptions = {}): string {
  const random = seededRandom(options.seed ?? 1);
  const lines = Array.from({ length: count }, (_, id) => {
    const isBroken = options.malformedOneIn !== undefined && random.below(options.malformedOneIn) === 0;
    return isBroken ? BROKEN[random.below(BROKEN.length)]! : orderLine(id, random);
  });
  return lines.map((line) => `${line}\n`).join("");
}

function orderLine(id: number, random: Random): string {
  const country = COUNTRIES[random.below(COUNTRIES.length)]!;
  const note = JSON.stringify(NOTES[random.below(NOTES.length)]!);
  const amount = (random.below(1_000_000) / 100).toFixed(2);
  const serial = `90071992547409${String(random.below(1_000_000)).padStart(6, "0")}`; // beyond 2^53
  return `{"id":${id},"serial":${serial},"country":"${country}","quantity":${1 + random.below(9)},"amount":${amount},"note":${note}}`;
}
