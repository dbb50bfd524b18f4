/** What is said on a link between two nodes: over real sockets. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import type { LinkHandlers } from "../../../../src/wire/link/index.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

const echo: LinkHandlers = { echo: { request: (payload) => payload } };

describe("request()", () => {
  test("request() resolves with what the handler gives back, in both directions", async () => {
    await using a = openNode("a", { handlers: { name: { request: () => "a" } } });
    await using b = openNode("b", { handlers: { name: { request: async () => "b" } } });
    const link = await a.dial(b);
    expect(await link.request("name", undefined)).toBe("b");
    expect(await b.accepted[0]!.request("name", undefined)).toBe("a");
    expect(link.peer.id).toBe("b");
    expect(b.accepted[0]!.peer).toMatchObject({ id: "a", address: a.address });
  });

  test("request() carries values of every kind when they are echoed", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const value = {
      text: "grün 🌱",
      long: "x".repeat(70_000),
      numbers: [0, -1, 127, 128, 65_536, 2 ** 31, -(2 ** 31), 2 ** 53, 1.5, Number.MAX_VALUE],
      big: 2n ** 60n,
      nothing: null,
      missing: undefined,
      when: new Date(1_700_000_000_123),
      bytes: new Uint8Array([0, 1, 255]),
      nested: [{ a: { b: [[]] } }],
    };
    expect(await link.request("echo", value)).toEqual(value);
  });

  test("request() carries many requests at once in few frames, each answer to its own", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const before = link.counts.framesSent;
    const all = await Promise.all(Array.from({ length: 1000 }, (_, index) => link.request("echo", index)));
    expect(all).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(link.counts.framesSent - before).toBe(1);
  });

  test("request() rejects with the failure that the handler threw", async () => {
    const thrown = new Failure("shop.closed", "closed on Sundays", { data: { day: 7 }, retryable: true });
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { shop: { request: () => Promise.reject(thrown) } } });
    const link = await a.dial(b);
    expect((await failureOf(link.request("shop", 1))).toJSON()).toEqual(thrown.toJSON());
  });

  test("request() rejects with link.unknown_topic when nobody takes it, whatever objects have by nature", async () => {
    await using a = openNode("a");
    await using b = openNode("b");
    const link = await a.dial(b);
    for (const topic of ["nothing", "constructor", "__proto__", "toString"]) {
      expect((await failureOf(link.request(topic, 1))).code).toBe("link.unknown_topic");
    }
  });

  for (const sizeBytes of [65_535, 65_536, 1_048_576, 1_048_577, 5_000_000]) {
    test(`request() carries ${sizeBytes} bytes there and back unchanged`, async () => {
      await using a = openNode("a");
      await using b = openNode("b", { handlers: echo });
      const link = await a.dial(b);
      const bytes = new Uint8Array(sizeBytes).map((_, index) => index * 31);
      const back = (await link.request("echo", bytes)) as Uint8Array;
      expect(Buffer.compare(back, bytes)).toBe(0);
    });
  }

  test("request() aborts the handler's signal when the caller gives up", async () => {
    const signals: AbortSignal[] = [];
    const wait = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    await using a = openNode("a");
    await using b = openNode("b", {
      handlers: { wait: { request: (_, { signal }) => wait(signal) } },
    });
    const link = await a.dial(b);
    const end = new AbortController();
    const answer = failureOf(link.request("wait", 1, { signal: end.signal }));
    await until("the request to arrive", () => signals.length === 1);
    end.abort(new Error("enough"));
    expect((await answer).code).toBe("link.cancelled");
    await until("the handler's signal", () => signals[0]!.aborted);
  });
});
