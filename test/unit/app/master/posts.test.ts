/** Which pipeline a post is for, and what is said of one that takes none. */
import { describe, expect, test } from "bun:test";
import { POST_BYTES_MAX, POST_TOPIC, type PostTarget, postHandlers, postTo } from "../../../../src/app/master/posts.ts";
import type { RequestContext } from "../../../../src/wire/link/index.ts";
import type { PostAnswer, Posted } from "../../../../src/work/pipeline/source/index.ts";
import { failureOf } from "../../../support/auth.ts";

const POSTED: Posted = {
  contentType: "application/json",
  contentEncoding: undefined,
  key: "k",
  body: Buffer.from("{}"),
};

interface Over {
  readonly id?: string;
  readonly name?: string;
  readonly state?: string;
  readonly isUnfinished?: boolean;
}

/** Says its own id to whoever posts; with no run where `takes` is left out. */
function target(over: Over, takes?: "posts" | "nothing"): PostTarget {
  const { id = "orders-1", isUnfinished = true, name = "orders", state = "running" } = over;
  const post = async (): Promise<PostAnswer> => ({ status: 202, headers: {}, text: id });
  const run = takes === undefined ? undefined : { post: takes === "posts" ? post : undefined };
  return { entry: { id, name }, isUnfinished, sample: () => ({ state, run }) };
}

describe("postTo()", () => {
  test("finds it by name or whole id, and of several of one name the one that is not over", async () => {
    const both = [
      target({ id: "orders-1" }, "posts"),
      target({ id: "orders-2", state: "cancelled", isUnfinished: false }),
    ];
    expect((await postTo(both, "orders", POSTED)).text).toBe("orders-1");
    expect((await postTo(both, "orders-1", POSTED)).text).toBe("orders-1");
    expect(await failureOf(() => postTo(both, "order", POSTED))).toMatchObject({ code: "gateway.pipeline_unknown" });
  });

  test("says what a pipeline that takes nothing is, and whether that may pass", async () => {
    for (const [state, code, retryable] of [
      ["ended", "gateway.pipeline_over", false],
      ["cancelled", "gateway.pipeline_over", false],
      ["paused", "gateway.pipeline_paused", true],
      ["failed", "gateway.pipeline_failed", true],
      ["retrying", "gateway.pipeline_starting", true],
      ["starting", "gateway.pipeline_starting", true],
    ] as const) {
      const failure = await failureOf(() => postTo([target({ state })], "orders", POSTED));
      expect(failure).toMatchObject({ code, retryable });
    }
    const file = await failureOf(() => postTo([target({}, "nothing")], "orders", POSTED));
    expect(file).toMatchObject({ code: "gateway.pipeline_not_http", retryable: false });
  });
});

describe("postHandlers()", () => {
  const ask = (payload: unknown, leader?: string) => {
    const leadership = { leading: undefined, leader: leader === undefined ? undefined : { id: leader, address: HERE } };
    return failureOf(async () => postHandlers(leadership)[POST_TOPIC]!.request!(payload, {} as RequestContext));
  };
  const HERE = { host: "127.0.0.1", port: 1 };

  test("says who leads where this master does not", async () => {
    const payload = { pipeline: "orders", ...POSTED };
    expect(await ask(payload, "m2")).toMatchObject({ code: "master.no_leader", data: { leader: "m2" } });
    expect(await ask(payload)).toMatchObject({ code: "master.no_leader", retryable: true });
  });

  test("gives the source the trace that the link carries, not one that a payload tells", async () => {
    const came: Posted[] = [];
    const taking = target({ id: "orders-1" }, "posts");
    const post = async (posted: Posted): Promise<PostAnswer> => {
      came.push(posted);
      return { status: 202, headers: {}, text: "" };
    };
    const pipelines = { list: () => [{ ...taking, sample: () => ({ state: "running", run: { post } }) }] };
    const leadership = { leading: { pipelines }, leader: undefined } as unknown as Parameters<typeof postHandlers>[0];
    const handler = postHandlers(leadership)[POST_TOPIC]!;
    const payload = { pipeline: "orders", ...POSTED, traceparent: "lie" };
    await handler.request!(payload, { traceparent: "00-a-b-01" } as RequestContext);
    expect(came.map(({ key, traceparent }) => [key, traceparent])).toEqual([["k", "00-a-b-01"]]);
  });

  test("refuses what is no post, and bodies that are too large", async () => {
    for (const payload of [undefined, {}, { pipeline: "a" }, { ...POSTED }, { pipeline: "a", ...POSTED, key: 7 }]) {
      expect(await ask(payload)).toMatchObject({ code: "rpc.bad_request" });
    }
    const large = { pipeline: "a", ...POSTED, body: new Uint8Array(POST_BYTES_MAX + 1) };
    expect(await ask(large)).toMatchObject({ code: "rpc.too_large" });
  });
});
