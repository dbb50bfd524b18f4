/**
 * Where the CPU time of one run goes: by process, from /proc, just before each ends; then by function,
 * from the profiler that is built into the runtime; then by kernel and library symbol where perf is installed.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatBytes } from "../../../src/base/units.ts";
import type { LoggedEvent } from "../common/event-tail.ts";
import { type Measured, measure } from "../common/measure.ts";
import { table } from "../common/table.ts";
import { contestants, type Site } from "./contestants.ts";
import { hottestFunctions } from "./cpu-profile.ts";

/** Short: what a process does after its last sample is not seen. */
const SAMPLE_EVERY_MS = 10;
const PERF_LINES = 25;
const PERF_HERTZ = 499;

export async function profile(site: Site): Promise<number> {
  const ours = contestants(site, () => {}).find(({ name }) => name === "ours")!;
  const events = join(site.directory, "profile-events.ndjson");
  rmSync(events, { force: true });
  const measured = await measure([...ours.argv, "--events", events], { sampleEveryMs: SAMPLE_EVERY_MS });
  const names = stagesByPid(events);
  console.log(processTable(measured, names));
  console.log(`\n${(measured.wallMs / 1000).toFixed(2)} s, ${measured.cpuSeconds.toFixed(2)} CPU s in all\n`);
  await byFunction(site, ours.argv);
  byPerf(site, ours.argv);
  return 0;
}

function stagesByPid(path: string): Map<number, string> {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line) as LoggedEvent); // written by our own event log
  return new Map(
    events.flatMap((event) => ("pid" in event && event.pid !== undefined ? [[event.pid, event.stage] as const] : [])),
  );
}

function processTable({ processes }: Measured, names: ReadonlyMap<number, string>): string {
  const rows = processes.map(({ pid, command, userSeconds, systemSeconds, ownBytesPeak, mainThreadSeconds }) => [
    names.get(pid) ?? (command.includes("plugin-host") ? "(looking at a plugin)" : "main process"),
    userSeconds.toFixed(2),
    systemSeconds.toFixed(2),
    mainThreadSeconds.toFixed(2),
    (userSeconds + systemSeconds - mainThreadSeconds).toFixed(2),
    formatBytes(ownBytesPeak),
  ]);
  return table(["CPU seconds", "user", "system", "main thread", "other threads", "own memory"], rows);
}

/** The runtime of the compiled executable takes its flags from BUN_OPTIONS; each process writes a profile as it ends. */
async function byFunction(site: Site, argv: readonly string[]): Promise<void> {
  const folder = join(site.directory, "cpu-profiles");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  await measure(argv, { env: { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` } });
  console.log(`${hottestFunctions(folder)}\n`);
}

function byPerf({ directory }: Site, argv: readonly string[]): void {
  if (Bun.which("perf") === null) return console.log("perf is not installed: no view of the kernel's part");
  const data = join(directory, "perf.data");
  const record = ["perf", "record", "--quiet", "-F", String(PERF_HERTZ), "-o", data, "--", ...argv];
  if (Bun.spawnSync(record).exitCode !== 0) return console.log("perf may not record here");
  for (const sort of ["dso", "comm", "sym"]) {
    const { stdout } = Bun.spawnSync(["perf", "report", "-i", data, "--sort", sort, "--stdio"]);
    const lines = stdout
      .toString()
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("#"));
    console.log(`perf by ${sort}:\n${lines.slice(0, PERF_LINES).join("\n")}\n`);
  }
}
