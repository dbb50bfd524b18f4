/** Runs of this machine as ways to pipelines: which count, and how often the list is looked at. */
import { expect, test } from "bun:test";
import { answerPosts, postThrough } from "../../../../../src/app/control/post-records.ts";
import { runWays } from "../../../../../src/app/gateway/named/run-ways.ts";
import type { PostAnswer, Posted } from "../../../../../src/work/pipeline/source/index.ts";
import { failureOf } from "../../../../support/auth.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { Workspace } from "../../../../support/workspace.ts";

const PROCESS = { startTime: "1", host: "here", bootId: "b", pidNamespace: "n", version: "1", startedMs: 1 };
const POSTED: Posted = {
  ...{ contentType: "application/json", contentEncoding: "gzip", key: "k", body: Buffer.from([0, 255, 10]) },
};

test("runWays() gives the runs of that name, the latest first, and looks at the list once in a while", () => {
  const clock = new SteppedClock();
  let looks = 0;
  const entry = (pid: number, command: string, pipeline: string) => ({
    ...{ ...PROCESS, pid, command, pipeline, socket: `/s/${pid}` },
  });
  const entries = [
    entry(1, "run", "/a/orders.txt"),
    entry(2, "master", "orders"),
    entry(3, "run", "/b/orders.pipeline"),
    entry(4, "run", "/a/others.txt"),
  ];
  const survey = () => {
    looks++;
    return { entries };
  };
  const ways = runWays({ clock, dataDir: () => "/d", survey });
  expect(ways("orders").map(({ id }) => id)).toEqual(["run 3", "run 1"]);
  expect(ways("nothing")).toEqual([]);
  expect(looks).toBe(1);
  clock.advance(500);
  ways("orders");
  expect(looks).toBe(2);
});

test("postThrough() brings a body as it is to the source of a run, and its answer back", async () => {
  using space = new Workspace();
  const came: Posted[] = [];
  const answer: PostAnswer = { status: 429, headers: { "retry-after": "1" }, text: '{"code":"source.http.full"}' };
  const post = async (posted: Posted): Promise<PostAnswer> => {
    came.push(posted);
    return answer;
  };
  const others = async () => new Response("others");
  const socket = space.at("s.sock");
  const server = Bun.serve({ unix: socket, fetch: answerPosts(post, others) });
  const { signal } = new AbortController();
  try {
    const got = await postThrough(socket, POSTED, signal);
    expect([got.status, got.headers["retry-after"], got.text]).toEqual([429, "1", answer.text]);
    expect(came.map((each) => ({ ...each, body: Buffer.from(each.body) }))).toEqual([
      { ...POSTED, body: Buffer.from(POSTED.body) },
    ]);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e0001-00f067aa0ba902b7-01";
    await postThrough(socket, { ...POSTED, traceparent }, signal);
    expect(came.map((each) => each.traceparent)).toEqual([undefined, traceparent]);
    server.reload({ fetch: answerPosts(undefined, others) });
    expect(await failureOf(() => postThrough(socket, POSTED, signal))).toMatchObject({
      code: "gateway.pipeline_not_http",
    });
    expect(await (await fetch("http://localhost/rpc", { unix: socket })).text()).toBe("others");
  } finally {
    await server.stop(true);
  }
  expect(await failureOf(() => postThrough(socket, POSTED, signal))).toMatchObject({
    ...{ code: "gateway.pipeline_unreachable", retryable: true },
  });
});
