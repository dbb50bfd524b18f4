/** Bundles, sources and directories for the tests of artifacts. */
import { createHash } from "node:crypto";
import {
  type ArtifactSource,
  type BundleFile,
  type Manifest,
  makeManifest,
} from "../../../../src/work/artifact/index.ts";

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export function fileOf(path: string, content: string | Uint8Array): BundleFile {
  return { path, sha256: sha256(content), bytes: Buffer.byteLength(content) };
}

export type Contents = Readonly<Record<string, string | Uint8Array>>;

export function manifestOf(contents: Contents, entry = Object.keys(contents)[0]!): Manifest {
  return makeManifest(
    entry,
    Object.entries(contents).map(([path, content]) => fileOf(path, content)),
  );
}

/** Serves contents from memory and notes what it was asked for. */
export class MemorySource implements ArtifactSource {
  readonly asked: string[] = [];
  readonly #blobs: ReadonlyMap<string, Uint8Array>;
  readonly #manifest: Manifest;

  constructor(contents: Contents) {
    this.#manifest = manifestOf(contents);
    this.#blobs = new Map(Object.values(contents).map((content) => [sha256(content), Buffer.from(content)]));
  }

  async manifest(): Promise<unknown> {
    this.asked.push("manifest");
    return JSON.parse(JSON.stringify(this.#manifest));
  }

  async read(hash: string, offset: number, length: number): Promise<Uint8Array> {
    this.asked.push(hash);
    return new Uint8Array(this.#blobs.get(hash)!.subarray(offset, offset + length));
  }
}

/** The code of the failure that the promise ends with; undefined when it ends well. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return (await failureOf(promise))?.code;
}

export function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; retryable: boolean } | undefined> {
  return promise.then(
    () => undefined,
    (thrown: { code: string; message: string; retryable: boolean }) => thrown,
  );
}
