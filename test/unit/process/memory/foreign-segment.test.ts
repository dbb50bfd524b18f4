import { describe, expect, test } from "bun:test";
import {
  attachForeign,
  machineId,
  placeOfSegment,
  type SegmentPlace,
  SharedMemory,
} from "../../../../src/process/memory/index.ts";

const SIZE = 128 * 1024;

describe("attachForeign()", () => {
  test("maps the same memory when another process is told its place", async () => {
    const segment = new SharedMemory().createSegment(SIZE);
    segment.view.set([1, 2, 3]);
    const place = placeOfSegment(segment, machineId());
    const door = `${import.meta.dir}/../../../../src/process/memory/index.ts`;
    const code = `const { attachForeign } = await import(${JSON.stringify(door)});
      const { view } = attachForeign(${JSON.stringify(place)});
      view[3] = view[2] + 1;
      console.log(view[0], view[1], view[2]);`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
    expect((await child.stdout.text()).trim()).toBe("1 2 3");
    expect(await child.exited).toBe(0);
    expect(segment.view[3]).toBe(4);
    segment.close();
  });

  test("keeps what was there when whoever made it is gone", () => {
    const segment = new SharedMemory().createSegment(SIZE);
    segment.view.set([7]);
    const { view } = attachForeign(placeOfSegment(segment, machineId()));
    segment.close();
    expect(view[0]).toBe(7);
  });

  const wrong: Readonly<Record<string, (place: SegmentPlace) => SegmentPlace>> = {
    "on another machine": (place) => ({ ...place, machine: "elsewhere" }),
    "another inode": (place) => ({ ...place, inode: place.inode + 1 }),
    "of another size": (place) => ({ ...place, sizeBytes: place.sizeBytes * 2 }),
    "an ordinary file": (place) => ({ ...place, fd: 0 }),
    nowhere: (place) => ({ ...place, fd: 100_000 }),
  };
  for (const [what, change] of Object.entries(wrong)) {
    test(`fails with memory.not_attached when the place is ${what}`, () => {
      const segment = new SharedMemory().createSegment(SIZE);
      const place = change(placeOfSegment(segment, machineId()));
      expect(() => attachForeign(place)).toThrow(expect.objectContaining({ code: "memory.not_attached" }));
      segment.close();
    });
  }
});
