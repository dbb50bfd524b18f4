/** Which paths a bundle may have: plain, relative, inside, and apart from each other on every file system. */
import { NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX } from "./limits.ts";

/** Control characters, and what separates folders elsewhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const STRANGE = /[\u0000-\u001f\u007f\\]/;

/** Why this cannot be a file's path in a bundle. */
export function pathFault(path: string): string | undefined {
  const shown = JSON.stringify(path);
  const names = path.split("/");
  if (!path.isWellFormed()) return `${shown} is no Unicode text`;
  if (STRANGE.test(path)) return `${shown} holds a control character or a backslash`;
  if (names.some((name) => name === "" || name === "." || name === ".."))
    return `${shown} is no plain relative path: it holds an empty name, "." or ".."`;
  if (names.length > PATH_DEPTH_MAX) return `${shown} has ${names.length} names, at most ${PATH_DEPTH_MAX} are allowed`;
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) return `${shown} is longer than ${PATH_BYTES_MAX} bytes`;
  const long = names.find((name) => Buffer.byteLength(name) > NAME_BYTES_MAX);
  return long === undefined ? undefined : `${shown} holds a name longer than ${NAME_BYTES_MAX} bytes`;
}

/** Why these cannot lie in one directory: two are one where case or composition does not count, or a file is a folder too. */
export function clashFault(paths: readonly string[]): string | undefined {
  const files = new Map<string, string>();
  for (const path of paths) {
    const other = files.get(folded(path));
    if (other !== undefined)
      return `${JSON.stringify(other)} and ${JSON.stringify(path)} are one path on some file systems`;
    files.set(folded(path), path);
  }
  const folders = new Map<string, string>();
  for (const path of paths) {
    for (const folder of foldersOf(path)) {
      if (files.has(folded(folder))) return `${JSON.stringify(folder)} is a file and a folder`;
      const other = folders.get(folded(folder)) ?? folder;
      if (other !== folder)
        return `${JSON.stringify(other)} and ${JSON.stringify(folder)} are one folder on some file systems`;
      folders.set(folded(folder), folder);
    }
  }
  return undefined;
}

/** `a/b/c.ts` lies in `a` and `a/b`. */
export function foldersOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

function folded(path: string): string {
  return path.normalize("NFC").toLowerCase().normalize("NFC");
}
