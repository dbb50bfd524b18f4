/** Whether memory stays flat over a long input: the sum of all processes' own memory, first quarter against last. */
import { formatBytes } from "../../../src/base/units.ts";
import { type Measured, measure } from "../common/measure.ts";
import { mean } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { contestants, type Site } from "./contestants.ts";

const SAMPLE_EVERY_MS = 200;
const LIMIT_BYTES = 600 * 1024 * 1024;

/** Gives the exit code: 1 when the limit was passed. */
export async function measureMemory(site: Site): Promise<number> {
  const ours = contestants(site, () => {}).find(({ name }) => name === "ours")!;
  const measured = await measure(ours.argv, { sampleEveryMs: SAMPLE_EVERY_MS });
  const { samples, wallMs, ownBytesPeak } = measured;
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const average = (from: number, to?: number): number => mean(samples.slice(from, to).map(({ ownBytes }) => ownBytes));
  const [first, last] = [average(0, quarter), average(-quarter)];
  const seconds = wallMs / 1000;
  console.log(
    `${seconds.toFixed(1)} s, ${(site.input.bytes / 1e6 / seconds).toFixed(0)} MB/s, ${samples.length} samples`,
  );
  console.log(`own memory of all processes: first quarter ${formatBytes(first)}, last quarter ${formatBytes(last)}`);
  console.log(`peak ${formatBytes(ownBytesPeak)}; the limit is ${formatBytes(LIMIT_BYTES)}\n`);
  console.log(perProcess(measured));
  return ownBytesPeak > LIMIT_BYTES ? 1 : 0;
}

function perProcess({ processes }: Measured): string {
  const rows = [...processes]
    .sort((a, b) => b.ownBytesPeak - a.ownBytesPeak)
    .map(({ command, pid, ownBytesPeak, sharedBytes }) => [
      command.includes("plugin-host") ? `plugin host ${pid}` : "main process",
      formatBytes(ownBytesPeak),
      formatBytes(sharedBytes),
    ]);
  return table(["process", "own, peak", "shared memory touched"], rows);
}
