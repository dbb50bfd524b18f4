/**
 * From files on this machine to a bundle: a plugin with all that it imports by relative paths, or one data file. Nothing is
 * copied here and no code runs; the manifest says what was seen, and the shelf takes a copy only of exactly that.
 */
import { createHash } from "node:crypto";
import { createReadStream, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, relative, resolve, sep } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { isModule, relativeImports } from "./imports.ts";
import { BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX, FILE_BYTES_MAX, MODULE_BYTES_MAX } from "./limits.ts";
import { type BundleFile, type Manifest, makeManifest } from "./manifest.ts";
import { resolveImport, statOf } from "./resolve.ts";

export interface Bundle {
  readonly manifest: Manifest;
  /** Where each content was seen, by its hash. */
  readonly sources: ReadonlyMap<string, string>;
}

interface Seen {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Fails with `artifact.not_found`, `artifact.too_large`, `artifact.import` or `artifact.manifest`. */
export async function packPlugin(libraryPath: string): Promise<Bundle> {
  const entry = realPath(resolve(libraryPath)); // imports are seen from where a module really lies
  const files = new Map<string, Seen>();
  const left = [entry];
  let bytes = 0;
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (files.has(path)) continue;
    if (files.size === BUNDLE_FILES_MAX) throw tooLarge(entry, `more than ${BUNDLE_FILES_MAX} files`);
    const { imports, seen } = await look(path);
    files.set(path, seen);
    bytes += seen.bytes;
    if (bytes > BUNDLE_BYTES_MAX) throw tooLarge(entry, `more than ${BUNDLE_BYTES_MAX} bytes`);
    left.push(...imports);
  }
  return bundleOf(entry, [...files.values()], commonFolder([...files.keys()]));
}

/** Keeps the file's name. Fails with `artifact.not_found`, `artifact.too_large` or `artifact.manifest`. */
export async function packFile(path: string): Promise<Bundle> {
  const absolute = resolve(path);
  sizeOf(absolute);
  return bundleOf(absolute, [await digest(absolute)], dirname(absolute));
}

function bundleOf(entry: string, files: readonly Seen[], root: string): Bundle {
  const inside = (path: string): string => relative(root, path).split(sep).join("/");
  const listed: BundleFile[] = files.map(({ bytes, path, sha256 }) => ({ path: inside(path), sha256, bytes }));
  const manifest = makeManifest(inside(entry), listed);
  return { manifest, sources: new Map(files.map(({ path, sha256 }) => [sha256, path])) };
}

/** The hash is of the very bytes that were searched for imports. */
async function look(path: string): Promise<{ readonly seen: Seen; readonly imports: readonly string[] }> {
  const size = sizeOf(path);
  if (!isModule(path)) return { seen: await digest(path), imports: [] };
  if (size > MODULE_BYTES_MAX) throw tooLarge(path, `${size} bytes of code, at most ${MODULE_BYTES_MAX} are allowed`);
  const content = await readFile(path).catch((thrown: unknown) => {
    throw unreadable(path, thrown);
  });
  const sha256 = createHash("sha256").update(content).digest("hex");
  const imports = relativeImports(path, content.toString("utf8")).flatMap((each) => {
    const found = resolveImport(path, each);
    if (found !== undefined) return [found];
    if (each.isOptional) return []; // it does without here, and so it does there
    const message = `cannot pack ${path}: it imports ${JSON.stringify(each.specifier)}, and there is no such file`;
    throw new Failure("artifact.import", message, { data: { path, specifier: each.specifier } });
  });
  return { seen: { path, sha256, bytes: content.length }, imports };
}

async function digest(path: string): Promise<Seen> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > FILE_BYTES_MAX) throw tooLarge(path, `more than ${FILE_BYTES_MAX} bytes`); // it grows while it is read
      hash.update(chunk);
    }
  } catch (thrown) {
    throw thrown instanceof Failure ? thrown : unreadable(path, thrown);
  }
  return { path, sha256: hash.digest("hex"), bytes };
}

/** Pipes and devices are no files: reading one may never end. */
function sizeOf(path: string): number {
  const found = statOf(path);
  if (!found) throw new Failure("artifact.not_found", `cannot pack ${path}: there is no such file`);
  if (!found.isFile())
    throw new Failure("artifact.not_found", `cannot pack ${path}: it is no file, and only files can be shipped`);
  if (found.size > FILE_BYTES_MAX) throw tooLarge(path, `${found.size} bytes, at most ${FILE_BYTES_MAX} are allowed`);
  return found.size;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    throw new Failure("artifact.not_found", `cannot pack ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** The deepest folder that holds them all; what lies above it stays at home. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => dirname(path).split(sep));
  const differs = first.findIndex((name, at) => others.some((names) => names[at] !== name));
  return (differs < 0 ? first : first.slice(0, differs)).join(sep) || sep;
}

function tooLarge(path: string, what: string): Failure {
  return new Failure("artifact.too_large", `cannot pack ${path}: ${basename(path)} has ${what}`);
}

function unreadable(path: string, thrown: unknown): Failure {
  return new Failure(
    "artifact.not_found",
    `cannot pack ${path}: ${messageOf(thrown)}; a file that can be read is required`,
    {
      cause: thrown,
    },
  );
}
