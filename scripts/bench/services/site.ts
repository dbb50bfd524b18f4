/** Where the benchmark works, and what its calls carry. */
import { join } from "node:path";

export interface Site {
  /** Its temporary directory. */
  readonly directory: string;
  readonly executable: string;
  /** Of every process that is started, by a name for it: where profiles go. */
  readonly env: (name: string) => Readonly<Record<string, string>>;
}

/** Services of the benchmark, each alone in a directory would start alone; all of them together take nothing while nobody calls. */
export const PLUGINS = join(import.meta.dir, "plugins");

/** A text of 100 bytes in an object, as in the benchmark of links. */
export const PAYLOAD = { data: "x".repeat(100) };
