/**
 * The cluster benchmark: pipelines on a master and workers. `chaos` kills their processes and holds the outcome against what
 * it has to be; the others measure. `--help` says what; README.md one level up says what came out.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";

async function main(options: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "cluster-bench-"));
  const executable = options.executable ?? (await buildExecutable());
  console.log(`${machineText(directory)}\n`);
  const code = await measure({ directory, executable }, options);
  if (code === 0 && !options.keep) rmSync(directory, { recursive: true, force: true });
  return code;
}

async function measure(place: { readonly directory: string; readonly executable: string }, options: Options) {
  if (options.what === "chaos") return (await import("./chaos-rounds.ts")).chaosRounds(place, options);
  return (await import("./rates.ts")).measureRates(place, options);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
