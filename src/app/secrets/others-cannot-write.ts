/** Refuses what decides whom to believe, when somebody else could put another in its place. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../base/errors.ts";

const WRITABLE_BY_OTHERS = 0o022;

/** The file and its directory belong to this user or to root, and nobody else may write them. Fails with `secrets.writable`. */
export function requireOthersCannotWrite(path: string): void {
  for (const each of [path, dirname(path)]) {
    const { mode, uid } = statSync(each);
    const own = process.getuid?.();
    if (own === undefined) return; // no users with numbers, no such modes
    if (uid !== own && uid !== 0) {
      throw new Failure(
        "secrets.writable",
        `${each} belongs to user ${uid}, who could replace it; user ${own} is required`,
      );
    }
    if ((mode & WRITABLE_BY_OTHERS) !== 0) {
      const shown = (mode & 0o7777).toString(8).padStart(4, "0");
      const message = `${each} has mode ${shown}, so that others could replace it. Run: chmod go-w '${each}'`;
      throw new Failure("secrets.writable", message);
    }
  }
}
