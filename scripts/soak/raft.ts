/**
 * `npm run chaos:raft -- [options]`: masters in a group as real processes, killed, paused and damaged again and again while clients work,
 * then every history is judged. With `--network`, masters on hosts of their own (network namespaces) whose paths break instead. The
 * schedule of a seed is always the same, the machine's timing is not. The last line is the result; the exit code is 1 when anything
 * is wrong.
 */
import { parseArgs } from "node:util";
import { TestNetwork } from "../../test/support/network.ts";
import { type Counts, runChaos, runPartitions } from "../../test/support/raft-cluster/index.ts";

const USAGE = `npm run chaos:raft -- [options]
  --seed N         of the schedule (1)
  --nodes N        masters (3; 5 with --network)
  --workers N      clients of each kind of work (2)
  --kills N        kill -9 of one master (200)
  --group-kills N  kill -9 of all of them at once (50)
  --damages N      bits flipped in, or ends cut off, the log of a minority (50)
  --pauses N       SIGSTOP for up to two seconds (20)
  --transfers N    another leader, as an operator asks for it (10)
  --snapshots N    logs cut at a snapshot, likewise (20)
  --minutes N      no more strikes after that, whatever is planned
  --alone          the group main alone; without it there is a second one, and transactions over both
  --only KIND      that kind of work alone: ledger, register, cas, lock, queue, bank, "bank over groups"
  --network        masters on hosts of their own; --partitions N (40) instead of all the above
The executable is bin/distributed_system, or what DISTRIBUTED_SYSTEM_TEST_EXECUTABLE names.`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

const { values } = parseArgs({
  options: {
    ...{ seed: text, nodes: text, workers: text, kills: text, "group-kills": text, damages: text, pauses: text },
    ...{
      transfers: text,
      snapshots: text,
      only: text,
      partitions: text,
      minutes: text,
      alone: flag,
      network: flag,
      help: flag,
    },
  },
});

if (values.help) console.log(USAGE);
else process.exitCode = await (values.network ? partitions() : chaos());

async function chaos(): Promise<number> {
  const counts: Counts = {
    kills: whole("kills", 200),
    groupKills: whole("group-kills", 50),
    damages: whole("damages", 50),
    pauses: whole("pauses", 20),
    transfers: whole("transfers", 10),
    snapshots: whole("snapshots", 20),
  };
  const [seed, nodes, tell] = [whole("seed", 1), whole("nodes", 3), teller()];
  const groups = values.alone ? [] : ["other"];
  const only = values.only === undefined ? {} : { only: [values.only] };
  const { errors, faults, judgements, report, tally } = await runChaos({
    ...{ seed, nodes, counts, groups, tell, ...only },
    workers: whole("workers", 2),
    strikesMs: values.minutes === undefined ? undefined : whole("minutes", 0) * 60_000,
  });
  const { damage, groupKill, kill, pause } = report.struck;
  const undecided = judgements.reduce((sum, each) => sum + each.undecided, 0);
  for (const fault of faults) console.log(fault);
  for (const [error, count] of errors) console.log(`nodes said ${count} times: ${error}`);
  for (const { undecided: count, workload } of judgements)
    if (count > 0) console.log(`${workload}: ${count} undecided`);
  const noticed = report.damages.filter(({ found }) => found.length > 0).length;
  console.log(
    `seed ${seed}, ${nodes} nodes: ${kill} kills, ${groupKill} group kills, ${damage} damages (${noticed} noticed), ${pause} pauses; ` +
      `${tally.text()}; ${undecided} histories undecided; ${faults.length} faults`,
  );
  return faults.length + undecided === 0 ? 0 : 1;
}

async function partitions(): Promise<number> {
  const whyNot = TestNetwork.whyNot();
  if (whyNot !== undefined) {
    console.log(`no network of our own here: ${whyNot}`);
    return 1;
  }
  const [seed, nodes, count] = [whole("seed", 1), whole("nodes", 5), whole("partitions", 40)];
  const groups = values.alone ? [] : ["other"];
  const options = { seed, nodes, groups, partitions: count, workers: whole("workers", 2), tell: teller() };
  const { faults, tally, undecided } = await runPartitions(options);
  for (const fault of faults) console.log(fault);
  console.log(
    `seed ${seed}, ${nodes} hosts: ${count} partitions; ${tally}; ${undecided} histories undecided; ${faults.length} faults`,
  );
  return faults.length + undecided === 0 ? 0 : 1;
}

function teller(): (line: string) => void {
  const startMs = performance.now();
  return (line) => console.log(`${((performance.now() - startMs) / 1_000).toFixed(1).padStart(7)} ${line}`);
}

function whole(name: keyof typeof values, otherwise: number): number {
  const given = values[name];
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new Error(`--${name} is ${JSON.stringify(given)}; a whole number is required`);
}
