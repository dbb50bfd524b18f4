/**
 * A bundle's files as they lie in a cache, against what they should be. A file counts as right when inode, size and times
 * are those of the last look at its content; else its content is looked at. What the manifest does not name has no business
 * there: a stray module could be loaded instead of the right one.
 */
import { type BigIntStats, lstatSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FILE_MODE, holds } from "./files.ts";
import type { BundleFile, Manifest } from "./manifest.ts";
import { foldersOf } from "./paths.ts";
import type { Stamps } from "./store-index.ts";

export interface Inspection {
  readonly missing: readonly BundleFile[];
  /** Paths inside, folders without what they hold. */
  readonly strays: readonly string[];
  /** Of the files that are right. */
  readonly stamps: Stamps;
}

export async function inspectTree(root: string, manifest: Manifest, known: Stamps): Promise<Inspection> {
  const missing: BundleFile[] = [];
  const stamps: [string, string][] = [];
  for (const file of manifest.files) {
    const path = join(root, file.path);
    const stamp = stampOf(path);
    const isRight =
      stamp !== undefined &&
      ((Object.hasOwn(known, file.path) && known[file.path] === stamp) || (await holds(path, file)));
    if (isRight) stamps.push([file.path, stamp]);
    else missing.push(file);
  }
  return { missing, strays: await straysIn(root, manifest), stamps: Object.fromEntries(stamps) };
}

/** Undefined for what is no plain file of the right mode. Whoever writes to a file cannot set back the time of its change. */
function stampOf(path: string): string | undefined {
  const found = statOf(path);
  if (!found?.isFile() || (Number(found.mode) & 0o777) !== FILE_MODE) return undefined;
  return [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(":");
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // a file lies where a folder should be: it is found as a stray
  }
}

async function straysIn(root: string, { files }: Manifest): Promise<string[]> {
  const expected = new Map<string, "file" | "folder">();
  for (const { path } of files) {
    for (const folder of foldersOf(path)) expected.set(folder, "folder");
    expected.set(path, "file");
  }
  const strays: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const kind = entry.isDirectory() ? "folder" : entry.isFile() ? "file" : undefined;
      if (kind === undefined || expected.get(path) !== kind) strays.push(path);
      else if (kind === "folder") await look(path);
    }
  };
  await look("");
  return strays;
}
