/** For commands that name a range by what its keys begin with. */
import { prefixEnd } from "../../data/words/index.ts";

/** The first key behind all that begin with the prefix; undefined where nothing is behind them. */
export function afterPrefix(prefix: string): string | undefined {
  return prefixEnd(prefix);
}
