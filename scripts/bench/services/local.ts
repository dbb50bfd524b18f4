/** A service called on one node: from the node itself, and from another service's host. */
import { type Figures, medians } from "../common/figures.ts";
import { table } from "../common/table.ts";
import { type Contestant, inTurn } from "../raft/contestant.ts";
import { loadFromNode, loadFromService } from "./loads.ts";
import type { Options } from "./options.ts";
import type { Site } from "./site.ts";
import { cell, type Step, stepsOf, titleOf } from "./steps.ts";

/** What many services never see, and still far from what a core can do. */
const MODERATE_RATE = 2_000;

type Work = readonly Step[];
type Result = readonly Figures[];

export async function measureLocal(site: Site, { runs, "step-ms": ms }: Options): Promise<void> {
  const steps = stepsOf([1, 64], ms, [MODERATE_RATE]);
  const everybody: readonly Contestant<Work, Result>[] = [
    { name: "node", label: "from the node itself", run: (work) => loadFromNode(site, work) },
    { name: "service", label: "from another service's host", run: (work) => loadFromService(site, work) },
  ];
  const all = await inTurn(everybody, steps, runs);
  const rows = everybody.map(({ label }, index) => [
    label,
    ...steps.map((_, step) => cell(medians(all[index]!.map((each) => each[step]!)))),
  ]);
  console.log(`${table(["calls/s (p50 / p99) on one node", ...steps.map(titleOf)], rows)}\n`);
}
