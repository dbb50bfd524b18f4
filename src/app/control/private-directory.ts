/**
 * Directories that nobody but this user can enter: made so, and refused when somebody else has put one in their place.
 * Everything that guards the control socket rests on this.
 */
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { Failure, messageOf } from "../../base/errors.ts";

const MODE = 0o700;
const OTHERS = 0o077;

/** Makes it when it is not there; its parents get the same mode. Fails with `control.directory`. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: MODE });
    requireOwn(path);
    if ((lstatSync(path).mode & OTHERS) !== 0) chmodSync(path, MODE);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("control.directory", `cannot make the directory ${path}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** A real directory of this user; root may look at everybody's. */
export function requireOwn(path: string): void {
  const { uid } = lstatOf(path);
  const own = process.getuid?.();
  if (own === undefined || own === 0 || uid === own) return;
  throw new Failure("control.directory", `${path} belongs to user ${uid}; a directory of user ${own} is required`);
}

function lstatOf(path: string): { readonly uid: number } {
  const stats = lstatSync(path);
  if (stats.isDirectory()) return stats;
  throw new Failure("control.directory", `${path} is no directory; a directory of this user is required`);
}
