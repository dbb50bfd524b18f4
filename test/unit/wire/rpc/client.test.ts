import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Failure } from "../../../../src/base/errors.ts";
import { createClient, httpTransport, type Send, unixTransport } from "../../../../src/wire/rpc/index.ts";
import { Workspace } from "../../../support/workspace.ts";
import { openShop, shop, TimerClock, turns } from "./support.ts";

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof Failure) return thrown;
  throw new Error(`no Failure: ${thrown}`);
}

function clockOf(clock: TimerClock) {
  return { now: () => clock.now(), monotonic: () => clock.monotonic() };
}

function clientOver(send: Send, clock = new TimerClock()) {
  return createClient(shop, httpTransport(send, "the test"), { clock });
}

describe("createClient()", () => {
  test("createClient() gives the output, defaults filled in and unknown fields left out", async () => {
    const { client, clock } = openShop();
    expect(await client.price({ thing: "tea" })).toEqual({ total: 3 });
    expect(clock.timers).toBe(0);
    const newer = clientOver(async () => Response.json({ total: 1, invented: "later" }));
    expect(await newer.price({ thing: "a" })).toEqual({ total: 1 });
  });

  test("createClient() throws the Failure that the method threw, whole", async () => {
    const failure = await failureOf(openShop().client.break({ how: "failure" }));
    expect(failure.toJSON()).toEqual({
      code: "shop.closed",
      message: "closed on Sundays",
      data: { day: 7 },
      retryable: true,
    });
  });

  test("createClient() tells the faults when the input does not fit", async () => {
    const failure = await failureOf(openShop().client.price({ thing: "", pieces: 0 }));
    expect(failure.code).toBe("rpc.invalid_input");
    expect((failure.data as { faults: { path: string }[] }).faults.map(({ path }) => path)).toEqual([
      "thing",
      "pieces",
    ]);
  });

  test("createClient() gives up at its own deadline when nothing answers at all", async () => {
    const clock = new TimerClock();
    const mute: Send = (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    const answer = failureOf(clientOver(mute, clock).wait({}, { timeoutMs: 100 }));
    await turns();
    clock.advance(100);
    const failure = await answer;
    expect([failure.code, failure.message]).toEqual(["rpc.deadline_exceeded", "shop.wait: no answer within 100 ms"]);
    expect(clock.timers).toBe(0);
  });

  test("createClient() refuses a timeoutMs that is no number, and takes any number as a span of at most an hour", async () => {
    const delays: number[] = [];
    const spans: unknown[] = [];
    const clock = new TimerClock();
    const watching = { ...clockOf(clock), after: (delayMs: number) => ({ cancel: () => void delays.push(delayMs) }) };
    const send: Send = async (_, { headers }) => {
      spans.push(new Headers(headers).get("deadline-ms"));
      return Response.json({ total: 1 });
    };
    const client = createClient(shop, httpTransport(send, "the test"), { clock: watching });
    for (const timeoutMs of [Number.NaN, "5" as unknown as number]) {
      expect((await failureOf(client.price({ thing: "a" }, { timeoutMs }))).code).toBe("rpc.bad_request");
    }
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 40, -5, 1.5])
      await client.price({ thing: "a" }, { timeoutMs });
    expect(delays).toEqual([3_600_000, 3_600_000, 0, 1.5]);
    expect(spans).toEqual(["3600000", "3600000", "0", "2"]);
  });

  test("createClient() says so when the caller gives up", async () => {
    const { client, waiting } = openShop();
    const end = new AbortController();
    const answer = failureOf(client.wait({}, { signal: end.signal }));
    await turns();
    end.abort();
    expect((await answer).code).toBe("rpc.cancelled");
    expect(waiting[0]!.aborted).toBe(true);
  });

  for (const [when, response, says] of [
    ["the answer is no JSON", () => new Response("<html>"), /the answer is no JSON/],
    ["the answer is of another shape", () => Response.json({ total: "a lot" }), /answer of shop\.price: total: /],
    [
      "a refusal tells no failure",
      () => Response.json({ error: "no" }, { status: 502 }),
      /status 502 tells no failure/,
    ],
    [
      "a refusal's code is no text",
      () => Response.json({ code: 1, message: "", retryable: true }, { status: 400 }),
      /tells no failure/,
    ],
    ["the answer is too large", () => new Response(new Uint8Array(16 * 1024 * 1024 + 1)), /larger than/],
  ] as const) {
    test(`createClient() throws rpc.bad_response when ${when}`, async () => {
      const failure = await failureOf(clientOver(async () => response()).price({ thing: "a" }));
      expect(failure.code).toBe("rpc.bad_response");
      expect(failure.message).toMatch(says);
    });
  }
});

describe("unixTransport()", () => {
  test("unixTransport() carries calls over a socket and says when nobody is there", async () => {
    using workspace = new Workspace();
    const path = join(workspace.path, "s.sock");
    const { handle, clock } = openShop();
    const client = createClient(shop, unixTransport(path), { clock });
    const before = await failureOf(client.price({ thing: "tea" }));
    expect([before.code, before.retryable]).toEqual(["rpc.unreachable", true]);
    expect(before.message).toContain(path);
    const server = Bun.serve({ unix: path, fetch: handle });
    try {
      expect(await client.price({ thing: "tea", pieces: 3 })).toEqual({ total: 9 });
      expect((await failureOf(client.break({ how: "failure" }))).code).toBe("shop.closed");
    } finally {
      await server.stop(true);
    }
    expect((await failureOf(client.price({ thing: "tea" }))).code).toBe("rpc.unreachable");
  });
});
