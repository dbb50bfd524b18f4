/**
 * The environment of a host: what every process needs to find programs, a home and its language, and what the stage has
 * named. Nothing else passes: not the daemon's keys, tokens and settings.
 */
import { MARKER_NAME } from "./instance.ts";

const ALWAYS: ReadonlySet<string> = new Set(["PATH", "HOME", "TMPDIR", "LANG", "TZ"]);
/** LC_ALL, LC_CTYPE, LC_TIME, … */
const LOCALE_PREFIX = "LC_";

export type Environment = Readonly<Record<string, string | undefined>>;

export function hostEnvironment(pool: Environment, passEnv: readonly string[], marker: string): Record<string, string> {
  const named = new Set(passEnv);
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(pool)) {
    if (value === undefined) continue;
    if (ALWAYS.has(name) || name.startsWith(LOCALE_PREFIX) || named.has(name)) chosen[name] = value;
  }
  // The kernel kills the host when the daemon ends, even in a busy loop; and a host that ends takes its children along.
  return { ...chosen, BUN_FEATURE_FLAG_NO_ORPHANS: "1", [MARKER_NAME]: marker };
}
