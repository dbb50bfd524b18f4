/** One-way messages arrive in the order of saying, whatever their size, and senders that wait for room all get through. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

const SIZES = [1, 100, 20_000, 65_535, 65_536, 100_000, 1_048_576, 1_500_000, 3_000_000];

function listening(heard: number[]) {
  return { note: { notify: (payload: unknown) => void heard.push((payload as [number])[0] ?? -1) } };
}

const first = (index: number, sizeBytes: number, asBytes: boolean): unknown =>
  asBytes ? new Uint8Array(Math.max(1, sizeBytes)).fill(index, 0, 1) : [index, "x".repeat(sizeBytes)];

describe("notify()", () => {
  test("notify() keeps the order of messages of any size and kind, also over several turns", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.constantFrom(...SIZES), isBytes: fc.boolean(), isNewTurn: fc.boolean() }), {
          minLength: 2,
          maxLength: 12,
        }),
        async (messages) => {
          const heard: number[] = [];
          await using a = openNode("a");
          await using b = openNode("b", { handlers: listening(heard) });
          const link = await a.dial(b, { limits: { sendBufferBytes: 1e9 } });
          for (const [index, { size, isBytes, isNewTurn }] of messages.entries()) {
            link.notify("note", first(index, size, isBytes));
            if (isNewTurn) await new Promise((resolve) => setImmediate(resolve));
          }
          await until("all", () => heard.length === messages.length);
          expect(heard).toEqual(messages.map((_, index) => index));
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  test("notify() that is refused lets those behind it pass", async () => {
    const heard: number[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: listening(heard) });
    const link = await a.dial(b, { limits: { payloadBytesMax: 200_000 } });
    link.notify("note", first(0, 100_000, true));
    link.notify("note", first(1, 300_000, true));
    link.notify("note", [2, Symbol("odd")]);
    link.notify("note", first(3, 100_000, false));
    link.notify("note", first(4, 300_000, false));
    link.notify("note", [5]);
    await until("all", () => heard.length === 3);
    expect(heard).toEqual([0, 3, 5]);
    expect(a.reports).toHaveLength(3);
  });
});

describe("notifyWhenRoom()", () => {
  test("notifyWhenRoom() gets 3,000 messages through in the order of the calls when all are said at once", async () => {
    const heard: number[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: listening(heard) });
    const link = await a.dial(b, { limits: { sendBufferBytes: 1_000_000 } });
    const random = seededRandom(5);
    let mostBytes = 0;
    const all = Array.from({ length: 3_000 }, async (_, index) => {
      await link.notifyWhenRoom("note", first(index & 255, random.below(40_000), true));
      mostBytes = Math.max(mostBytes, link.bufferedBytes);
    });
    await Promise.all(all);
    await until("all", () => heard.length === 3_000);
    expect(heard).toEqual(Array.from({ length: 3_000 }, (_, index) => index & 255));
    expect(mostBytes).toBeLessThan(1_100_000);
  });

  test("notifyWhenRoom() waits behind those who wait already, also when there is room again", async () => {
    const heard: number[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: listening(heard) });
    const link = await a.dial(b, { limits: { sendBufferBytes: 100_000 } });
    const said: Promise<void>[] = [];
    for (let index = 0; index < 100; index++) {
      said.push(link.notifyWhenRoom("note", [index, "x".repeat(30_000)]));
      if (index % 7 === 0) await said[index >> 1];
    }
    await Promise.all(said);
    await until("all", () => heard.length === 100);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test("notifyWhenRoom() fails when its message is refused, also while it waits, and reports nothing", async () => {
    const heard: number[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: listening(heard) });
    const link = await a.dial(b, { limits: { sendBufferBytes: 100_000, payloadBytesMax: 3_000_000 } });
    const said = [
      [0],
      [new Float64Array(1)],
      first(1, 2_000_000, true),
      [Symbol("odd")],
      first(9, 4_000_000, true),
      [2],
    ];
    const ends = await Promise.all(
      said.map((each) =>
        link.notifyWhenRoom("note", each).then(
          () => "sent",
          (thrown: Failure) => thrown.code,
        ),
      ),
    );
    expect(ends).toEqual(["sent", "link.unencodable", "sent", "link.unencodable", "link.too_large", "sent"]);
    await until("the others", () => heard.length === 3);
    expect(heard).toEqual([0, 1, 2]);
    expect(a.reports).toEqual([]);
  });

  test("notifyWhenRoom() fails with its signal's reason, with link.closed and with link.invalid", async () => {
    await using a = openNode("a");
    await using b = openNode("b");
    const link = await a.dial(b, { limits: { sendBufferBytes: 1_000 } });
    link.notify("note", new Uint8Array(20_000_000));
    const end = new AbortController();
    const given = failureOf(link.notifyWhenRoom("note", 1, { signal: end.signal }));
    const waiting = failureOf(link.notifyWhenRoom("note", 2));
    const { code } = await failureOf(link.notifyWhenRoom("x".repeat(200), 3));
    end.abort(await failureOf(link.request("echo", 1, { timeoutMs: Number.NaN })));
    link.destroy(await failureOf(link.request("nobody", 1, { timeoutMs: 0 })));
    expect([code, (await given).code, (await waiting).code]).toEqual([
      "link.invalid",
      "link.invalid",
      "link.deadline_exceeded",
    ]);
    expect((await failureOf(link.notifyWhenRoom("note", 4))).code).toBe("link.closed");
  });
});

describe("drained()", () => {
  test("drained() lets 3,000 senders of 20 kB go on one after the other, so that none is refused", async () => {
    const heard: number[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: listening(heard) });
    const link = await a.dial(b, { limits: { sendBufferBytes: 1_000_000 } });
    const wrapped = async (): Promise<void> => await (async () => await link.drained())();
    const send = async (index: number): Promise<void> => {
      await wrapped();
      link.notify("note", first(index & 255, 20_000, true));
    };
    await Promise.all(Array.from({ length: 3_000 }, (_, index) => send(index)));
    await until("all", () => heard.length === 3_000);
  });
});
