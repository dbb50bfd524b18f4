/** What may stand in a stage's library field. The file itself is looked at when the plugin is loaded, not here. */

import { nearMiss } from "../../../base/near-miss.ts";
import { type LineContext, quoted } from "../../lines/index.ts";

const LOADABLE = [".ts", ".js"];
const NATIVE = /\.(so(\.\d+)*|dll|dylib)$/i;
const ALLOWED = "a plugin file ending in .ts or .js, source:KIND or sink:KIND";

/** `at` is the library's place in the line, from 0. */
export function checkLibrary(library: string, at: number, context: LineContext): void {
  const problem = libraryProblem(library);
  if (problem) context.fault(at, { allowed: ALLOWED, ...problem });
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly suggestion?: string | undefined;
}

const OTHER_NAMES: Readonly<Record<"source" | "sink", readonly string[]>> = {
  source: ["src", "in", "input", "from", "read"],
  sink: ["dst", "dest", "out", "output", "to", "target", "write"],
};

function endMeant(word: string): string | undefined {
  const known = (["source", "sink"] as const).find((role) => OTHER_NAMES[role].includes(word.toLowerCase()));
  return known ?? nearMiss(word, Object.keys(OTHER_NAMES));
}

function libraryProblem(library: string): Problem | undefined {
  if (library === "") return { code: "pipeline.config.missing_library", message: "the stage has no library" };
  if (LOADABLE.some((ending) => library.endsWith(ending) && library.length > ending.length)) return undefined;
  const code = "pipeline.config.unknown_library";
  const scheme = /^([A-Za-z]{2,12})\s*:(.*)$/.exec(library);
  const meant = scheme && endMeant(scheme[1] ?? "");
  if (scheme) {
    const message = `${quoted(library)} is not a library`;
    return { code, message, suggestion: meant ? `${meant}:${(scheme[2] ?? "").trim()}` : undefined };
  }
  if (NATIVE.test(library)) {
    const message = `${quoted(library)} is a native library, these cannot be loaded yet`;
    return { code, message, suggestion: library.replace(NATIVE, ".js") };
  }
  return { code, message: `${quoted(library)} has no known ending; other executables cannot be plugins yet` };
}
