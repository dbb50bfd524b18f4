/**
 * Files that parameters name. Only regular ones: a pipe gives its content once, but `check`, each lane and each restart read it
 * again, and some devices never end.
 */
import { readFileSync, type Stats, statSync } from "node:fs";
import { messageOf } from "./faults.ts";

/** `what` begins the messages: `key file`. */
export function statFile(what: string, path: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw new Error(`${what} ${path} cannot be read: ${messageOf(error)}`);
  }
  if (!stats.isFile()) {
    throw new Error(
      `${what} ${path} is ${stats.isDirectory() ? "a directory" : "a device or pipe"}; a regular file is required`,
    );
  }
  return stats;
}

export function readFile(what: string, path: string, bytesMax: number): Uint8Array {
  const { size } = statFile(what, path);
  if (size > bytesMax) throw new Error(`${what} ${path} has ${size} bytes; at most ${bytesMax} are allowed`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${what} ${path} cannot be read: ${messageOf(error)}`);
  }
}
