/**
 * What a module imports when it is loaded, found without running any of it: macros, which the parser would run, are off.
 * Imports of types leave nothing behind and are not seen; nor are names that a program computes.
 */
import { isBuiltin } from "node:module";
import { dirname, extname } from "node:path";
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
  /** The module loads without it: it is asked for later, or by a call that may fail and be caught. */
  readonly isOptional: boolean;
}

/** Whether a file is code, which imports, or data, which does not. */
export function isModule(path: string): boolean {
  return extname(path).toLowerCase() in LOADERS;
}

/** The files that a module needs beside it. Fails with `artifact.import`. */
export function relativeImports(path: string, text: string): ModuleImport[] {
  return scan(path, text).filter((found) => {
    const { isOptional, specifier } = found;
    if (/^\.\.?(\/|$)/.test(specifier)) return true;
    if (specifier === SDK || isBuiltin(specifier)) return false;
    if (isOptional && !isInstalled(path, specifier)) return false; // it does without here, and so it does there
    throw new Failure(
      "artifact.import",
      `cannot pack ${path}: it imports ${JSON.stringify(specifier)}; only ${SDK}, modules of bun and node and relative ` +
        "paths reach another machine: build it into one file with scripts/build/build_plugins.sh",
      { data: { path, specifier } },
    );
  });
}

/** Two scanners, for neither sees all: one passes over `require`, the other over `require.resolve`. */
function scan(path: string, text: string): readonly ModuleImport[] {
  const loader = LOADERS[extname(path).toLowerCase()] ?? "js";
  const options = { loader, macro: false, trimUnusedImports: loader.startsWith("ts") }; // as when TypeScript is loaded
  try {
    const transpiler = new Bun.Transpiler(options as unknown as Bun.TranspilerOptions); // `false` is not in its types
    const calls = transpiler.scanImports(text).filter(({ kind }) => kind === "require-call");
    return [...transpiler.scan(text).imports, ...calls].map(({ kind, path: specifier }) => ({
      specifier,
      isRequire: kind.startsWith("require"),
      isOptional: kind !== "import-statement",
    }));
  } catch (thrown) {
    const errors = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join("; ") : messageOf(thrown);
    const advice = /macro/i.test(errors)
      ? "; scripts/build/build_plugins.sh runs them once and builds one file without"
      : "";
    throw new Failure("artifact.import", `cannot pack ${path}: its imports cannot be read: ${errors}${advice}`, {
      cause: thrown,
    });
  }
}

function isInstalled(path: string, specifier: string): boolean {
  try {
    Bun.resolveSync(specifier, dirname(path));
    return true;
  } catch {
    return false; // what cannot be resolved here
  }
}
