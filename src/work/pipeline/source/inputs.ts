/**
 * The list of files behind a source's `path`: one file, a glob, or `-`. A glob's matches are sorted by their bytes, so that
 * the list is the same on every machine and in every language setting.
 */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { Failure } from "../../../base/errors.ts";
import type { FilePosition } from "./source.ts";

export const STDIN_PATH = "-";

export interface ListedFile {
  /** As written or as the glob found it: part of the batch ids, so not made absolute. */
  readonly name: string;
  readonly path: string;
}

/** More files than this in one glob is a slip such as `/**`; each costs a descriptor check and a line in the list. */
const FILES_MAX = 100_000;
const GLOB_CHARACTERS = /[*?[{]/;

/** Relative paths are looked for in each directory in turn. Throws `source.not_found`, `source.too_many_files`. */
export function listFiles(path: string, directories: readonly string[]): ListedFile[] {
  if (path === STDIN_PATH) return [{ name: "stdin", path }];
  for (const directory of directories) {
    const literal = resolve(directory, path);
    if (existsSync(literal)) return [{ name: path, path: literal }];
    const found = GLOB_CHARACTERS.test(path) ? scan(path, directory) : [];
    if (found.length > 0) return found;
  }
  const what = GLOB_CHARACTERS.test(path) ? "no file matches" : "there is no such file";
  const places = [...new Set(directories.map((directory) => resolve(directory)))];
  const where = isAbsolute(path) ? "" : ` in ${places.join(" or ")}`;
  throw new Failure("source.not_found", `cannot read ${path}: ${what}${where}`);
}

function scan(pattern: string, directory: string): ListedFile[] {
  const names: string[] = [];
  const absolute = pattern.startsWith("/");
  const glob = new Bun.Glob(absolute ? pattern.slice(1) : pattern);
  for (const name of glob.scanSync({ cwd: absolute ? "/" : directory, onlyFiles: true })) {
    names.push(absolute ? `/${name}` : name);
    if (names.length > FILES_MAX) {
      throw new Failure(
        "source.too_many_files",
        `cannot read ${pattern}: it matches more than ${FILES_MAX} files; name fewer`,
      );
    }
  }
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return names.map((name) => ({ name, path: absolute ? name : join(resolve(directory), name) }));
}

export function digestOf(files: readonly ListedFile[]): FilePosition["files"] {
  const digest = Bun.hash.xxHash64(files.map((file) => file.name).join("\n")).toString(16);
  return { count: files.length, digest };
}
