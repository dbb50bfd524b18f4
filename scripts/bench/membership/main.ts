/**
 * The membership benchmark: real processes that find each other; how soon a killed one is known to be dead, beside Serf, and
 * whether a crowd of them keeps quiet. `--help` says what it measures; README.md one level up says what came out.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "../../../test/support/free-port.ts";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { table } from "../common/table.ts";
import { wholeNumber } from "../common/whole-number.ts";
import { CROWD_HEADER, crowdRow, measureCrowd } from "./crowd.ts";
import { DETECTION_HEADER, detectionRow, measureDetection } from "./detection.ts";
import type { Make } from "./fleet.ts";
import { ours, serf } from "./makes.ts";

const NODES = 16;

const USAGE = `npm run bench:membership -- [options]
  --only detection | crowd   one of the two
  --kills N                  of each make (default 30)
  --crowd N                  processes that are left alone (default 100)
  --minutes N                for how long (default 10)`;

interface Options {
  readonly only: string | undefined;
  readonly kills: number;
  readonly crowd: number;
  readonly minutes: number;
}

async function main({ only, kills, crowd, minutes }: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "membership-bench-"));
  try {
    const executable = await buildExecutable();
    console.log(machineText(directory));
    if (only !== "crowd") await compareDetection(await makes(executable, directory), kills);
    if (only === "detection") return 0;
    const result = await measureCrowd(ours(executable, directory, "local"), crowd, minutes);
    console.log(`\n${table(CROWD_HEADER, [crowdRow(result)])}`);
    return result.deaths === 0 ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function compareDetection(all: readonly Make[], kills: number): Promise<void> {
  const rows: (readonly string[])[] = [];
  for (const make of all) rows.push(detectionRow(await measureDetection(make, NODES, kills)));
  console.log(`\n${table(DETECTION_HEADER, rows)}`);
}

async function makes(executable: string, directory: string): Promise<readonly Make[]> {
  const own = [ours(executable, directory, "local"), ours(executable, directory, "lan")];
  if (Bun.which("serf") === null) {
    console.log("serf is not installed (apt-get install serf): not compared");
    return own;
  }
  const free = await freePorts(NODES);
  const taken = new Map<number, number>();
  const rpcPort = (port: number): number => {
    if (!taken.has(port)) taken.set(port, free[taken.size % free.length]!);
    return taken.get(port)!;
  };
  return [...own, serf("local", rpcPort), serf("lan", (port) => rpcPort(port))];
}

const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    only: { type: "string" },
    kills: { type: "string" },
    crowd: { type: "string" },
    minutes: { type: "string" },
  },
});
if (values.help) console.log(USAGE);
else if (values.only !== undefined && values.only !== "detection" && values.only !== "crowd") {
  console.error(`--only is ${JSON.stringify(values.only)}; detection or crowd is required`);
  process.exitCode = 64;
} else {
  process.exitCode = await main({
    only: values.only,
    kills: wholeNumber("kills", values.kills, 30),
    crowd: wholeNumber("crowd", values.crowd, 100),
    minutes: wholeNumber("minutes", values.minutes, 10),
  });
}
