/** Which way a post goes, what is waited for, and what of a full pipeline its clients hear. */
import { describe, expect, test } from "bun:test";
import { askPipeline, type PostWay, pipelineRefusal } from "../../../../../src/app/gateway/named/pipeline-target.ts";
import type { PipelinePost } from "../../../../../src/app/master/posts.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { Pressure } from "../../../../../src/edge/gateway/limit/index.ts";
import type { PostAnswer } from "../../../../../src/work/pipeline/source/index.ts";
import { failureOf } from "../../../../support/auth.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const TAKEN: PostAnswer = { status: 202, headers: {}, text: '{"accepted":true}\n' };

type Said = PostAnswer | Failure;

/** Ways that say one thing after the other; the last one for ever. */
class Rig {
  readonly clock = new SteppedClock();
  readonly asked: string[] = [];
  readonly posts: PipelinePost[] = [];
  readonly pressure = new Pressure();
  readonly gone = new AbortController();
  readonly #ways: readonly PostWay[];

  constructor(said: Readonly<Record<string, readonly Said[]>>) {
    this.#ways = Object.entries(said).map(([id, all]) => {
      const left = [...all];
      return {
        id,
        post: async (post) => {
          this.asked.push(id);
          this.posts.push(post);
          const next = left.length > 1 ? left.shift()! : left[0]!;
          if (next instanceof Failure) throw next;
          return next;
        },
      };
    });
  }

  get ports() {
    return { clock: this.clock, pressure: this.pressure, ways: () => this.#ways };
  }

  ask(headers: string[] = [], timeoutMs = 60_000): Promise<PostAnswer> {
    const head = { method: "POST", target: "/", scheme: "http", authority: "", headers, version: "1.1" } as const;
    return askPipeline(this.ports, "orders", {
      head,
      body: Buffer.from("{}\n"),
      timeoutMs,
      signal: this.gone.signal,
    });
  }

  /** Steps through all pauses until it is settled. */
  async settled<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = work.then(
      () => {},
      () => {},
    );
    void over.then(() => {
      isOver = true;
    });
    for (let step = 0; step < 1_000 && !isOver; step++) {
      await Promise.resolve();
      if (step % 10 === 9) this.clock.advance(100);
    }
    return work;
  }
}

function link(code: string, data?: Record<string, unknown>): Failure {
  return new Failure(code, `it is ${code}`, { retryable: true, ...(data && { data }) });
}

function answer(status: number, code: string, headers: Record<string, string> = {}): PostAnswer {
  return { status, headers, text: JSON.stringify({ code, message: "", retryable: true }) };
}

test("askPipeline() hands the trace on that somebody records, and no other", async () => {
  const rig = new Rig({ m1: [TAKEN] });
  const trace = "00-4bf92f3577b34da6a3ce929d0e0e0001-00f067aa0ba902b7-01";
  for (const given of [trace, trace.replace(/01$/, "00"), "nonsense"]) await rig.ask(["traceparent", given]);
  await rig.ask();
  expect(rig.posts.map(({ traceparent }) => traceparent)).toEqual([trace, undefined, undefined, undefined]);
});

