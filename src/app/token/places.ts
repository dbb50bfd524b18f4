/**
 * Where API keys and the list of tokens lie: beside the cluster key, so that nodes which share a directory share them. Where
 * that directory cannot be written (a mounted secret) keys that lie there are used, and what changes is kept with the state.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";

const KEYS = "api-keys.json";
const TOKENS = "api-tokens.json";

export interface TokenPlaces {
  readonly keys: string;
  readonly tokens: string;
}

/** `keyFile` is that of the cluster key. */
export function tokenPlaces(keyFile: string, stateDirectory: string): TokenPlaces {
  const beside = dirname(keyFile);
  const changing = isWritable(beside) ? beside : stateDirectory;
  const given = join(beside, KEYS);
  return { keys: existsSync(given) ? given : join(changing, KEYS), tokens: join(changing, TOKENS) };
}

/** One that is not there yet will be made. */
function isWritable(directory: string): boolean {
  if (!existsSync(directory)) return true;
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
