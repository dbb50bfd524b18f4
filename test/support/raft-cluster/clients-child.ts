/**
 * Clients on a host of their own: a process of its own in a network namespace. It says how far it is, a line of JSON each; when it is told
 * to finish (a line on standard input) it waits until all nodes are well, looks at what is there, and says what is wrong.
 */
import { connectData } from "../../../src/app/data/connect-data.ts";
import { type AskedNode, disagreements, untilWhole } from "./agreement.ts";
import { Work } from "./run-workloads.ts";

export interface ClientsOrder {
  readonly seed: number;
  readonly workers: number;
  readonly groups: readonly string[];
  /** Addresses by id. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly secrets: string;
  readonly dataDir: string;
}

export type ClientsNotice =
  | { readonly answered: number }
  | { readonly faults: readonly string[]; readonly undecided: number; readonly tally: string };

const TELL_EVERY_MS = 100;

if (import.meta.main) await main(JSON.parse(process.argv[2]!) as ClientsOrder);

async function main({ dataDir, groups, nodes, secrets, seed, workers }: ClientsOrder): Promise<void> {
  const addresses = Object.values(nodes);
  const connect = (first: number, count = addresses.length) => {
    const at = first % addresses.length;
    const order = [...addresses.slice(at), ...addresses.slice(0, at)].slice(0, count);
    return connectData({ nodes: order, secrets, dataDir });
  };
  const work = await Work.start({ seed, workers, groups, client: (at) => connect(at) });
  const teller = setInterval(() => tell({ answered: work.tally.answered }), TELL_EVERY_MS);
  for await (const _line of console) break;
  clearInterval(teller);
  const asked: AskedNode[] = await Promise.all(
    Object.keys(nodes).map(async (id, at) => ({ id, data: await connect(at, 1) })),
  );
  await untilWhole(asked, () => work.check());
  const judgements = await work.finish();
  const faults = judgements.flatMap(({ faults: found, workload }) => found.map((fault) => `${workload}: ${fault}`));
  const undecided = judgements.reduce((sum, each) => sum + each.undecided, 0);
  tell({ faults: [...faults, ...(await disagreements(asked, groups))], undecided, tally: work.tally.text() });
  process.exit(0);
}

function tell(notice: ClientsNotice): void {
  process.stdout.write(`${JSON.stringify(notice)}\n`);
}
