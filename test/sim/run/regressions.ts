/** The list of seeds that failed once: `scenario seed`, one a line, `#` comments. They must never fail again. */
import { join } from "node:path";

export interface Regression {
  readonly scenario: string;
  readonly seed: number;
  readonly line: number;
}

export const REGRESSIONS_FILE = join(import.meta.dir, "..", "regressions.txt");

export function parseRegressions(text: string): readonly Regression[] {
  return text.split("\n").flatMap((raw, index) => {
    const words = raw.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") return [];
    const [scenario = "", seed = "", ...more] = words;
    if (!/^\d+$/.test(seed) || more.length > 0) {
      throw new Error(`regressions.txt:${index + 1}: ${JSON.stringify(raw)}; a scenario and a seed are required`);
    }
    return [{ scenario, seed: Number(seed), line: index + 1 }];
  });
}
