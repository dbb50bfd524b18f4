/** Records handed to a source, as a span of the trace that they come with: the batch that they become stands below it. */
import type { Tracer } from "../../../base/trace.ts";
import type { Source } from "../source/index.ts";

const FAILED = 400;

/** Undefined where the source takes none by hand. */
export function tracedPost(
  { name, source }: { readonly name: string; readonly source: Source },
  tracer: Tracer | undefined,
): Source["post"] {
  if (!source.post) return undefined;
  return async (posted) => {
    const { body, traceparent } = posted;
    if (traceparent === undefined || !tracer?.isEnabled) return source.post!(posted);
    const attributes = { "pipeline.name": name, "post.bytes": body.byteLength };
    const span = tracer.start(`post ${name}`, { kind: "server", parent: traceparent, attributes });
    const answer = await source.post!({ ...posted, traceparent: span.traceparent }); // never fails
    span.set({ "http.response.status_code": answer.status });
    if (answer.status >= FAILED) span.fail(`status ${answer.status}`);
    span.end();
    return answer;
  };
}
