/** Requests as bytes, and frames that come in pieces. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FRAME_BYTES_MIN, FrameReader, frameOf } from "../../../../../src/edge/gateway/rule/frames.ts";
import { RequestReader, readRequest, requestFrame } from "../../../../../src/edge/gateway/rule/request-frame.ts";
import type { RuleRequest } from "../../../../../src/edge/gateway/words/index.ts";

const text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 30,
});
const pairs = fc.dictionary(text, text, { maxKeys: 8 });
const requests: fc.Arbitrary<RuleRequest> = fc.record(
  {
    ...{
      method: text,
      scheme: text,
      host: text,
      path: text,
      query: text,
      client: text,
      route: text,
      headers: pairs,
      params: pairs,
    },
    claims: fc
      .dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 4 })
      .map((each) => JSON.parse(JSON.stringify(each)) as Record<string, unknown>),
  },
  { requiredKeys: ["method", "scheme", "host", "path", "query", "client", "route", "headers", "params"] },
);

describe("requestFrame()", () => {
  test("requestFrame() lays out what readRequest() reads", () => {
    fc.assert(
      fc.property(requests, fc.nat(60_000), fc.nat(100_000), (request, file, timeoutMs) => {
        const body = Buffer.from(requestFrame(1, file, timeoutMs, request)!.subarray(FRAME_BYTES_MIN));
        expect(readRequest(body)).toEqual(request);
        const reader = new RequestReader(body);
        expect([reader.file, reader.timeoutMs]).toEqual([file, timeoutMs]);
      }),
      { numRuns: 300 },
    );
  });

  test("requestFrame() gives nothing when the request is larger than a rule gets to see", () => {
    const texts = {
      method: "GET",
      scheme: "http",
      host: "h",
      path: "/",
      query: "",
      client: "c",
      route: "r",
      params: {},
    };
    expect(requestFrame(1, 0, 1, { ...texts, headers: { big: "x".repeat(400_000) } })).toBeUndefined();
  });
});

describe("FrameReader.push()", () => {
  test("push() gives every frame once and whole when the bytes come in pieces", () => {
    const frames = fc.array(fc.tuple(fc.nat(255), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 50 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(70), { minLength: 1 }), (all, cuts) => {
        const bytes = Buffer.concat(all.map(([kind, id, body]) => frameOf(kind, id, body)));
        const read: [number, number, string][] = [];
        const reader = new FrameReader((kind, id, body) => void read.push([kind, id, body.toString("hex")]));
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts[turn % cuts.length]! + 1;
          expect(reader.push(Buffer.from(bytes.subarray(at, at + length)))).toBe(true);
          at += length;
        }
        expect(read).toEqual(all.map(([kind, id, body]) => [kind, id, Buffer.from(body).toString("hex")]));
      }),
    );
  });

  test("push() says false when a frame has a length that none can have", () => {
    for (const length of [0, 4, 5_000_000, 0xffff_ffff]) {
      const bytes = Buffer.alloc(FRAME_BYTES_MIN);
      bytes.writeUInt32LE(length);
      expect(new FrameReader(() => {}).push(bytes)).toBe(false);
    }
  });
});
