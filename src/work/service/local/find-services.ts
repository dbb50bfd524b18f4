/**
 * Services as files: `DIR/NAME/main.ts` (or `main.js`, `index.ts`, `index.js`) and `DIR/NAME.ts` (or `.js`). What the service is
 * called, and its version, its module says. Names that begin with a dot or an underscore, declarations and tests are none.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { FINGERPRINT_BYTES_MAX, FINGERPRINT_FILES_MAX, SERVICES_MAX } from "./limits.ts";
import type { FaultOfFile } from "./types.ts";

export interface FoundService {
  /** Absolute, of the module. */
  readonly file: string;
  /** The directory that is the service's own; left out for a single file. */
  readonly root?: string;
}

export interface FoundServices {
  readonly services: readonly FoundService[];
  readonly faults: readonly FaultOfFile[];
}

const ENTRIES = ["main.ts", "main.js", "index.ts", "index.js"];
const MODULE = /^(?![._]).+(?<!\.d)(?<!\.test)(?<!\.spec)\.(?:ts|js)$/;
const HIDDEN = /^[._]|^node_modules$/;

/** In the order of directories, and of names within each. */
export function findServices(directories: readonly string[]): FoundServices {
  const services = new Map<string, FoundService>();
  const faults: FaultOfFile[] = [];
  for (const directory of directories) {
    try {
      for (const found of servicesIn(directory)) services.set(found.file, found);
    } catch (thrown) {
      faults.push({ file: directory, message: `reading the directory of services: ${messageOf(thrown)}` });
    }
  }
  const all = [...services.values()];
  for (const { file } of all.slice(SERVICES_MAX))
    faults.push({ file, message: `one service more than the ${SERVICES_MAX} that a node may have` });
  return { services: all.slice(0, SERVICES_MAX), faults };
}

function servicesIn(directory: string): readonly FoundService[] {
  const names = readdirSync(directory).sort();
  return names.flatMap((name): readonly FoundService[] => {
    if (HIDDEN.test(name)) return [];
    const path = join(directory, name);
    const found = statSync(path, { throwIfNoEntry: false }); // what a link leads to
    if (found?.isFile()) return MODULE.test(name) ? [{ file: path }] : [];
    return found?.isDirectory() ? entryOf(path) : [];
  });
}

/** The service that a file or directory is; for whoever names one. */
export function serviceAt(path: string): FoundService | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return entryOf(path)[0];
  return found?.isFile() ? { file: path } : undefined;
}

function entryOf(root: string): readonly FoundService[] {
  const entry = ENTRIES.map((each) => join(root, each)).find((file) =>
    statSync(file, { throwIfNoEntry: false })?.isFile(),
  );
  return entry === undefined ? [] : [{ file: entry, root }];
}

/**
 * Another text whenever the service's own files have changed. Modules outside its directory do not count: who changes those asks for a
 * restart. Empty when the files cannot be read at this moment.
 */
export function fingerprintOf({ file, root }: FoundService): string {
  try {
    const hash = new Bun.CryptoHasher("sha256");
    let bytes = 0;
    for (const path of root === undefined ? [file] : filesBelow(root)) {
      const { mtimeMs, size } = statSync(path);
      bytes += size;
      hash.update(`${path}\0${size}\0`);
      hash.update(bytes > FINGERPRINT_BYTES_MAX ? String(mtimeMs) : readFileSync(path));
    }
    return hash.digest("hex");
  } catch {
    return ""; // between the old file and the new one: the next look finds it
  }
}

function filesBelow(root: string): readonly string[] {
  const files: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort(byName)) {
      if (HIDDEN.test(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && files.push(path) >= FINGERPRINT_FILES_MAX) return files;
    }
  }
  return files;
}

function byName(left: Dirent, right: Dirent): number {
  return left.name < right.name ? -1 : 1;
}
