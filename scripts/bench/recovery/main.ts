/**
 * The recovery benchmark: how soon a stage works again when its process is killed, what thousands of crashes and hundreds
 * of swaps cost, and other supervisors beside ours. `--help` says what it measures; README.md one level up says what came out.
 * Exit code 1 says that records were lost, doubled or changed, or processes left behind; no time decides it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { makeInput } from "../common/orders.ts";
import { type Measurement, type Options, parseOptions, USAGE } from "./options.ts";

/** So that most swaps come in one run: about what goes through at full speed while one is done. */
const RECORDS_A_SWAP = 25_000;

const TITLES: Readonly<Record<Measurement, string>> = {
  cold: "kill -9 of a host, a new process for it",
  standby: "kill -9 of a host, standby=1",
  crashes: "a plugin that dies again and again",
  swap: "hot swaps under full load",
  peers: "supervisors side by side",
};

async function main(options: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "recovery-bench-"));
  try {
    console.log(machineText(directory));
    let worst = 0;
    for (const measurement of options.only) {
      console.log(`\n${TITLES[measurement]}\n`);
      worst = Math.max(worst, await measure(measurement, options, directory));
    }
    return worst;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(measurement: Measurement, options: Options, directory: string): Promise<number> {
  if (measurement === "peers") return (await import("./peers/peers.ts")).comparePeers(directory, options.kills);
  const executable = await buildExecutable();
  if (measurement === "crashes") {
    return (await import("./crashes.ts")).measureCrashes({ directory, executable }, options.crashes);
  }
  const records = measurement === "swap" ? Math.max(options.records, options.swaps * RECORDS_A_SWAP) : options.records;
  const site = { directory, executable, input: makeInput(directory, records) };
  if (measurement === "swap") return (await import("./swaps.ts")).measureSwaps(site, options.swaps);
  const { measureHostKills } = await import("./host-kills.ts");
  return measureHostKills(site, { kills: options.kills, standby: measurement === "standby" ? 1 : 0 });
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
