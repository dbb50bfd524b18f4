/** The queue of our masters: three with fsync, and a group of one. The load is a program with a node of its own, and `consume` as programs have it. */
import { join } from "node:path";
import { resultOf } from "../contestant.ts";
import { Masters } from "../masters.ts";
import type { Site } from "../site.ts";
import type { QueueContestant, QueueResult, QueueWork } from "./work.ts";

const SIZES = [3, 1] as const;

export function ours(site: Site): readonly QueueContestant[] {
  return SIZES.map((size) => ({
    name: `ours-${size}`,
    label: `ours, ${size === 1 ? "a master alone" : `${size} masters`}, fsync`,
    async run(work) {
      const directory = join(site.directory, `queue-${size}`);
      await using masters = await Masters.start({ executable: site.executable, directory, size });
      return await loadOurs(masters, work);
    },
  }));
}

export function loadOurs(
  masters: Masters,
  work: QueueWork,
  env: Readonly<Record<string, string>> = {},
): Promise<QueueResult> {
  const words = JSON.stringify({ ...work, endpoints: masters.addresses, dataDir: masters.dataDir });
  return resultOf<QueueResult>([process.execPath, join(import.meta.dir, "ours-load.ts"), words], env);
}
