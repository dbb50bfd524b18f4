/**
 * Where an instance's socket lies: `<data directory>/instances/<pid>.sock`. The kernel takes short paths only; for a longer
 * data directory a private one of its own below the runtime or the temporary directory stands in, named by a digest.
 */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { Failure } from "../../base/errors.ts";
import { makePrivateDirectory } from "./private-directory.ts";

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS and BSD, one of them the closing zero. */
export const SOCKET_PATH_BYTES_MAX = 103;

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
  return { bases: [...(runtime ? [runtime] : []), tmpdir(), "/tmp"], user: String(process.getuid?.() ?? "user") };
}

/** The path, its directories made. Fails with `control.path_too_long` when none is short enough. */
export function makeSocketPlace(dataDir: string, fileName: string, { bases, user }: SocketSurroundings): string {
  const usual = join(instancesDirectory(dataDir), fileName);
  if (fits(usual)) {
    makePrivateDirectory(instancesDirectory(dataDir));
    return usual;
  }
  const digest = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  for (const base of bases.filter(isAbsolute)) {
    const own = join(base, `distributed_system-${user}`);
    const path = join(own, digest, fileName);
    if (!fits(path)) continue;
    makePrivateDirectory(own); // the temporary directory is everybody's: the first of ours is where others could step in
    makePrivateDirectory(join(own, digest));
    return path;
  }
  const message = `${usual} has ${Buffer.byteLength(usual)} bytes; a socket's path has at most ${SOCKET_PATH_BYTES_MAX}`;
  throw new Failure("control.path_too_long", message);
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
}
