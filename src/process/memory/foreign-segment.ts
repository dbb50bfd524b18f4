/**
 * A segment of another process of this machine, which is no parent of ours: found by that process's number and descriptor, as
 * /proc shows them, and mapped only when it is the very file that was named. Whoever may open it runs under the same user, so
 * nothing is reached that a debugger could not reach; on another machine, in another container, nothing is found.
 *
 * A mapping outlives the process that made the segment: what lay there when it died stays until the last view is gone.
 */
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { Failure, messageOf } from "../../base/errors.ts";
import { type AttachedSegment, mapSegment, type Segment } from "./segment.ts";

/** Where a segment is to be found, for another process. Plain data. */
export interface SegmentPlace {
  readonly machine: string;
  readonly pid: number;
  readonly fd: number;
  readonly inode: number;
  readonly sizeBytes: number;
}

/** Another program's file would have another name. */
const NAME = /\/distributed_system-\d+-\d+ \(deleted\)$/;

/** The same for two processes that may share memory: one boot of one kernel, one space of process numbers, one user. */
export function machineId(): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${boot}:${readlinkSync("/proc/self/ns/pid")}:${process.getuid?.() ?? 0}`;
}

export function placeOfSegment({ fd, sizeBytes }: Pick<Segment, "fd" | "sizeBytes">, machine: string): SegmentPlace {
  return { machine, pid: process.pid, fd, inode: fstatSync(fd).ino, sizeBytes };
}

/** Fails with `memory.not_attached` when it is not there, or something else is. */
export function attachForeign({ fd, inode, machine, pid, sizeBytes }: SegmentPlace): AttachedSegment {
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    if (machine !== machineId()) throw new Error("it lies on another machine");
    if (!NAME.test(readlinkSync(path))) throw new Error("it is no segment");
    const own = openSync(path, "r+");
    try {
      const { ino, size } = fstatSync(own);
      if (ino !== inode || size !== sizeBytes) throw new Error("it is another segment");
      return mapSegment(own, sizeBytes);
    } finally {
      closeSync(own);
    }
  } catch (thrown) {
    const message = `attach shared memory of process ${pid}: ${messageOf(thrown)}; a segment of ${sizeBytes} bytes is required`;
    throw new Failure("memory.not_attached", message, { cause: thrown });
  }
}
