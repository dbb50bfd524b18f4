/** What crosses links: calls that are not what they should be, items cut anywhere. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { describeThrown } from "../../../../../src/process/service/thrown.ts";
import type { ByteStream } from "../../../../../src/wire/link/index.ts";
import { readItems, writeItems } from "../../../../../src/work/service/caller/items.ts";
import { judge } from "../../../../../src/work/service/caller/outcome.ts";
import { readCall, writeCall } from "../../../../../src/work/service/caller/payload.ts";
import { failureOf } from "../../../../support/auth.ts";
import { bytesOf, CALLER } from "../fakes.ts";

const CALL = {
  service: "users",
  version: "1.0.0",
  method: "get",
  params: bytesOf({ id: 7 }),
  timeoutMs: 100,
  caller: { ...CALLER, kind: "outside", scopes: ["users"] },
} as const;

async function* from<T>(values: readonly T[], thrown?: unknown): AsyncGenerator<T> {
  yield* values;
  if (thrown !== undefined) throw thrown;
}

async function written(items: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const write = async (bytes: Uint8Array) => void parts.push(bytes.slice());
  const stream = { write, end() {}, signal: new AbortController().signal };
  await writeItems(items, stream as unknown as ByteStream); // as much of one as is used
  return Buffer.concat(parts);
}

describe("readCall()", () => {
  test("readCall() gives what writeCall() was given", () => {
    expect(readCall(writeCall(CALL, true), "peer", "trace")).toEqual({
      ...CALL,
      traceparent: "trace",
      isWatched: true,
    });
  });

  test("readCall() refuses whatever is not a call, and throws nothing else", async () => {
    const good = writeCall(CALL, false);
    const other = fc.anything();
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), other, async (at, value) => {
        const outcome = await Promise.try(() => readCall(good.with(at, value), "peer", undefined)).catch(
          (thrown) => thrown,
        );
        if (outcome instanceof Error) expect((outcome as Failure).code).toBe("service.bad_request");
      }),
    );
    const textless = good.with(4, { toString: {} });
    for (const bad of [
      null,
      7,
      [],
      good.with(3, "{}"),
      good.with(4, -1),
      textless,
      good.with(8, "root"),
      good.with(9, [7]),
    ])
      expect((await failureOf(() => readCall(bad, "peer", undefined))).code).toBe("service.bad_request");
  });
});

describe("readItems()", () => {
  test("readItems() gives the items of writeItems(), however the bytes are cut", async () => {
    const items = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(items, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), async (all, cuts) => {
        const bytes = await written(from(all));
        const pieces: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < bytes.length; at += cuts[cut++ % cuts.length]!)
          pieces.push(bytes.subarray(at, at + cuts[cut % cuts.length]!));
        const seen = await Array.fromAsync(readItems(from(pieces)));
        expect(seen.map((item) => [...item])).toEqual(all.map((item) => [...item]));
      }),
    );
  });

  test("readItems() fails where it is cut off, too large or of no known kind", async () => {
    const whole = await written(from([bytesOf("item")]));
    const codeOf = async (bytes: Uint8Array) =>
      (await failureOf(async () => await Array.fromAsync(readItems(from([bytes]))))).code;
    expect(await codeOf(whole.subarray(0, 7))).toBe("service.stream_broken");
    expect(await codeOf(whole.subarray(0, 3))).toBe("service.stream_broken");
    expect(await codeOf(new Uint8Array([255, 0, 0, 0, 0]))).toBe("service.item_too_large");
    expect(await codeOf(new Uint8Array([0, 0, 0, 1, 9, 0]))).toBe("service.stream_broken");
    expect(await codeOf(new Uint8Array([0, 0, 0, 1, 1, 0]))).toBe("service.stream_broken");
  });

  test("writeItems() ends with the failure, without its data where that cannot be told", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const bytes = await written(
      from([bytesOf(1)], new Failure("users.gone", "gone", { data: circle, retryable: true })),
    );
    const seen: Uint8Array[] = [];
    const failure = await failureOf(async () => {
      for await (const item of readItems(from([bytes]))) seen.push(item);
    });
    expect([seen.length, failure.code, failure.message, failure.retryable]).toEqual([1, "users.gone", "gone", true]);
  });
});

describe("judge()", () => {
  test("judge() does not blame a place whose method says that somebody else was late", () => {
    const own = new Failure("rpc.deadline_exceeded", "users.get was late");
    const nested = describeThrown(new Failure("rpc.deadline_exceeded", "accounts.find was late"), "service.failed");
    expect(judge(own, "users.get", "n1", true).verdict).toBe("failed");
    expect(judge(nested, "users.get", "n1", true)).toMatchObject({ verdict: "cancelled", isOfFramework: true });
  });

  test("judge() takes a method that has thrown what a node would say for begun", () => {
    for (const code of ["service.not_found", "service.unavailable", "rpc.deadline_exceeded", "users.busy"]) {
      const thrown = new Failure(code, "x", { retryable: true, data: { begun: false } });
      expect([code, judge(describeThrown(thrown, "service.failed"), "users.get", "n1", true).begun]).toEqual([
        code,
        true,
      ]);
    }
  });
});
