/** Seeds over several processes: each takes the next piece of them when it is done with one, and tells outcomes as lines. */
import { join } from "node:path";
import type { Outcome } from "../../test/sim/run/index.ts";
import type { SimOptions } from "./options.ts";

const COMMAND = join(import.meta.dir, "..", "sim.ts");
/** A piece should take about a second, so that the start of a process (0.1 s) does not count. */
const PIECE_SEEDS = 50;

/** Processor time of all workers. */
export interface Spent {
  cpuMs: number;
}

export async function* runInWorkers(scenario: string, options: SimOptions, spent: Spent): AsyncGenerator<Outcome> {
  let next = options.from;
  const endOfAll = options.from + options.seeds;
  const size = Math.max(1, Math.min(PIECE_SEEDS, Math.ceil(options.seeds / options.jobs)));
  const takePiece = (): readonly [number, number] | undefined => {
    if (next >= endOfAll) return undefined;
    const from = next;
    next = Math.min(endOfAll, next + size);
    return [from, next - from];
  };
  const running = new Map<number, Promise<readonly [number, readonly Outcome[]]>>();
  const begin = (worker: number): void => {
    const piece = takePiece();
    if (piece !== undefined) running.set(worker, runPiece(worker, scenario, options.bug, piece, spent));
  };
  for (let worker = 0; worker < options.jobs; worker++) begin(worker);
  while (running.size > 0) {
    const [worker, outcomes] = await Promise.race(running.values());
    running.delete(worker);
    begin(worker);
    yield* outcomes;
  }
}

async function runPiece(
  worker: number,
  scenario: string,
  bug: string | undefined,
  [from, seeds]: readonly [number, number],
  spent: Spent,
): Promise<readonly [number, readonly Outcome[]]> {
  const words = ["--worker", "--scenario", scenario, "--from", String(from), "--seeds", String(seeds)];
  if (bug !== undefined) words.push("--bug", bug);
  const child = Bun.spawn([process.execPath, COMMAND, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
  });
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  if (code !== 0) throw new Error(`a worker for seeds ${from} to ${from + seeds - 1} ended with code ${code}`);
  spent.cpuMs += Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
  const lines = text.split("\n").filter((line) => line !== "");
  return [worker, lines.map((line) => JSON.parse(line) as Outcome)];
}
