/** Five masters on five hosts of a network of our own (namespaces), clients on a sixth, and paths that break: every history is judged. */
import { expect, test } from "bun:test";
import { TestNetwork } from "../support/network.ts";
import { runPartitions } from "../support/raft-cluster/index.ts";

const SEED = Number(process.env.DISTRIBUTED_SYSTEM_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 32));

const whyNot = TestNetwork.whyNot();
if (whyNot !== undefined) console.error(`raft-network is skipped: ${whyNot}`);

test.skipIf(whyNot !== undefined)(
  `five masters keep what they acknowledged through broken paths (seed ${SEED})`,
  async () => {
    const lines: string[] = [];
    const { faults, undecided } = await runPartitions({
      seed: SEED,
      nodes: 5,
      workers: 1,
      partitions: 2,
      groups: ["other"],
      tell: (line) => lines.push(line),
    }).catch((thrown) => {
      throw new Error(`seed ${SEED}\n${lines.join("\n")}`, { cause: thrown });
    });
    expect(faults, lines.join("\n")).toEqual([]);
    expect(undecided).toBe(0);
  },
);
