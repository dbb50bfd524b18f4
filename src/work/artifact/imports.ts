/**
 * What a module imports when it is loaded, found without running any of it: macros, which the parser would run, are off.
 * Imports of types leave nothing behind and are not seen; nor are names that a program computes.
 */
import { isBuiltin } from "node:module";
import { extname } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";

type Loader = "js" | "jsx" | "ts" | "tsx";

const LOADERS: Readonly<Record<string, Loader>> = {
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
};

/** What the host provides. */
const SDK = "distributed-system";

export interface ModuleImport {
  readonly specifier: string;
  /** `require` looks for a name without its ending in another order. */
  readonly isRequire: boolean;
}

/** Whether a file is code, which imports, or data, which does not. */
export function isModule(path: string): boolean {
  return extname(path).toLowerCase() in LOADERS;
}

/** The files that a module needs beside it. Fails with `artifact.import`. */
export function relativeImports(path: string, text: string): ModuleImport[] {
  return scan(path, text).flatMap(({ kind, path: specifier }) => {
    if (/^\.\.?(\/|$)/.test(specifier)) return [{ specifier, isRequire: kind.startsWith("require") }];
    if (specifier === SDK || isBuiltin(specifier)) return [];
    throw new Failure(
      "artifact.import",
      `cannot pack ${path}: it imports ${JSON.stringify(specifier)}; only ${SDK}, modules of bun and node and relative ` +
        "paths reach another machine: build it into one file with scripts/build/build_plugins.sh",
      { data: { path, specifier } },
    );
  });
}

function scan(path: string, text: string): readonly Bun.Import[] {
  const loader = LOADERS[extname(path).toLowerCase()] ?? "js";
  const options = { loader, macro: false, trimUnusedImports: loader.startsWith("ts") }; // as when TypeScript is loaded
  try {
    return new Bun.Transpiler(options as unknown as Bun.TranspilerOptions).scan(text).imports; // `false` is not in its types
  } catch (thrown) {
    const errors = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join("; ") : messageOf(thrown);
    const advice = /macro/i.test(errors) ? "; scripts/build/build_plugins.sh builds it into one file without" : "";
    throw new Failure("artifact.import", `cannot pack ${path}: its imports cannot be read: ${errors}${advice}`, {
      cause: thrown,
    });
  }
}
