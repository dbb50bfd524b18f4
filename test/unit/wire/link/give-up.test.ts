/** Requests that are given up on their way: what has not left does not, and what has come of it is dropped at the other side. */
import { describe, expect, test } from "bun:test";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

const MIB = 1024 * 1024;

function counting(started: unknown[]) {
  return {
    take: { request: (payload: unknown) => started.push(payload) },
    echo: { request: (payload: unknown) => payload },
  };
}

describe("request()", () => {
  for (const [what, payload] of [
    ["small", 1],
    ["a large text", "x".repeat(200_000)],
    ["large bytes", new Uint8Array(200_000)],
    ["of 40 MiB", new Uint8Array(40 * MIB)],
  ] as const) {
    test(`request() that is given up in its turn never leaves when it is ${what}`, async () => {
      const started: unknown[] = [];
      await using a = openNode("a");
      await using b = openNode("b", { handlers: counting(started) });
      const link = await a.dial(b);
      const end = new AbortController();
      const given = failureOf(link.request("take", payload, { signal: end.signal }));
      end.abort();
      expect((await given).code).toBe("link.cancelled");
      expect(await link.request("echo", "next")).toBe("next");
      expect(started).toEqual([]);
      expect(link.counts.bytesSent).toBeLessThan(1_000);
      expect(link.bufferedBytes).toBe(0);
    });
  }

  test("request() that is given up half-way is dropped on both sides, more often than transfers may be under way", async () => {
    const started: unknown[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: counting(started) });
    const link = await a.dial(b, { limits: { sendBufferBytes: 1e9 } });
    for (let round = 0; round < 3; round++) {
      const ends = Array.from({ length: 7 }, () => new AbortController());
      const before = link.counts.bytesSent;
      const given = ends.map(({ signal }) => failureOf(link.request("take", new Uint8Array(16 * MIB), { signal })));
      await until("some to leave", () => link.counts.bytesSent - before > MIB);
      for (const end of ends) end.abort();
      expect((await Promise.all(given)).map(({ code }) => code)).toEqual(ends.map(() => "link.cancelled"));
      const bytes = new Uint8Array(3 * MIB).fill(round);
      expect(Buffer.compare((await link.request("echo", bytes)) as Uint8Array, bytes)).toBe(0);
    }
    expect(started).toEqual([]);
    expect(link.isOpen).toBe(true);
    expect(link.counts.bytesSent).toBeLessThan(60 * MIB);
  }, 60_000);

  test("request() whose deadline passes half-way is dropped on both sides", async () => {
    const clock = new SteppedClock();
    const started: unknown[] = [];
    await using a = openNode("a", { clock });
    await using b = openNode("b", { handlers: counting(started) });
    const link = await a.dial(b);
    const late = failureOf(link.request("take", new Uint8Array(60 * MIB), { timeoutMs: 100 }));
    await until("some to leave", () => link.counts.bytesSent > MIB);
    clock.advance(100);
    expect((await late).code).toBe("link.deadline_exceeded");
    expect(link.bufferedBytes).toBeLessThan(8 * MIB);
    for (let round = 0; round < 5; round++) {
      const answer = link.request("echo", new Uint8Array(3 * MIB), { timeoutMs: 1e9 });
      let isDone = false;
      void answer.then(() => {
        isDone = true;
      });
      await until("the answer", () => {
        clock.advance(1);
        return isDone;
      });
    }
    expect(started).toEqual([]);
  });
});
