/** What bodies keep in memory while they are not whole: whoever sends them in tiny pieces gets no more than others. */
import { expect, test } from "bun:test";
import { collectBody } from "../../../../../src/edge/gateway/convert/flow.ts";
import { JsonBodyStream } from "../../../../../src/edge/gateway/convert/json-body-stream.ts";
import { TextStream } from "../../../../../src/edge/gateway/convert/text-stream.ts";
import { Turns } from "../../../../../src/edge/gateway/convert/turns.ts";
import type { BodySink } from "../../../../../src/wire/http/index.ts";
import { FrameReader } from "../../../../../src/wire/protobuf/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { TestBody } from "./fakes.ts";

const COUNT = 500;
const FRAME = Buffer.alloc(5);
FRAME.writeUInt32BE(COUNT + 1, 1);

const takers: readonly [string, first: Uint8Array, () => Pick<BodySink, "write">][] = [
  [
    "collectBody()",
    Buffer.from(" "),
    () => {
      const body = new TestBody();
      collectBody(body, 100_000, () => {});
      return body.sink!;
    },
  ],
  [
    "JsonBodyStream",
    Buffer.from("["),
    () =>
      new JsonBodyStream([], 100_000, new Turns(new SteppedClock()), {
        // biome-ignore lint/correctness/useYield: a conversion that is done at once
        *convert(text) {
          return Buffer.from(text);
        },
        onBroken() {},
      }),
  ],
  [
    "TextStream",
    Buffer.from(" "),
    () => new TextStream(false, 100_000, { onText: () => true, onEnd() {}, onBroken() {} }),
  ],
  [
    "FrameReader",
    FRAME,
    () => {
      const reader = new FrameReader({ messageBytesMax: 100_000 }, "identity", () => {});
      return {
        write: (chunk) => {
          reader.write(chunk);
          return true;
        },
      };
    },
  ],
];

test.each(takers)(
  "%s keeps little more than the body when its pieces are small parts of what was read",
  (_, first, make) => {
    const taker = make();
    taker.write(first);
    Bun.gc(true);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < COUNT; at++) taker.write(new Uint8Array(65_536).fill(0x20).subarray(at, at + 1));
    Bun.gc(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024); // what was read were 32 MiB
    taker.write(Buffer.from(" "));
  },
);
