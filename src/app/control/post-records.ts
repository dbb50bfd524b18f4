/**
 * Records through the control socket of a run, for a gateway of the same user and data directory: a body as it is, beside the contracts,
 * given to the run's source and answered by it. Both sides of the conversation.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { TRACEPARENT_HEADER, traceparentOf, unixSend } from "../../wire/rpc/index.ts";
import type { PostAnswer, Posted, Source } from "../../work/pipeline/source/index.ts";
import type { Handler } from "./control-server.ts";

const POST_PATH = "/post";
const NOT_FOUND = 404;
const [TYPE, ENCODING, KEY] = ["content-type", "content-encoding", "idempotency-key"] as const;
const TRACE = TRACEPARENT_HEADER;

/** What is posted goes to the source, everything else to the others. */
export function answerPosts(post: Source["post"], others: Handler): Handler {
  return async (request) => {
    if (request.method !== "POST" || new URL(request.url).pathname !== POST_PATH) return others(request);
    if (!post) return new Response(null, { status: NOT_FOUND });
    const body = new Uint8Array(await request.arrayBuffer());
    const told = (name: string): string | undefined => request.headers.get(name) ?? undefined;
    const { headers, status, text } = await post({
      ...{ contentType: told(TYPE), contentEncoding: told(ENCODING), key: told(KEY), body },
      traceparent: traceparentOf(told(TRACE)),
    });
    return new Response(text, { status, headers: { ...headers } });
  };
}

/** Fails with `gateway.pipeline_not_http`, and with `gateway.pipeline_unreachable` when it does not answer. */
export async function postThrough(
  socket: string,
  { body, contentEncoding, contentType, key, traceparent }: Posted,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const headers = {
    ...(contentType !== undefined && { [TYPE]: contentType }),
    ...(contentEncoding !== undefined && { [ENCODING]: contentEncoding }),
    ...(key !== undefined && { [KEY]: key }),
    ...(traceparent !== undefined && { [TRACE]: traceparent }),
  };
  let answer: PostAnswer;
  try {
    // Bytes of a client's request are never shared memory.
    const init = { method: "POST", headers, body: body as Uint8Array<ArrayBuffer>, signal };
    const response = await unixSend(socket)(POST_PATH, init);
    answer = { status: response.status, headers: response.headers.toJSON(), text: await response.text() };
  } catch (thrown) {
    const message = `the run at ${socket} does not answer: ${messageOf(thrown)}`;
    throw new Failure("gateway.pipeline_unreachable", message, { retryable: true, cause: thrown });
  }
  if (answer.status !== NOT_FOUND) return answer;
  throw new Failure("gateway.pipeline_not_http", "the run has no source:http; one is required");
}