describe("askPipeline()", () => {
  test("gives the answer of the first master that leads, and what the client said of the body", async () => {
    const rig = new Rig({ m1: [TAKEN], m2: [TAKEN] });
    const headers = ["content-type", "application/json", "content-encoding", "gzip", "idempotency-key", "k"];
    expect(await rig.ask(headers)).toBe(TAKEN);
    expect(rig.asked).toEqual(["m1"]);
    expect(rig.posts[0]).toMatchObject({
      ...{ pipeline: "orders", contentType: "application/json", contentEncoding: "gzip", key: "k" },
    });
  });

  test("asks the one that is said to lead next, else the others in turn", async () => {
    const rig = new Rig({ m1: [link("master.no_leader", { leader: "m3" })], m2: [TAKEN], m3: [TAKEN] });
    expect(await rig.ask()).toBe(TAKEN);
    const turns = new Rig({ m1: [link("link.closed")], m2: [link("master.no_leader")], m3: [TAKEN] });
    expect(await turns.ask()).toBe(TAKEN);
    expect([rig.asked, turns.asked]).toEqual([
      ["m1", "m3"],
      ["m1", "m2", "m3"],
    ]);
  });

  test("repeats a post under one key: the client's, else one made of the request's id", async () => {
    const broken = [link("link.closed"), TAKEN];
    const own = new Rig({ m1: broken });
    expect(await own.settled(own.ask(["x-request-id", "r-1"]))).toBe(TAKEN);
    expect(own.posts.map(({ key }) => key)).toEqual(["gateway-request r-1", "gateway-request r-1"]);
    const clients = new Rig({ m1: broken });
    expect(await clients.settled(clients.ask(["idempotency-key", "a", "x-request-id", "r-1"]))).toBe(TAKEN);
    expect(clients.posts.map(({ key }) => key)).toEqual(["a", "a"]);
  });

  test("waits for a master or a start of the pipeline, and gives up in the end", async () => {
    const starting = new Failure("gateway.pipeline_starting", "orders is starting", { retryable: true });
    const rig = new Rig({ m1: [starting, starting, answer(503, "source.http.closing"), TAKEN] });
    expect(await rig.settled(rig.ask())).toBe(TAKEN);
    const never = new Rig({ m1: [link("link.unreachable")] });
    const failure = await never.settled(failureOf(() => never.ask()));
    expect(failure).toMatchObject({ code: "gateway.pipeline_unreachable", data: { retryAfterMs: 1_000 } });
    expect(never.clock.monotonic()).toBeLessThan(6_000);
    const nobody = new Rig({});
    expect(await nobody.settled(failureOf(() => nobody.ask()))).toMatchObject({ code: "gateway.pipeline_unreachable" });
  });

  test("does not wait for a pipeline that stays as it is, and not when its time is over or nobody waits", async () => {
    for (const code of ["gateway.pipeline_paused", "gateway.pipeline_failed", "gateway.pipeline_unknown"]) {
      const rig = new Rig({ m1: [new Failure(code, "it is so")], m2: [TAKEN] });
      expect(await failureOf(() => rig.ask())).toMatchObject({ code });
      expect(rig.asked).toEqual(["m1"]);
    }
    const late = new Rig({ m1: [TAKEN] });
    expect(await failureOf(() => late.ask([], 0))).toMatchObject({ code: "gateway.upstream_timeout" });
    const gone = new Rig({ m1: [link("link.closed")] });
    gone.gone.abort();
    await failureOf(() => gone.ask());
    expect(gone.asked).toEqual([]);
  });

  test("says 429 once for a full spool, and then for as long as it named without asking", async () => {
    const rig = new Rig({ m1: [answer(429, "source.http.full", { "retry-after": "2" }), TAKEN] });
    expect(pipelineRefusal(rig.ports, "orders")).toBeUndefined();
    const first = await failureOf(() => rig.ask());
    expect(first).toMatchObject({ code: "gateway.pipeline_full", data: { retryAfterMs: 2_000 } });
    rig.clock.advance(500);
    expect(pipelineRefusal(rig.ports, "orders")).toMatchObject({
      code: "gateway.pipeline_full",
      data: { retryAfterMs: 1_500 },
    });
    expect(pipelineRefusal(rig.ports, "others")).toBeUndefined();
    rig.clock.advance(1_500);
    expect(pipelineRefusal(rig.ports, "orders")).toBeUndefined();
  });

  test("passes on every other refusal of the source as it is, also 429 of one that is only busy", async () => {
    for (const refusal of [answer(429, "source.http.busy"), answer(400, "source.http.malformed")]) {
      const rig = new Rig({ m1: [refusal] });
      expect(await rig.ask()).toBe(refusal);
      expect(pipelineRefusal(rig.ports, "orders")).toBeUndefined();
    }
  });
});
