/** Who takes part in a measurement, or says why not, and the load programs that each of them has. */
import { systemClock } from "../../../src/base/clock.ts";

export interface Contestant<Work, Result> {
  readonly name: string;
  readonly label: string;
  /** On servers that are new, and ended when it resolves. */
  run(work: Work): Promise<Result>;
}

/** Who cannot take part says why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

/** Beyond all that a load takes: something hangs then. */
const LOAD_WITHIN_MS = 300_000;

/** What a load program prints: one line of JSON. Its command is a process of its own, ended with this call. */
export async function resultOf<Result>(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([...argv], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  const timer = systemClock.after(LOAD_WITHIN_MS, () => child.kill("SIGKILL"));
  try {
    const text = await new Response(child.stdout).text();
    const code = await child.exited;
    if (code !== 0) throw new Error(`${argv.slice(0, 2).join(" ")} ended with ${child.signalCode ?? code}`);
    return JSON.parse(text) as Result; // by our own load programs
  } finally {
    timer.cancel();
    child.kill("SIGKILL");
  }
}

/** By contestant, what each run gave; everybody runs once before anybody runs again. */
export async function inTurn<Work, Result>(
  contestants: readonly Contestant<Work, Result>[],
  work: Work,
  runs: number,
): Promise<readonly Result[][]> {
  const all: Result[][] = contestants.map(() => []);
  for (let run = 1; run <= runs; run++) {
    for (const [index, contestant] of contestants.entries()) {
      console.error(`run ${run} of ${runs}: ${contestant.name} …`);
      all[index]!.push(await contestant.run(work));
    }
  }
  return all;
}

export function present<Work, Result>(
  everybody: readonly (Contestant<Work, Result> | Absent)[],
): readonly Contestant<Work, Result>[] {
  return everybody.filter((each): each is Contestant<Work, Result> => {
    if ("run" in each) return true;
    console.log(`${each.name} is left out: ${each.why}`);
    return false;
  });
}
