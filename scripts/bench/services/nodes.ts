/** A service called on another node, beside Moleculer's broker over TCP: two nodes each, the same object there and back. */
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { moleculer } from "../link/peers/moleculer.ts";
import { type Contestant, inTurn, present } from "../raft/contestant.ts";
import { loadFromOtherNode } from "./loads.ts";
import type { Options } from "./options.ts";
import type { Site } from "./site.ts";
import { perSecond, type Step, stepsOf, titleOf } from "./steps.ts";

type Work = readonly Step[];
/** Calls a second, by step. */
type Result = readonly number[];

export async function measureNodes(site: Site, { runs, "step-ms": ms }: Options): Promise<void> {
  const steps = stepsOf([1, 64, 256], ms);
  const everybody = present<Work, Result>([
    { name: "ours", label: "ours, through the callee's host", run: (work) => ours(site, work) },
    ...(await peers(site)),
  ]);
  const all = await inTurn(everybody, steps, runs);
  const rates = all.map((each) => steps.map((_, step) => median(each.map((result) => result[step]!))));
  const [own] = rates;
  const rows = everybody.map(({ label }, index) => [
    label,
    ...rates[index]!.flatMap((rate, step) => [perSecond(rate), index === 0 ? "1" : (own![step]! / rate).toFixed(2)]),
  ]);
  console.log(
    `${table(["calls/s between nodes", ...steps.flatMap((step) => [titleOf(step), "ours ÷ this"])], rows)}\n`,
  );
}

async function ours(site: Site, steps: Work): Promise<Result> {
  const figures = await loadFromOtherNode(site, steps);
  return figures.map((each) => each.perSecond);
}

async function peers({ directory }: Site) {
  const found = await moleculer(directory);
  return found.map((each) => {
    if ("why" in each) return each;
    const { label, name, run } = each;
    const asLinks = (steps: Work) => steps.map((step) => ({ ...step, name: titleOf(step), payload: "small" as const }));
    return { name, label, run: (steps) => run(asLinks(steps)) } satisfies Contestant<Work, Result>;
  });
}
