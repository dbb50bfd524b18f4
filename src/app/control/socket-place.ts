/**
 * Where an instance's socket lies: `<data directory>/instances/<pid>.sock`. The kernel takes short paths only; for a longer
 * data directory a private one of its own below the runtime or the temporary directory stands in, named by a digest. No
 * other place is believed, whatever an entry says.
 */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { Failure } from "../../base/errors.ts";
import { canHoldPrivate, isPrivateOf, makePrivateDirectory, ownUser } from "./private-directory.ts";

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS and BSD, one of them the closing zero. */
export const SOCKET_PATH_BYTES_MAX = 103;

const PREFIX = "distributed_system-";

export interface SocketSurroundings {
  /** XDG_RUNTIME_DIR, or what else comes first. */
  readonly bases: readonly string[];
  readonly user: string;
}

export function instancesDirectory(dataDir: string): string {
  return join(dataDir, "instances");
}

export function socketSurroundings(): SocketSurroundings {
  const runtime = process.env.XDG_RUNTIME_DIR;
  return { bases: [...(runtime ? [runtime] : []), tmpdir(), "/tmp"], user: String(ownUser() ?? "user") };
}

/** The path, its directories made; `name` tells a process's further sockets from its control socket. Fails with `control.path_too_long` when no place is near enough and safe. */
export function makeSocketPlace(
  dataDir: string,
  pid: number,
  { bases, user }: SocketSurroundings,
  name?: string | undefined,
): string {
  const usual = usualPlace(dataDir, pid, name);
  if (fits(usual)) {
    makePrivateDirectory(instancesDirectory(dataDir));
    return usual;
  }
  for (const base of bases.filter(isAbsolute)) {
    const own = join(base, `${PREFIX}${user}`);
    const path = join(own, digestOf(dataDir), basename(usual));
    // After `su` the runtime directory can be the other user's, who could exchange what lies in it.
    if (!fits(path) || !canHoldPrivate(base)) continue;
    makePrivateDirectory(own); // the temporary directory is everybody's: the first of ours is where others could step in
    makePrivateDirectory(dirname(path));
    return path;
  }
  const message = `${usual} has ${Buffer.byteLength(usual)} bytes; a socket's path has at most ${SOCKET_PATH_BYTES_MAX}, and none of ${bases.join(", ")} is a safe place for a shorter one`;
  throw new Failure("control.path_too_long", message);
}

/**
 * Where the socket of that process is, when `told` is a place of ours; undefined when it is any other. The base is not
 * asked for: another shell may have had another runtime directory. Instead the directories have to be that user's alone.
 */
export function placeOf(told: string, dataDir: string, pid: number, uid: number): string | undefined {
  const usual = usualPlace(dataDir, pid);
  if (basename(told) !== basename(usual) || !isAbsolute(told)) return undefined;
  const directory = dirname(told);
  if (realPath(directory) === realPath(instancesDirectory(dataDir))) return usual;
  const isOurs =
    basename(directory) === digestOf(dataDir) &&
    basename(dirname(directory)) === `${PREFIX}${ownUser() === undefined ? "user" : uid}` &&
    isPrivateOf(directory, uid) &&
    isPrivateOf(dirname(directory), uid);
  return isOurs ? told : undefined;
}

function usualPlace(dataDir: string, pid: number, name?: string): string {
  return join(instancesDirectory(dataDir), name === undefined ? `${pid}.sock` : `${pid}.${name}.sock`);
}

/** The same however the data directory is spelt. */
function digestOf(dataDir: string): string {
  return createHash("sha256").update(realPath(dataDir)).digest("hex").slice(0, 16);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // not there: then nobody has another spelling of it
  }
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
}
