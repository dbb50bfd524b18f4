/** The machine's figures, to read the others by: a ratio between two programs travels, records per second do not. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { formatBytes } from "../../../src/base/units.ts";
import { median } from "./statistics.ts";

const COPY_BYTES = 256 * 1024 * 1024;
const COPIES = 5;
const SYNCS = 100;
const SYNC_BYTES = 4096;

export function machineText(directory: string): string {
  const all = cpus();
  const [load] = loadavg() as [number];
  return [
    `${all.length} cores of ${all[0]?.model.trim() ?? "unknown"}, ${formatBytes(totalmem())} memory, load ${load.toFixed(1)}`,
    `memcpy ${copySpeed().toFixed(1)} GB/s, write + fdatasync of 4 KiB ${syncMs(directory).toFixed(2)} ms, Bun ${Bun.version}`,
  ].join("\n");
}

/** Gigabytes copied a second, best of some. */
function copySpeed(): number {
  const source = new Uint8Array(COPY_BYTES).fill(1);
  const target = new Uint8Array(COPY_BYTES).fill(2);
  const times = Array.from({ length: COPIES }, () => timed(() => target.set(source)));
  return COPY_BYTES / 1e6 / Math.min(...times);
}

function syncMs(directory: string): number {
  const path = join(directory, "sync-probe");
  const fd = openSync(path, "w");
  const block = new Uint8Array(SYNC_BYTES);
  const times = Array.from({ length: SYNCS }, () =>
    timed(() => {
      writeSync(fd, block);
      fdatasyncSync(fd);
    }),
  );
  closeSync(fd);
  rmSync(path);
  return median(times);
}

function timed(work: () => unknown): number {
  const from = systemClock.monotonic();
  work();
  return systemClock.monotonic() - from;
}
