import { describe, expect, test } from "bun:test";
import { machineId, placeOfSegment, SharedMemory } from "../../../../../src/process/memory/index.ts";
import { contentFor, ForeignSegments } from "../../../../../src/work/pipeline/dispatch/contents.ts";

const SIZE = 64 * 1024;
const HERE = machineId();

/** A segment with `text` at `offset`, and where it is. */
function segmentWith(text: string, offset: number) {
  const segment = new SharedMemory().createSegment(SIZE);
  segment.view.set(Buffer.from(text), offset);
  return { segment, place: placeOfSegment(segment, HERE), view: segment.view.subarray(offset, offset + text.length) };
}

describe("contentFor()", () => {
  test("names the place for a process of the same machine, and gives the bytes to any other", () => {
    const { place, segment, view } = segmentWith("a batch", 256);
    const batch = { view, shared: { place, offset: 256 } };
    expect(contentFor(batch, HERE)).toEqual({ place, offset: 256, bytes: 7 });
    for (const machine of ["", "elsewhere"]) expect(contentFor(batch, machine)).toBe(view);
    expect(contentFor({ view }, HERE)).toBe(view);
    segment.close();
  });
});

describe("ForeignSegments", () => {
  test("batchOf() gives the very bytes that were named, and gives them on by their place", () => {
    const { place, segment, view } = segmentWith("a batch", 512);
    const released: string[] = [];
    const batch = new ForeignSegments().batchOf(contentFor({ view, shared: { place, offset: 512 } }, HERE), () =>
      released.push("once"),
    );
    expect(Buffer.from(batch.view).toString()).toBe("a batch");
    segment.view[512] = "A".charCodeAt(0);
    expect(Buffer.from(batch.view).toString()).toBe("A batch");
    expect(contentFor(batch, HERE)).toEqual({ place, offset: 512, bytes: 7 });
    batch.release();
    expect(released).toEqual(["once"]);
    segment.close();
  });

  test("batchOf() takes bytes as they are, and can give on only bytes", () => {
    const bytes = Buffer.from("bytes");
    const batch = new ForeignSegments().batchOf(bytes, () => {});
    expect(batch.view).toBe(bytes);
    expect(contentFor(batch, HERE)).toBe(bytes);
  });

  test("batchOf() and canReach() say so when whoever had the segment is gone", () => {
    const { place, segment } = segmentWith("x", 0);
    segment.close();
    const segments = new ForeignSegments();
    expect(segments.canReach(place)).toBe(false);
    expect(() => segments.batchOf({ place, offset: 0, bytes: 1 }, () => {})).toThrow(
      expect.objectContaining({ code: "memory.not_attached" }),
    );
  });

  test("batchOf() refuses a place outside of the segment", () => {
    const { place, segment } = segmentWith("x", 0);
    const segments = new ForeignSegments();
    for (const [offset, bytes] of [
      [SIZE, 1],
      [0, SIZE + 1],
      [SIZE - 1, 2],
    ] as const) {
      expect(() => segments.batchOf({ place, offset, bytes }, () => {})).toThrow("slot");
    }
    segment.close();
  });

  test("batchOf() reads on what it has mapped when its owner has closed it, until it is forgotten", () => {
    const { place, segment, view } = segmentWith("kept", 0);
    const segments = new ForeignSegments();
    const content = contentFor({ view, shared: { place, offset: 0 } }, HERE);
    expect(segments.canReach(place)).toBe(true);
    segment.close();
    expect(Buffer.from(segments.batchOf(content, () => {}).view).toString()).toBe("kept");
    segments.forget({ ...place, inode: place.inode + 1 });
    expect(segments.canReach(place)).toBe(true);
    segments.forget(place);
    expect(segments.canReach(place)).toBe(false);
  });

  test("batchOf() keeps no segment mapped that is not there any more, when another one comes", () => {
    const segments = new ForeignSegments();
    const [kept, gone] = [segmentWith("kept", 0), segmentWith("gone", 0)];
    const content = contentFor({ view: gone.view, shared: { place: gone.place, offset: 0 } }, HERE);
    expect(segments.canReach(kept.place)).toBe(true);
    const { view } = segments.batchOf(content, () => {});
    gone.segment.close();
    expect(segments.size).toBe(2);
    const come = segmentWith("come", 0);
    expect([segments.canReach(come.place), segments.size]).toEqual([true, 2]);
    expect([segments.canReach(gone.place), segments.canReach(kept.place)]).toEqual([false, true]);
    expect(Buffer.from(view).toString()).toBe("gone"); // a view in use keeps what it shows
    for (const { segment } of [kept, come]) segment.close();
  });
});
