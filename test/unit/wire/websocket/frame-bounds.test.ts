/** Frames that pass by, however they are cut. */
import { expect, test } from "bun:test";
import { FrameBounds, OPCODE, writeFrame } from "../../../../src/wire/websocket/index.ts";

test("FrameBounds knows after each byte whether a frame is owed, of all forms of length, masked or not", () => {
  const mask = new Uint8Array([1, 2, 3, 4]);
  const frames = [0, 1, 125, 126, 65_535, 65_536].flatMap((size) => [
    writeFrame(OPCODE.binary, new Uint8Array(size), undefined, size !== 1),
    writeFrame(OPCODE.text, new Uint8Array(size), mask),
  ]);
  const bytes = Buffer.concat(frames);
  const ends = new Set<number>();
  let end = 0;
  for (const { length } of frames) {
    end += length;
    ends.add(end);
  }
  const single = new FrameBounds();
  const found = new Set<number>();
  for (let at = 0; at < bytes.length; at++) {
    single.follow(bytes.subarray(at, at + 1));
    if (single.isBetween) found.add(at + 1);
  }
  expect(found).toEqual(ends);
  const whole = new FrameBounds();
  whole.follow(bytes);
  expect(whole.isBetween).toBe(true);
  whole.follow(writeFrame(OPCODE.close, new Uint8Array(2), undefined));
  expect(whole.isBetween).toBe(false); // it was the last
});
