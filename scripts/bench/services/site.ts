/** Where the benchmark works, and what its calls carry. */
import { join } from "node:path";

export interface Site {
  /** Its temporary directory. */
  readonly directory: string;
  readonly executable: string;
  /** More environment for a process, by a name for it: profiles go where that says. */
  readonly env: (name: string) => Readonly<Record<string, string>>;
}

/** All services of the benchmark: those that nobody calls take no time. */
export const PLUGINS = join(import.meta.dir, "plugins");

/** A text of 100 bytes in an object, as in the benchmark of links. */
export const PAYLOAD = { data: "x".repeat(100) };

let made = 0;

/** A new one for each run: nobody finds what an earlier run left. */
export function newDataDir({ directory }: Site, name: string): string {
  made++;
  return join(directory, `${name}-${made}`);
}
