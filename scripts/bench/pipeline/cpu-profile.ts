/** Reads the profiles that the runtime writes (.cpuprofile, as the Chrome tools read it) and adds up time by function. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

const FUNCTIONS_MAX = 14;
/** Hosts that only look at a plugin live for some milliseconds. */
const MICROSECONDS_MIN = 200_000;

/** One block a process: functions by their own time. Waiting is not in it. */
export function hottestFunctions(folder: string): string {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith(".cpuprofile"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile);
  return profiles
    .filter(({ timeDeltas }) => sum(timeDeltas) > MICROSECONDS_MIN)
    .map(blockOf)
    .join("\n\n");
}

function blockOf(profile: CpuProfile): string {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const name = names.get(id)!;
    times.set(name, (times.get(name) ?? 0) + profile.timeDeltas[index]!);
  });
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, FUNCTIONS_MAX);
  const lines = sorted.map(([name, microseconds]) => `${(microseconds / 1000).toFixed(0).padStart(7)} ms  ${name}`);
  return [`${(sum(profile.timeDeltas) / 1000).toFixed(0).padStart(7)} ms  one process`, ...lines].join("\n");
}

function nameOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const file = url.split("/").at(-1);
  return `${functionName || "(anonymous)"}  ${file ? `${file}:${lineNumber + 1}` : "(native)"}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
