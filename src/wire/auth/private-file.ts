/**
 * Reads a file that holds a secret, and refuses it when anybody else can read or change it: what others have seen is no
 * secret. The check and the reading go through one descriptor, so that nobody can exchange the file in between. Links are
 * followed, since many systems hand out secrets as links; what they lead to is checked.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { Failure, messageOf } from "../../base/errors.ts";
import { parseKeyring } from "./key-text.ts";
import type { Keyring } from "./keyring.ts";
import { KEY_FILE_BYTES_MAX } from "./limits.ts";

const OTHERS = 0o077;
const PERMISSIONS = 0o7777;

/** Fails with `auth.key_file`, `auth.file_not_private` or `auth.key_file.not_found`. */
export function readKeyFile(path: string): Keyring {
  return parseKeyring(readPrivateFile(path, KEY_FILE_BYTES_MAX).toString("utf8"), path);
}

/** Fails with `auth.file_not_private`, saying which command mends it, with `auth.key_file.not_found` or `auth.key_file`. */
export function readPrivateFile(path: string, sizeBytesMax: number): Buffer {
  const file = openSecret(path);
  try {
    const stats = fstatSync(file);
    requirePrivate(path, stats);
    if (stats.size > sizeBytesMax) {
      const message = `${path} has ${stats.size} bytes; at most ${sizeBytesMax} are allowed`;
      throw new Failure("auth.key_file", message);
    }
    const bytes = Buffer.alloc(Math.min(sizeBytesMax, stats.size + 1)); // of a file that grows meanwhile more is no use
    return bytes.subarray(0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

function openSecret(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe in its place must not hold us up
  } catch (thrown) {
    const isMissing = (thrown as { code?: unknown }).code === "ENOENT"; // node's errors carry a code beside the message
    const code = isMissing ? "auth.key_file.not_found" : "auth.key_file";
    throw new Failure(code, `cannot read ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function requirePrivate(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new Failure("auth.key_file", `${path} is no regular file; one is required`);
  const own = process.getuid?.();
  if (own === undefined) return; // no users with numbers, no such modes
  if (stats.uid !== own) {
    const message = `${path} belongs to user ${stats.uid}; a file of user ${own} is required. Run: chown ${own} ${quoted(path)}`;
    throw new Failure("auth.file_not_private", message);
  }
  if ((stats.mode & OTHERS) !== 0) {
    const mode = (stats.mode & PERMISSIONS).toString(8).padStart(4, "0");
    const message = `${path} has mode ${mode}, so that others can get at it; 0600 is required. Run: chmod 600 ${quoted(path)}`;
    throw new Failure("auth.file_not_private", message);
  }
}

/** As it can be pasted into a shell. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
