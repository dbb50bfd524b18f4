/**
 * Records that gateways hand to a pipeline: brought over a link to the master that leads, given to the source of the run under way, and
 * answered as that answers its own senders. The link has proved that a node of the cluster asks; the source's own token is for others.
 */
import { Failure } from "../../base/errors.ts";
import type { LinkHandlers } from "../../wire/link/index.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import type { PostAnswer, Posted } from "../../work/pipeline/source/index.ts";
import { type Leadership, NO_LEADER } from "./leadership.ts";
import type { MasterPipeline } from "./master-pipeline.ts";

export const POST_TOPIC = "gateway/post";
/** A body: beyond it two copies at each end, for each of several requests, would be felt. `max_body` of sources is 16 MiB by default. */
export const POST_BYTES_MAX = 16 * 1024 * 1024;

export interface PipelinePost extends Posted {
  /** Its name or whole id. */
  readonly pipeline: string;
}

/** What is looked at of a pipeline: `run` is the life under way. */
export interface PostTarget {
  readonly entry: Pick<MasterPipeline["entry"], "id" | "name">;
  readonly isUnfinished: boolean;
  sample(): { readonly state: string; readonly run: Pick<PipelineRun, "post"> | undefined };
}

/** Of every master; one that does not lead says who does, as far as it knows: `data.leader`. */
export function postHandlers(leadership: Pick<Leadership, "leader" | "leading">): LinkHandlers {
  return {
    [POST_TOPIC]: {
      request(payload, { traceparent }) {
        const { pipeline, ...posted } = readPost(payload);
        const { leading } = leadership;
        if (leading) return postTo(leading.pipelines.list(), pipeline, { ...posted, traceparent });
        const data = { leader: leadership.leader?.id };
        throw new Failure(NO_LEADER, "this master does not lead", { retryable: true, data });
      },
    },
  };
}

/**
 * Fails with `gateway.pipeline_unknown`, `gateway.pipeline_over`, `gateway.pipeline_not_http`, and with `gateway.pipeline_paused`,
 * `gateway.pipeline_failed` and `gateway.pipeline_starting`, which may pass.
 */
export async function postTo(pipelines: readonly PostTarget[], which: string, posted: Posted): Promise<PostAnswer> {
  const pipeline = found(pipelines, which);
  const { run, state } = pipeline.sample();
  const { name } = pipeline.entry;
  if (run) {
    if (run.post) return run.post(posted);
    throw new Failure("gateway.pipeline_not_http", `${name} has no source:http; one is required`);
  }
  if (state === "ended" || state === "cancelled") {
    throw new Failure("gateway.pipeline_over", `${name} is ${state}; one that runs is required`);
  }
  const code = state === "paused" || state === "failed" ? state : "starting";
  throw new Failure(`gateway.pipeline_${code}`, `${name} is ${state}; one that runs is required`, { retryable: true });
}

/** By id, or by name: of several the one that is not over, else the last. No beginnings of ids: a file must not come to mean another. */
function found(pipelines: readonly PostTarget[], which: string): PostTarget {
  const named = pipelines.filter(({ entry }) => entry.id === which || entry.name === which);
  const one = named.findLast(({ isUnfinished }) => isUnfinished) ?? named.at(-1);
  if (one) return one;
  throw new Failure("gateway.pipeline_unknown", `no pipeline is ${JSON.stringify(which)}`);
}

function readPost(payload: unknown): PipelinePost {
  const { body, contentEncoding, contentType, key, pipeline } = (payload ?? {}) as Partial<
    Record<keyof PipelinePost, unknown>
  >; // looked at below
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === "string";
  const isRight = isText(contentEncoding) && isText(contentType) && isText(key) && body instanceof Uint8Array;
  if (!isRight || typeof pipeline !== "string") {
    throw new Failure("rpc.bad_request", "a post is no pipeline with a body; both are required");
  }
  if (body.byteLength <= POST_BYTES_MAX) return { pipeline, contentType, contentEncoding, key, body };
  throw new Failure("rpc.too_large", `a body has ${body.byteLength} bytes; at most ${POST_BYTES_MAX} are allowed`);
}
