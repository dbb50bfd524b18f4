/**
 * The pipeline benchmark: one million generated orders through five isolated plugins, beside other tools doing the same,
 * in one run on one machine. `--help` says what else it measures; README.md one level up says what came out.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatBytes, formatCount } from "../../../src/base/units.ts";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { makeInput } from "../common/orders.ts";
import { pipelineText } from "../common/orders-pipeline.ts";
import { compare } from "./compare.ts";
import type { Site } from "./contestants.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";

async function main(options: Options): Promise<number> {
  const executable = await buildExecutable();
  const directory = options.keep ? keptDirectory() : mkdtempSync(join(tmpdir(), "pipeline-bench-"));
  try {
    const input = makeInput(directory, options.records);
    console.log(machineText(directory));
    console.log(`${formatCount(input.records)} orders, ${formatBytes(input.bytes)}\n`);
    const pipeline = join(directory, "pipeline.txt");
    writeFileSync(pipeline, pipelineText({ input, output: join(directory, "ours.ndjson"), policy: "FAIL_FAST|0" }));
    return await measureBy(options, { input, directory, executable, pipeline });
  } finally {
    if (options.keep) console.log(`\nkept: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

async function measureBy(options: Options, site: Site): Promise<number> {
  if (options.mode === "memory") return (await import("./memory.ts")).measureMemory(site);
  if (options.mode === "profile") return (await import("./profile.ts")).profile(site);
  return compare(site, options);
}

function keptDirectory(): string {
  const directory = join(tmpdir(), "pipeline-bench");
  mkdirSync(directory, { recursive: true });
  return directory;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
