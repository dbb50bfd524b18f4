import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { BunSocket } from "../../../../../src/edge/gateway/upstream/socket.ts";

const READ_BYTES = 512 * 1_024;

/** A socket over a system that takes only so many bytes; what it was handed is kept. */
function narrow(): { socket: BunSocket; handed: Uint8Array[]; told: string[]; room: number } {
  const socket = new BunSocket({ opened: () => {}, failed: () => {} }, false);
  const rig = { socket, handed: [] as Uint8Array[], told: [] as string[], room: 0 };
  const write = (bytes: Uint8Array): number => {
    const taken = Math.min(rig.room, bytes.byteLength);
    rig.room -= taken;
    rig.handed.push(bytes);
    return taken;
  };
  const end = (): void => void rig.told.push("end");
  const terminate = (): void => void rig.told.push("terminate");
  const timeout = (): void => void rig.told.push("timeout");
  socket.connected({ write, end, terminate, timeout } as unknown as Socket<BunSocket>); // only what is called
  return rig;
}

test("write() lets a large read go when only a small part of it has to wait", () => {
  const rig = narrow();
  const read = new Uint8Array(READ_BYTES).map((_, at) => at % 251);
  rig.room = 90_000;
  rig.socket.write(read.subarray(0, 100_000));
  rig.socket.write(read.subarray(100_000, 110_000));
  rig.room = 4_000;
  rig.socket.drained();
  rig.room = READ_BYTES;
  rig.socket.drained();
  expect(rig.handed.map(({ byteLength }) => byteLength)).toEqual([100_000, 10_000, 6_000, 10_000]);
  expect(rig.handed.slice(1).map(({ buffer }) => buffer.byteLength)).toEqual([10_000, 6_000, 10_000]);
  expect(Buffer.concat(rig.handed.slice(2))).toEqual(Buffer.from(read.subarray(94_000, 110_000)));
});

test("destroy() leaves what waits to be sent when end() was called before, as long as it has time", () => {
  const taken = narrow();
  taken.socket.write(new Uint8Array(1_000));
  taken.socket.overdue(); // it has not ended: that means nothing
  taken.socket.end();
  taken.socket.destroy();
  expect([taken.told, taken.socket.waitingBytes]).toEqual([["timeout"], 1_000]);
  taken.room = 1_000;
  taken.socket.drained();
  expect(taken.told).toEqual(["timeout", "end"]);
  const stuck = narrow();
  stuck.socket.write(new Uint8Array(1_000));
  stuck.socket.end();
  stuck.socket.destroy();
  stuck.socket.overdue();
  expect([stuck.told, stuck.socket.waitingBytes]).toEqual([["timeout", "terminate"], 0]);
  const broken = narrow();
  broken.socket.write(new Uint8Array(1_000));
  broken.socket.destroy();
  expect([broken.told, broken.socket.waitingBytes]).toEqual([["terminate"], 0]);
});
