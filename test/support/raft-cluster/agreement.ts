/** When all is quiet: every node holds the same, and finds nothing wrong with its own disk. */
import type { DataClient } from "../../../src/data/client/index.ts";
import { until } from "../until.ts";

export interface AskedNode {
  readonly id: string;
  /** Asks it alone. */
  readonly data: DataClient;
}

const CALL_MS = 5_000;
/** Of one answer. */
const LISTED_MAX = 1_000;
const WHOLE_MS = 90_000;
/** Everybody has heard of the last commit by then: heart-beats tell it. */
const LEVEL_MS = 20_000;

/** Each group has a leader that all know, and nothing is damaged any more. */
export async function untilWhole(nodes: readonly AskedNode[], check: () => void = () => {}): Promise<void> {
  await Promise.all(
    nodes.map(({ data, id }) =>
      until(
        `${id} is whole`,
        () => {
          check();
          return isWhole(data);
        },
        WHOLE_MS,
      ),
    ),
  );
}

export async function isWhole(data: DataClient): Promise<boolean> {
  const status = await data.calls.raft.status({}, { timeoutMs: CALL_MS }).catch(() => undefined); // it does not run, or one of its groups
  return status?.groups.every(({ damage, leader }) => damage === undefined && leader !== undefined) ?? false;
}

/** What differs between nodes, and what is wrong with their logs; empty when nothing is. */
export async function disagreements(nodes: readonly AskedNode[], groups: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const group of groups) {
    await untilLevel(nodes, group);
    const states = await Promise.all(nodes.map(({ data }) => stateOf(data, group)));
    for (const [at, { id }] of nodes.entries()) {
      if (states[at] !== states[0]) faults.push(`${id} holds something else in ${group} than ${nodes[0]!.id}`);
    }
    for (const { data, id } of nodes)
      faults.push(...(await rot(data, group)).map((what) => `${id}, log of ${group}: ${what}`));
  }
  return faults;
}

/**
 * What is bad on this node's disk, also after it was told to look: damage that was made good by what came after it lies there still, and
 * is written anew by the first look.
 */
async function rot({ calls }: DataClient, group: string): Promise<readonly string[]> {
  const verify = () => calls.raft.verify({ group }, { timeoutMs: WHOLE_MS });
  const { damaged } = await verify();
  return damaged.length === 0 ? [] : (await verify()).damaged;
}

/** All have applied the same: a transaction that is driven on, or something that ends by itself, may still come. */
function untilLevel(nodes: readonly AskedNode[], group: string): Promise<unknown> {
  return until(
    `all have applied the same entries of ${group}`,
    async () => {
      const all = await Promise.all(nodes.map(({ data }) => data.calls.raft.status({ group }, { timeoutMs: CALL_MS })));
      const applied = all.map(({ groups: [status] }) => status!.applied);
      return applied.every((each) => each === applied[0]);
    },
    LEVEL_MS,
  );
}

/** What this node has, as it is: maps that the work has left, locks and queues. */
async function stateOf(data: DataClient, group: string): Promise<string> {
  const stale = { group, consistency: "stale", limit: LISTED_MAX } as const;
  const hash = new Bun.CryptoHasher("sha256");
  for (const name of MAPS) {
    for await (const entry of data.map(name, { group }).entries({ consistency: "stale" }))
      hash.update(JSON.stringify(entry));
  }
  const { queues } = await data.calls.queue.list(stale);
  hash.update(JSON.stringify(queues));
  return hash.digest("hex");
}

const MAPS = ["chaos-ledger", "chaos-register", "chaos-cas", "chaos-accounts", "chaos-receipts"];
