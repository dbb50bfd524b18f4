/**
 * Directories that nobody but this user can enter: made so, and refused when somebody else has put one in their place.
 * Everything that guards the control socket rests on this. Root is no exception where something is made; where it only
 * looks, it is told whose directory that is.
 */
import { chmodSync, closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { Failure, messageOf } from "../../base/errors.ts";

const MODE = 0o700;
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
/** In such a directory only its owner and the file's may rename or remove a file. */
const STICKY = 0o1000;
const ROOT = 0;

/** Makes it when it is not there; its parents get the same mode. Fails with `control.directory`. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: MODE });
    const { mode, uid } = directoryAt(path);
    const own = ownUser();
    if (own !== undefined && uid !== own) throw notOwn(path, uid);
    if ((mode & OTHERS) !== 0) chmodSync(path, MODE); // ours, and no link
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("control.directory", `cannot make the directory ${path}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** open(2): a descriptor that only names the file. Not among node's constants; Linux has it, with this value on x86 and arm. */
const O_PATH = 0o10000000;

/**
 * Makes a socket in a private directory 0600. The directory is what guards it, and elsewhere than on Linux all that does.
 * Done through a descriptor: no link is followed to a file that is not the socket. Fails with `control.directory`.
 */
export function makePrivateSocket(path: string): void {
  if (process.platform !== "linux") return;
  const named = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(named).isSocket()) {
      throw new Failure("control.directory", `${path} has been exchanged; the socket just made there is required`);
    }
    chmodSync(`/proc/self/fd/${named}`, 0o600);
  } finally {
    closeSync(named);
  }
}

export interface Owner {
  readonly uid: number;
  /** False when root looks at another user's directory: nothing that is said there is to be acted on. */
  readonly isThisUser: boolean;
}

/** Whose directory it is: this user's, or for root anybody's. Fails with `control.directory`. */
export function requireReadable(path: string): Owner {
  const { uid } = directoryAt(path);
  const own = ownUser();
  if (own === undefined || uid === own) return { uid, isThisUser: true };
  if (own === ROOT) return { uid, isThisUser: false };
  throw notOwn(path, uid);
}

/** A directory, no link, of that user, that nobody else can enter. */
export function isPrivateOf(path: string, uid: number): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return false;
  return stats.uid === uid && (stats.mode & OTHERS) === 0;
}

/** Whether a directory of ours can stand there without anybody but root being able to put another one in its place. */
export function canHoldPrivate(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return false;
  const own = ownUser();
  if (own !== undefined && stats.uid !== own && stats.uid !== ROOT) return false;
  return (stats.mode & OTHERS_WRITE) === 0 || (stats.mode & STICKY) !== 0;
}

/** Undefined where users have no numbers. */
export function ownUser(): number | undefined {
  return process.getuid?.();
}

function directoryAt(path: string): { readonly uid: number; readonly mode: number } {
  const stats = lstatSync(path);
  if (stats.isDirectory()) return stats;
  throw new Failure("control.directory", `${path} is no directory; a directory of this user is required`);
}

function notOwn(path: string, uid: number): Failure {
  return new Failure(
    "control.directory",
    `${path} belongs to user ${uid}; a directory of user ${ownUser()} is required`,
  );
}
