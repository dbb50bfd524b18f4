/**
 * `pipeline://NAME` as a target: the body is handed to the pipeline's `source:http`, wherever it runs, and what that says is the reply: 202
 * once the records are durable. Each request has a key (the client's `Idempotency-Key`, else its own id), so asking again doubles nothing:
 * that is how a master that goes or comes is waited out. A pipeline that is full is not asked again before the time that it named.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { isUnsampled } from "../../../base/trace.ts";
import type { Pressure } from "../../../edge/gateway/limit/index.ts";
import { headerOf, headersOf, type RequestHead } from "../../../wire/http/index.ts";
import { TRACEPARENT_HEADER, traceparentOf } from "../../../wire/rpc/index.ts";
import type { PostAnswer } from "../../../work/pipeline/source/index.ts";
import { NO_LEADER } from "../../master/leadership.ts";
import { type PipelinePost, POST_BYTES_MAX } from "../../master/posts.ts";
import { AGAIN_MS, PATIENCE_MS, RETRY_AFTER_MS } from "./patience.ts";

/** A larger one is sent in parts. */
export const PIPELINE_BYTES_MAX = POST_BYTES_MAX;
const TOO_MANY = 429;

/** One that may know the pipeline: a master, or a process of this machine. */
export interface PostWay {
  readonly id: string;
  /** Fails as the pipeline, with `master.no_leader` (`data.leader` may name who leads), or because it cannot be reached. */
  post(post: PipelinePost, how: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<PostAnswer>;
}

export interface PipelinePorts {
  readonly clock: Clock;
  readonly pressure: Pressure;
  /** Who can be asked now, the likeliest first. */
  readonly ways: (pipeline: string) => readonly PostWay[];
}

export interface PipelineQuestion {
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Where asking again soon helps; a pipeline that is unknown, paused or has failed stays so. */
const SOON_OVER: ReadonlySet<string> = new Set(["gateway.pipeline_starting", "gateway.pipeline_unreachable"]);

/** Why it is not to be asked at all now; looked at before the body is read. */
export function pipelineRefusal({ clock, pressure }: PipelinePorts, pipeline: string): Failure | undefined {
  const retryMs = pressure.retryMs(pipeline, clock.monotonic());
  return retryMs > 0 ? full(pipeline, retryMs) : undefined;
}

/** Fails with `gateway.pipeline_…` and `gateway.upstream_timeout`. */
export async function askPipeline(
  ports: PipelinePorts,
  pipeline: string,
  { body, head: { headers }, signal, timeoutMs }: PipelineQuestion,
): Promise<PostAnswer> {
  const { clock, pressure } = ports;
  const post = {
    pipeline,
    contentType: headerOf(headers, "content-type"),
    contentEncoding: headerOf(headers, "content-encoding"),
    key: keyOf(headers),
    traceparent: traceOf(headers),
    body,
  };
  const untilMs = clock.monotonic() + timeoutMs;
  const patientUntilMs = Math.min(untilMs, clock.monotonic() + PATIENCE_MS);
  for (;;) {
    const outcome = await askedOnce(ports, post, untilMs, signal);
    if (!(outcome instanceof Failure)) return outcome;
    if (outcome.code === "gateway.pipeline_full") {
      const retryMs = Number(outcome.data?.retryAfterMs);
      pressure.report(pipeline, retryMs, clock.monotonic());
    }
    const isLate = clock.monotonic() + AGAIN_MS >= patientUntilMs;
    if (!SOON_OVER.has(outcome.code) || isLate || signal.aborted) throw outcome;
    await pause(clock, AGAIN_MS, signal);
  }
}

/** One round: whoever can be asked, one behind the other, until one of them answers for the pipeline. */
async function askedOnce(
  { clock, ways }: PipelinePorts,
  post: PipelinePost,
  untilMs: number,
  signal: AbortSignal,
): Promise<PostAnswer | Failure> {
  const left = [...ways(post.pipeline)];
  let last: Failure | undefined;
  for (let way = left.shift(); way; way = left.shift()) {
    const timeoutMs = untilMs - clock.monotonic();
    if (timeoutMs <= 0 || signal.aborted) return late(post.pipeline);
    try {
      return answered(post.pipeline, await way.post(post, { timeoutMs, signal }));
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.defect");
      if (failure.code === "link.deadline_exceeded" && clock.monotonic() >= untilMs) return late(post.pipeline);
      if (!isForTheNext(failure)) return withWait(failure);
      last = failure;
      const leader = left.findIndex(({ id }) => id === failure.data?.leader);
      if (leader > 0) left.unshift(...left.splice(leader, 1));
    }
  }
  const why = last?.message ?? "no master is alive, and no run of this machine has this name";
  return withWait(
    new Failure("gateway.pipeline_unreachable", `${post.pipeline} cannot be asked: ${why}`, { retryable: true }),
  );
}

/** It has not answered for the pipeline. That it may have heard of the post does no harm: each has a key. */
function isForTheNext({ code }: Failure): boolean {
  if (code === NO_LEADER || code === "gateway.pipeline_unreachable") return true;
  return code.startsWith("link.") && code !== "link.cancelled";
}

/** What its senders get, but for what the gateway says itself. */
function answered(pipeline: string, answer: PostAnswer): PostAnswer | Failure {
  const code = codeOf(answer);
  if (code === "source.http.closing") {
    return withWait(
      new Failure("gateway.pipeline_starting", `${pipeline} takes no records at the moment`, { retryable: true }),
    );
  }
  if (answer.status !== TOO_MANY || code !== "source.http.full") return answer;
  const seconds = Number(answer.headers["retry-after"]);
  return full(pipeline, seconds > 0 ? seconds * 1_000 : RETRY_AFTER_MS);
}

function codeOf({ status, text }: PostAnswer): unknown {
  if (status < 400) return undefined;
  const { code } = JSON.parse(text) as { code?: unknown }; // the source's own
  return code;
}

function keyOf(headers: RequestHead["headers"]): string | undefined {
  const given = headersOf(headers, "idempotency-key");
  if (given.length > 0) return given.join(", ");
  const id = headerOf(headers, "x-request-id");
  return id === undefined ? undefined : `gateway-request ${id}`; // no client's: it could guess another's id
}

/** One that nobody records would only keep a batch from being chosen. */
function traceOf(headers: RequestHead["headers"]): string | undefined {
  const given = traceparentOf(headerOf(headers, TRACEPARENT_HEADER));
  return given === undefined || isUnsampled(given) ? undefined : given;
}

function full(pipeline: string, retryAfterMs: number): Failure {
  const message = `${pipeline} is full; it takes records again in ${Math.ceil(retryAfterMs)} ms at the earliest`;
  return new Failure("gateway.pipeline_full", message, { retryable: true, data: { retryAfterMs } });
}

function late(pipeline: string): Failure {
  return new Failure("gateway.upstream_timeout", `${pipeline} has not answered in time`, { retryable: true });
}

function withWait(failure: Failure): Failure {
  if (!failure.retryable) return failure;
  const { code, data, message } = failure;
  return new Failure(code, message, { retryable: true, data: { retryAfterMs: RETRY_AFTER_MS, ...data } });
}
