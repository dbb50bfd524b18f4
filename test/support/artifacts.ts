/** Bundles that tests in several processes make alike, each from nothing. */
import { createHash } from "node:crypto";
import { type ArtifactSource, CHUNK_BYTES_MAX, type Manifest, makeManifest } from "../../src/work/artifact/index.ts";

export interface MadeBundle {
  readonly manifest: Manifest;
  readonly source: ArtifactSource;
  text(path: string): string;
}

function made(entry: string, contents: Readonly<Record<string, string>>): MadeBundle {
  const files = Object.entries(contents).map(([path, text]) => ({
    path,
    sha256: createHash("sha256").update(text).digest("hex"),
    bytes: Buffer.byteLength(text),
  }));
  const manifest = makeManifest(entry, files);
  return {
    manifest,
    source: {
      manifest: async () => manifest,
      async read(sha256, offset, length) {
        const { path } = files.find((file) => file.sha256 === sha256)!;
        return new Uint8Array(Buffer.from(contents[path]!).subarray(offset, offset + length));
      },
    },
    text: (path) => contents[path]!,
  };
}

/** Several pieces long. */
export const LARGE: MadeBundle = made("table.csv", {
  "table.csv": "0123456789abcdef".repeat((3 * CHUNK_BYTES_MAX) / 16),
});

/** A dozen bundles that share one file, of which a store of that size can keep a few. */
export function churned(): {
  readonly bundles: readonly MadeBundle[];
  readonly bytesMax: number;
  readonly rounds: number;
} {
  const bundles = Array.from({ length: 12 }, (_, at) =>
    made("index.ts", {
      "index.ts": `export default ${String(at).repeat(2_000)};`,
      "shared/x.ts": "// shared ".repeat(100),
      [`own/${at}.txt`]: `${at}`,
    }),
  );
  return { bundles, bytesMax: 32_000, rounds: 80 };
}
