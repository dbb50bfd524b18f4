/**
 * Which file a relative import names, by the rules of the runtime. Written out here because the runtime's own resolver
 * remembers directories as it saw them first, and gives the target of a link where the bundle needs the name.
 */
import { type Stats, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import type { ModuleImport } from "./imports.ts";

const IMPORT_ENDINGS = [".tsx", ".jsx", ".mts", ".ts", ".mjs", ".js", ".cts", ".cjs", ".json"];
const REQUIRE_ENDINGS = [".tsx", ".ts", ".jsx", ".cts", ".cjs", ".js", ".mjs", ".mts", ".json"];

/** TypeScript names the file that will be built: it stands for its source where that alone is there. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx", ".mts"],
  ".jsx": [".ts", ".tsx", ".mts"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** Absolute path, links in it kept; undefined when there is no such file. */
export function resolveImport(
  importer: string,
  { isRequire, specifier }: Pick<ModuleImport, "specifier" | "isRequire">,
): string | undefined {
  const name = specifier.replace(/\?.*$/s, ""); // a query makes another instance of the same file
  const target = resolve(dirname(importer), name);
  const endings = isRequire ? REQUIRE_ENDINGS : IMPORT_ENDINGS;
  const isFolder = /(^|\/)\.{0,2}$/.test(name);
  const files = isFolder ? [target] : [target, ...withEndings(target, endings), ...sourcesOf(target)];
  return [...files, ...withEndings(resolve(target, "index"), endings)].find((path) => statOf(path)?.isFile());
}

/** Undefined when there is nothing, or a name on the way is no folder. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // not ours to enter, or a circle of links: reading it will say so where that matters
  }
}

function withEndings(path: string, endings: readonly string[]): string[] {
  return endings.map((ending) => path + ending);
}

function sourcesOf(path: string): string[] {
  const ending = extname(path);
  return withEndings(path.slice(0, path.length - ending.length), SOURCES[ending] ?? []);
}
