/**
 * Everybody stands ready at once, and is asked in turn, round after round: what disturbs the machine meets all of them. Idle ones cost
 * nothing. Beside requests a second stand microseconds of processor for one request, which a busy machine changes least.
 */
import { type Figures, medians } from "../common/figures.ts";
import { median } from "../common/statistics.ts";
import { type Asking, fullLoad } from "./load.ts";
import type { Options } from "./options.ts";
import type { Server } from "./server.ts";
import type { Site } from "./site.ts";

export interface Ready {
  readonly label: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whose processor time counts. */
  readonly server: Server;
}

export interface Outcome extends Figures {
  readonly label: string;
  /** Of processor. */
  readonly microseconds: number;
  /** Share of the time that it worked: where that is far below 1, the load or somebody else on the machine was the bound. */
  readonly busy: number;
  readonly runs: readonly number[];
}

interface Round extends Figures {
  readonly microseconds: number;
  readonly busy: number;
}

export async function inRounds(site: Site, everybody: readonly Ready[], options: Options): Promise<readonly Outcome[]> {
  const { connections, runs, "step-ms": ms } = options;
  const all: Round[][] = everybody.map(() => []);
  for (const each of everybody) await fullLoad(site, { ...each, connections, ms });
  for (let run = 1; run <= runs; run++) {
    for (const [index, each] of everybody.entries()) {
      console.error(`run ${run} of ${runs}: ${each.label} …`);
      all[index]!.push(await oneRound(site, each, { ...each, connections, ms }));
    }
  }
  return everybody.map(({ label }, index) => ({ label, ...summary(all[index]!) }));
}

async function oneRound(site: Site, { server }: Ready, asking: Asking): Promise<Round> {
  const before = server.cpuSeconds();
  const figures = await fullLoad(site, asking);
  const seconds = server.cpuSeconds() - before;
  const tookSeconds = Math.max(1, Math.round(asking.ms / 1_000));
  const microseconds = (seconds * 1e6) / (figures.perSecond * tookSeconds);
  return { ...figures, microseconds, busy: seconds / tookSeconds };
}

function summary(rounds: readonly Round[]) {
  return {
    ...medians(rounds),
    microseconds: median(rounds.map(({ microseconds }) => microseconds)),
    busy: median(rounds.map(({ busy }) => busy)),
    runs: rounds.map(({ perSecond }) => perSecond),
  };
}
