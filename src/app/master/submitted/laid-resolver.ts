/** Finds the files of a pipeline as whoever submitted it has found them, and takes what was laid elsewhere from there. Pure but for the file system. */
import { dirname, isAbsolute, resolve } from "node:path";
import { pathResolver, type ResolvePath } from "../../../work/pipeline/file/index.ts";

/** `places`: where what was at a path is now. `cwd`: from where relative paths were seen. */
export function laidResolver(pipelinePath: string, cwd: string, places: ReadonlyMap<string, string>): ResolvePath {
  const atHome = pathResolver(pipelinePath, cwd);
  const beside = resolve(cwd, dirname(pipelinePath));
  return (path, need) => {
    if (need === "any") return atHome(path, need);
    const candidates = isAbsolute(path) ? [path] : [resolve(cwd, path), resolve(beside, path)];
    const laid = candidates.find((candidate) => places.has(candidate));
    return laid === undefined ? atHome(path, need) : places.get(laid);
  };
}
