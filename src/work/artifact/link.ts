/** Bundles over links between nodes: a shelf answers, a store asks. What a peer says is checked before anything is done. */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import type { LinkHandlers, RequestOptions } from "../../wire/link/index.ts";
import { CHUNK_BYTES_MAX, FETCH_TIMEOUT_MS, FILE_BYTES_MAX } from "./limits.ts";
import { isSha256 } from "./manifest.ts";
import type { ArtifactSource, ReadOptions } from "./source.ts";

export const MANIFEST_TOPIC = "artifact.manifest";
export const BLOB_TOPIC = "artifact.blob";

const hash = z.string().refine(isSha256, "64 hex digits are required");
const manifestRequest = z.strictObject({ id: hash });
const blobRequest = z.strictObject({
  sha256: hash,
  offset: z.int().min(0).max(FILE_BYTES_MAX),
  length: z.int().min(1).max(CHUNK_BYTES_MAX),
});

/** As much of a link as is needed. */
export interface ArtifactLink {
  request(topic: string, payload: unknown, options?: RequestOptions): Promise<unknown>;
}

/** To be registered with a master's links. */
export function artifactHandlers(shelf: ArtifactSource): LinkHandlers {
  return {
    [MANIFEST_TOPIC]: {
      request: (payload, { signal }) => shelf.manifest(taken(manifestRequest, payload).id, { signal }),
    },
    [BLOB_TOPIC]: {
      request(payload, { signal }) {
        const { length, offset, sha256 } = taken(blobRequest, payload);
        return shelf.read(sha256, offset, length, { signal });
      },
    },
  };
}

/** What a store fetches from. The link is asked for anew each time when a function gives it. */
export function fetchOverLink(link: ArtifactLink | (() => Promise<ArtifactLink>)): ArtifactSource {
  const ask = async (topic: string, payload: unknown, { signal }: ReadOptions = {}): Promise<unknown> => {
    const open = typeof link === "function" ? await link() : link;
    return open.request(topic, payload, { signal, timeoutMs: FETCH_TIMEOUT_MS });
  };
  return {
    manifest: (id, options) => ask(MANIFEST_TOPIC, { id }, options),
    // the store looks at what has come before it uses it
    read: (sha256, offset, length, options) =>
      ask(BLOB_TOPIC, { sha256, offset, length }, options) as Promise<Uint8Array>,
  };
}

function taken<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "it";
  throw new Failure("artifact.request", `cannot take the request: ${where}: ${issue?.message ?? "is of another form"}`);
}
