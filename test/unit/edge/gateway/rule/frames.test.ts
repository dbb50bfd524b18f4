import { describe, expect, test } from "bun:test";
import { DECIDED, FAILED, FrameReader, frameOf } from "../../../../../src/edge/gateway/rule/frames.ts";

function reader(): { readonly seen: unknown[]; readonly frames: FrameReader } {
  const seen: unknown[] = [];
  return { seen, frames: new FrameReader((kind, id, body) => void seen.push([kind, id, body.toString()])) };
}

describe("FrameReader", () => {
  test("push() gives each frame once it is whole when they come in any pieces", () => {
    const bytes = Buffer.concat([frameOf(DECIDED, 1, "one"), frameOf(FAILED, 2, ""), frameOf(DECIDED, 3, "three")]);
    for (let size = 1; size <= bytes.length; size++) {
      const { seen, frames } = reader();
      for (let at = 0; at < bytes.length; at += size) expect(frames.push(bytes.subarray(at, at + size))).toBe(true);
      expect(seen).toEqual([
        [DECIDED, 1, "one"],
        [FAILED, 2, ""],
        [DECIDED, 3, "three"],
      ]);
    }
  });

  test("push() reads nothing more when a length was wrong, however well the next bytes look", () => {
    for (const wrong of ["garbage ".repeat(10), "\x04\0\0\0 less than a header"]) {
      const { seen, frames } = reader();
      expect(frames.push(frameOf(DECIDED, 1, "before"))).toBe(true);
      expect(frames.push(Buffer.from(wrong))).toBe(false);
      expect(frames.push(frameOf(DECIDED, 2, "after"))).toBe(false);
      expect(seen).toEqual([[DECIDED, 1, "before"]]);
    }
  });
});
