/**
 * What a bundle is: paths, sizes and hashes, and an id that is the hash of exactly that. Whoever has the id needs to trust
 * nobody for the rest. A manifest from outside is refused unless each path is plain, relative, stays inside, and names a place
 * of its own on every file system.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import { BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX, FILE_BYTES_MAX, PATH_BYTES_MAX } from "./limits.ts";
import { clashFault, pathFault } from "./paths.ts";

export interface BundleFile {
  /** From the bundle's root, with `/`. */
  readonly path: string;
  /** Of its content, in lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface Manifest {
  /** SHA-256 of everything else here, in lower-case hex. */
  readonly id: string;
  /** The file that is loaded, or the only one. */
  readonly entry: string;
  /** In the order of their paths. */
  readonly files: readonly BundleFile[];
}

/** Goes into the hash: the same files under other rules are another bundle. */
const FORMAT = "distributed_system bundle 1";
const SHA256 = /^[0-9a-f]{64}$/;

const shape = z.strictObject({
  id: z.string().regex(SHA256),
  entry: z.string().max(PATH_BYTES_MAX),
  files: z
    .array(
      z.strictObject({
        path: z.string().max(PATH_BYTES_MAX),
        sha256: z.string().regex(SHA256),
        bytes: z.int().min(0).max(FILE_BYTES_MAX),
      }),
    )
    .min(1)
    .max(BUNDLE_FILES_MAX),
});

export function isSha256(value: unknown): value is string {
  return typeof value === "string" && SHA256.test(value);
}

/** Fails with `artifact.manifest` when the files make no bundle. */
export function makeManifest(entry: string, files: readonly BundleFile[]): Manifest {
  const sorted = [...files].sort((one, other) => compare(one.path, other.path));
  return checked({ id: idOf(entry, sorted), entry, files: sorted });
}

/** A manifest as it came from outside. Fails with `artifact.manifest`. */
export function parseManifest(value: unknown): Manifest {
  const parsed = shape.safeParse(value);
  if (parsed.success) return checked(parsed.data);
  const [issue] = parsed.error.issues;
  throw refusal(`${issue?.path.join(".") || "it"}: ${issue?.message ?? "is of another form"}`);
}

export function totalBytes(files: readonly BundleFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Each content once, however many files have it. */
export function blobsOf(files: readonly BundleFile[]): BundleFile[] {
  return [...new Map(files.map((file) => [file.sha256, file])).values()];
}

function checked(manifest: Manifest): Manifest {
  const { entry, files, id } = manifest;
  const paths = files.map(({ path }) => path);
  const fault =
    listFault(files) ??
    paths.map(pathFault).find((found) => found !== undefined) ??
    clashFault(paths) ??
    (paths.includes(entry) ? undefined : `its entry ${JSON.stringify(entry)} is none of its files`) ??
    contentFault(files);
  if (fault !== undefined) throw refusal(fault);
  const expected = idOf(entry, files);
  if (id !== expected) throw refusal(`its id is ${id}, its content has ${expected}`);
  return manifest;
}

function listFault(files: readonly BundleFile[]): string | undefined {
  if (files.length > BUNDLE_FILES_MAX) return `it has ${files.length} files, at most ${BUNDLE_FILES_MAX} are allowed`;
  const disorder = files.findIndex((file, at) => at > 0 && compare(files[at - 1]!.path, file.path) >= 0);
  if (disorder > 0) return `${JSON.stringify(files[disorder]!.path)} is out of order or there twice`;
  const bytes = totalBytes(files);
  return bytes > BUNDLE_BYTES_MAX ? `it has ${bytes} bytes, at most ${BUNDLE_BYTES_MAX} are allowed` : undefined;
}

/** One hash has one size: files of equal content are fetched once. */
function contentFault(files: readonly BundleFile[]): string | undefined {
  const sizes = new Map(files.map(({ bytes, sha256 }) => [sha256, bytes]));
  const odd = files.find(({ bytes, sha256 }) => sizes.get(sha256) !== bytes);
  return odd && `${JSON.stringify(odd.path)} has ${odd.bytes} bytes, another file with the same hash has not`;
}

/** JSON of arrays has one way to be written. */
function idOf(entry: string, files: readonly BundleFile[]): string {
  const content = [FORMAT, entry, files.map(({ bytes, path, sha256 }) => [path, sha256, bytes])];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function refusal(fault: string): Failure {
  return new Failure("artifact.manifest", `cannot take a bundle's manifest: ${fault}`);
}
