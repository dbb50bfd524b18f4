/**
 * The cluster benchmark: pipelines on a master and workers. `chaos` kills their processes and holds the outcome against what
 * it has to be. `--help` says what it measures; README.md one level up says what came out.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { makeInput } from "../common/orders.ts";
import { runChaos } from "./chaos.ts";
import { KINDS } from "./mischief.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";

async function main(options: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "cluster-bench-"));
  let failed = false;
  try {
    const executable = options.executable ?? (await buildExecutable());
    for (let round = 0; round < options.rounds; round++) {
      const seed = options.seed + round;
      const place = join(directory, String(seed));
      const site = { directory: place, executable, input: makeInput(directory, options.records) };
      try {
        const result = await runChaos(site, { ...options, seed });
        const kinds = KINDS.map((kind) => `${result.deeds.filter((deed) => deed.kind === kind).length} ${kind}`);
        console.log(
          `seed ${seed}: ${kinds.join(", ")}; ${result.rewinds} rewinds, ${(result.tookMs / 1000).toFixed(1)} s`,
        );
        if (result.faults.length > 0) throw new Error(result.faults.join("\n"));
        rmSync(place, { recursive: true, force: true });
      } catch (thrown) {
        failed = true;
        console.error(`seed ${seed}: ${thrown instanceof Error ? thrown.message : thrown}`);
        console.error(
          `replay: npm run bench:cluster -- chaos --seed ${seed} --records ${options.records} --every ${options.everyMs}ms --minutes ${options.minutes} --workers ${options.workers}`,
        );
        console.error(`left for a look: ${place}`);
        break;
      }
    }
  } finally {
    if (!failed) rmSync(directory, { recursive: true, force: true });
  }
  return failed ? 1 : 0;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
