/** Rule files as they lie on disk, read once at load. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { WafFiles } from "./words.ts";

export function diskWafFiles(): WafFiles {
  return {
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    list: (directory) => (statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : []),
    read: (path) => (statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "latin1") : undefined),
  };
}
