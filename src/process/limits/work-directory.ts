/**
 * A directory for each host to work in: empty at its start, gone with its end. `<base>/<instance>/<host>`; so a later
 * daemon can tell whose directories nobody needs any more.
 */
import { mkdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { instanceState, isInstance } from "./instance.ts";

/** Only its user looks into it: plugins may leave records there. */
const MODE = 0o700;

export function instanceDirectory(base: string, instance: string): string {
  return join(resolve(base), instance);
}

/** Fails with `plugin.work_directory`. */
export function makeWorkDirectory(base: string, instance: string, host: number): string {
  const path = join(instanceDirectory(base, instance), String(host));
  try {
    mkdirSync(path, { recursive: true, mode: MODE });
  } catch (thrown) {
    const message = `cannot make ${path}, the working directory of a plugin: ${messageOf(thrown)}`;
    throw new Failure("plugin.work_directory", message, { cause: thrown, retryable: true });
  }
  return path;
}

/** A process that still writes into it can win; then it goes with the instance's. */
export async function removeDirectory(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // the warden removes the directory around it at the end, a later daemon after that
  }
}

/** Removes the directories of instances that are dead. */
export async function clearStaleDirectories(base: string): Promise<void> {
  const names = await readdir(resolve(base)).catch(() => []); // nobody has worked there yet
  const stale = names.filter((name) => isInstance(name) && instanceState(name) === "dead");
  await Promise.all(stale.map((name) => removeDirectory(instanceDirectory(base, name))));
}
