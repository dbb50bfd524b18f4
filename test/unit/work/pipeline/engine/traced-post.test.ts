import { describe, expect, test } from "bun:test";
import { NO_TRACER, type Span, type SpanOptions, type Tracer } from "../../../../../src/base/trace.ts";
import { tracedPost } from "../../../../../src/work/pipeline/engine/traced-post.ts";
import type { Posted, Source } from "../../../../../src/work/pipeline/source/index.ts";

const POSTED: Posted = { contentType: undefined, contentEncoding: undefined, key: undefined, body: new Uint8Array(3) };

function sourceOf(status: number): { readonly source: Source; readonly came: Posted[] } {
  const came: Posted[] = [];
  const post = async (posted: Posted) => {
    came.push(posted);
    return { status, headers: {}, text: "" };
  };
  return { source: { post } as unknown as Source, came }; // nothing else of it is asked
}

class NotingTracer implements Tracer {
  readonly isEnabled = true;
  readonly noted: unknown[] = [];

  start(name: string, { kind, parent }: SpanOptions = {}): Span {
    this.noted.push([name, kind, parent]);
    return {
      traceparent: "below",
      isRecording: true,
      set: (attributes) => void this.noted.push(attributes),
      event() {},
      fail: (thrown) => void this.noted.push(thrown),
      end: () => void this.noted.push("end"),
    };
  }
}

describe("tracedPost()", () => {
  test("tracedPost() makes a span of a post and hands its context on when the post has a trace", async () => {
    const tracer = new NotingTracer();
    const { came, source } = sourceOf(202);
    const post = tracedPost({ name: "orders", source }, tracer)!;
    expect((await post({ ...POSTED, traceparent: "above" })).status).toBe(202);
    expect(came[0]!.traceparent).toBe("below");
    expect(tracer.noted).toEqual([["post orders", "server", "above"], { "http.response.status_code": 202 }, "end"]);
  });

  test("tracedPost() says that it failed when the source refuses", async () => {
    const tracer = new NotingTracer();
    await tracedPost({ name: "orders", source: sourceOf(429).source }, tracer)!({ ...POSTED, traceparent: "above" });
    expect(tracer.noted.slice(-2)).toEqual(["status 429", "end"]);
  });

  test("tracedPost() adds nothing when there is no trace, no tracer or nothing to post to", async () => {
    const tracer = new NotingTracer();
    const { came, source } = sourceOf(202);
    await tracedPost({ name: "orders", source }, tracer)!(POSTED);
    await tracedPost({ name: "orders", source }, NO_TRACER)!({ ...POSTED, traceparent: "above" });
    expect(came.map(({ traceparent }) => traceparent)).toEqual([undefined, "above"]);
    expect(tracer.noted).toEqual([]);
    expect(tracedPost({ name: "orders", source: {} as Source }, tracer)).toBeUndefined();
  });
});
