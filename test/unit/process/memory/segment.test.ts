import { describe, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attachSegment, SharedMemory } from "../../../../src/process/memory/index.ts";

const MIB = 1024 * 1024;

function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "segment-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function duplicate(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, "r+");
}

describe("SharedMemory", () => {
  test("createSegment() leaves no file behind while it is in use", () => {
    using directory = temporary();
    const segment = new SharedMemory({ directories: [directory.path] }).createSegment(65536);
    segment.view[65535] = 9;
    expect(readdirSync(directory.path)).toEqual([]);
    expect([segment.view.length, segment.directory]).toEqual([65536, directory.path]);
    segment.close();
  });

  test("createSegment() makes a descriptor that is closed in a child that was not given it", () => {
    const segment = new SharedMemory().createSegment(65536);
    const flags = /flags:\s+([0-7]+)/.exec(readFileSync(`/proc/self/fdinfo/${segment.fd}`, "utf8"))?.[1];
    expect(Number.parseInt(flags!, 8) & 0o2000000).toBe(0o2000000);
    segment.close();
  });

  test("createSegment() falls back to the next directory when the first does not take it", () => {
    using directory = temporary();
    const segment = new SharedMemory({ directories: [join(directory.path, "missing"), directory.path] }).createSegment(
      65536,
    );
    expect(segment.directory).toBe(directory.path);
    segment.close();
  });

  test("createSegment() fails with memory.no_space when no directory has the room", () => {
    const petabyte = 2 ** 50;
    expect(() => new SharedMemory().createSegment(petabyte)).toThrow(
      expect.objectContaining({ code: "memory.no_space" }),
    );
  });

  test("createSegment() counts what earlier segments may still grow to", () => {
    using directory = temporary();
    const memory = new SharedMemory({ directories: [directory.path], freeBytesOf: () => 10 * MIB });
    const first = memory.createSegment(5 * MIB);
    expect(() => memory.createSegment(5 * MIB)).toThrow("5.0 MiB free");
    memory.createSegment(4 * MIB).close();
    first.close();
    memory.createSegment(9 * MIB).close();
  });

  test("createSegment() passes over a name that a dead process left behind", () => {
    using directory = temporary();
    writeFileSync(join(directory.path, `distributed_system-${process.pid}-0`), "");
    const segment = new SharedMemory({ directories: [directory.path] }).createSegment(4096);
    expect(readdirSync(directory.path)).toHaveLength(1);
    segment.close();
  });

  test("createSegment() fails with memory.bad_size when the size is not positive", () => {
    expect(() => new SharedMemory().createSegment(0)).toThrow("size is 0");
  });

  test("close() gives the descriptor up once only", () => {
    const segment = new SharedMemory().createSegment(4096);
    segment.close();
    expect(() => fstatSync(segment.fd)).toThrow();
    const reused = openSync("/dev/null", "r");
    segment.close();
    expect(fstatSync(reused).isCharacterDevice()).toBe(true);
    closeSync(reused);
  });
});

describe("attachSegment()", () => {
  test("attachSegment() sees what the owner writes and closes the descriptor", () => {
    const segment = new SharedMemory().createSegment(65536);
    const fd = duplicate(segment.fd);
    const attached = attachSegment(fd, 65536);
    segment.view[3] = 11;
    expect([...attached.slot(3, 1)]).toEqual([11]);
    expect(() => fstatSync(fd)).toThrow();
    segment.close();
  });

  test("attachSegment() fails with memory.not_attached when the descriptor is none or another file", () => {
    expect(() => attachSegment(987, 65536)).toThrow(expect.objectContaining({ code: "memory.not_attached" }));
    const segment = new SharedMemory().createSegment(4096);
    const fd = duplicate(segment.fd);
    expect(() => attachSegment(fd, 65536)).toThrow("it has 4096 bytes");
    closeSync(fd);
    segment.close();
  });

  test("slot() fails with memory.slot_out_of_range when any byte lies outside", () => {
    const segment = new SharedMemory().createSegment(4096);
    const attached = attachSegment(duplicate(segment.fd), 4096);
    for (const [offset, size] of [
      [-1, 1],
      [4096, 1],
      [0, 4097],
      [1.5, 1],
      [0, -1],
      [Number.NaN, 1],
      [2 ** 53, 1],
    ] as const) {
      expect(() => attached.slot(offset, size)).toThrow(expect.objectContaining({ code: "memory.slot_out_of_range" }));
    }
    expect(attached.slot(4096, 0)).toHaveLength(0);
    segment.close();
  });
});
