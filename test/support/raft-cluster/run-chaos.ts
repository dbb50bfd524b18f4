/** A cluster, its clients and what befalls both, from the start to the verdict: the same for tests and for long runs. */
import { seededRandom } from "../../../src/base/random.ts";
import { disagreements } from "./agreement.ts";
import { Chaos, type ChaosReport } from "./chaos.ts";
import { RaftCluster } from "./cluster.ts";
import { type Counts, planOf } from "./plan.ts";
import { Work } from "./run-workloads.ts";
import type { Tally } from "./tally.ts";
import type { Judgement } from "./workload.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Clients of each kind. */
  readonly workers: number;
  readonly counts: Counts;
  /** Beside main. */
  readonly groups: readonly string[];
  readonly tell: (line: string) => void;
  /** Kinds of work; all without it. */
  readonly only?: readonly string[];
  /** When to end although more is planned. */
  readonly strikesMs?: number | undefined;
  /** Beyond the command of each master. */
  readonly args?: readonly string[];
}

export interface ChaosOutcome {
  readonly report: ChaosReport;
  readonly judgements: readonly Judgement[];
  readonly tally: Tally;
  /** Everything that is wrong; empty when all was kept. */
  readonly faults: readonly string[];
  /** What nodes have logged as errors, and how often: no fault by itself. */
  readonly errors: ReadonlyMap<string, number>;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { args, counts, groups, nodes, only, seed, strikesMs, tell, workers } = options;
  await using cluster = await RaftCluster.start({ count: nodes, groups, ...(args && { args }) });
  const client = (at: number) => cluster.client(at);
  const work = await Work.start({ seed, workers, groups: cluster.groups, client, tell, ...(only && { only }) });
  const random = seededRandom(seed);
  const answered = (): number => {
    work.check();
    return work.tally.answered;
  };
  const chaos = new Chaos({ cluster, random, tell, answered, strikesMs });
  const report = await chaos.run(planOf(counts, random));
  tell(`all is quiet: ${work.tally.text()}`);
  const judgements = await work.finish();
  const asked = await Promise.all(cluster.ids.map(async (id) => ({ id, data: await cluster.clientOf(id) })));
  const faults = [
    ...judgements.flatMap(({ faults: found, workload }) => found.map((fault) => `${workload}: ${fault}`)),
    ...report.damages
      .filter(({ found }) => found.length === 0)
      .map(
        ({ damage, group, node }) =>
          `${node} has not noticed that its log of ${group} is damaged: ${JSON.stringify(damage)}`,
      ),
    ...(await disagreements(asked, cluster.groups)),
  ];
  return { report, judgements, tally: work.tally, faults, errors: errorsOf(cluster) };
}

function errorsOf(cluster: RaftCluster): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const { fields, level, message } of cluster.ids.flatMap((id) => cluster.logOf(id))) {
    if (level !== "error") continue;
    const text = `${message} ${JSON.stringify(fields ?? {})}`;
    errors.set(text, (errors.get(text) ?? 0) + 1);
  }
  return errors;
}
