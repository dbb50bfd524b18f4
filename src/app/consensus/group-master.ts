/** A master with its groups: what it answers about the replicated data, and what it does when it leads. */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import type { DistributedReply } from "../../data/words/index.ts";
import { dataServices } from "../data/data-services.ts";
import { type Master, type MasterChoices, openMaster } from "../master/master-duty.ts";
import { countLeaderChanges } from "../observe/raft-metrics.ts";
import { stateDirectory } from "../self.ts";
import { Consensus } from "./consensus.ts";
import { DataNode } from "./data-node.ts";
import { recoverDistributed } from "./distributed-recovery.ts";
import { GroupElection } from "./group-election.ts";
import type { ConsensusSettings } from "./settings.ts";

export { consensusSettings, seedsWith } from "./settings.ts";

/** Of one step of a transaction that is driven on; the next look takes it up again. */
const STEP_TIMEOUT_MS = 5_000;

export async function openGroupMaster(
  choices: MasterChoices,
  { durability, groups, isStandby, masters, raft }: ConsensusSettings,
): Promise<Master> {
  const { logger, settings } = choices;
  const clock = systemClock;
  const self = settings.id;
  const directory = join(stateDirectory(settings.dataDir), "masters", self);
  const random = seededRandom(randomInt(2 ** 32));
  const consensus = new Consensus({
    self,
    directory,
    masters,
    isStandby,
    groups,
    raft,
    durability,
    random,
    logger: logger.child({ component: "raft" }),
  });
  let stop: (reason: string, isFailure: boolean) => void = () => {};
  const election = new GroupElection({
    self,
    consensus,
    clock,
    logger,
    isAlone: masters === undefined && !isStandby,
    failed: (reason) => {
      logger.error(reason);
      stop(reason, true);
    },
  });
  const { duty, outcomes } = await openMaster(choices, election);
  const data = new DataNode(consensus, { self, clock });
  const end = new AbortController();
  const recovery = {
    clock,
    logger,
    propose: async (group: string, command: Parameters<DataNode["propose"]>[1]["command"], signal: AbortSignal) =>
      (await data.propose(group, { command }, { signal, timeoutMs: STEP_TIMEOUT_MS })) as DistributedReply, // of these commands
  };
  return {
    outcomes,
    duty: {
      ...duty,
      handlers: { ...duty.handlers, ...consensus.handlers },
      services: [...(duty.services ?? []), ...dataServices({ data, clock })],
      async opened(node, stopNode) {
        stop = stopNode;
        void recoverDistributed(consensus.all, recovery, end.signal);
        await duty.opened?.(node, stopNode);
      },
      observed: () => ({
        ...duty.observed?.(),
        raft: {
          groups: () => data.groups().map((each) => data.status(each)),
          leaderChanges: countLeaderChanges(consensus.all),
        },
      }),
      async closed() {
        end.abort();
        await duty.closed?.();
      },
    },
  };
}
