/**
 * What a master does besides being a member: it answers for all masters, whoever leads, and leads when its turn comes: takes
 * pipelines, runs them on the cluster's workers, and keeps what whoever leads next has to know. What lives as long as the process
 * is here; what lives only while it leads is `Leading`.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { pause, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { KeptState } from "../../base/kept-state.ts";
import type { Logger } from "../../base/log.ts";
import { ArtifactShelf, artifactHandlers } from "../../work/artifact/index.ts";
import type { NodeDuty } from "../node/node-duty.ts";
import type { OpenedNode } from "../node/open-node.ts";
import type { NodeSettings } from "../node/settings.ts";
import { stateDirectory } from "../self.ts";
import { Leadership, NOBODY_ELSE, type Others } from "./leadership.ts";
import { type Cluster, Leading } from "./leading.ts";
import { MasterLetters } from "./master-letters.ts";
import type { MasterPipelinePorts } from "./master-pipeline.ts";
import { masterHandlers } from "./master-workers.ts";
import { type NamedOutcome, NamedPipelines } from "./named-pipelines.ts";
import type { SubmitRequest } from "./pipelines.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import { postHandlers } from "./posts.ts";

export const MASTER_ROLE = "master";

/**
 * Between the end of all that was named and one's own: the others look twice a second, and when most masters are gone nobody can tell
 * them any more.
 */
const LINGER_MS = 2_000;

export interface MasterChoices {
  readonly settings: NodeSettings;
  /** Pipelines to run from the start, unless they are known already. */
  readonly submit: readonly SubmitRequest[];
  /** End when they are over. */
  readonly untilDone: boolean;
  /** What batches under way get to be committed when the master is told to end. */
  readonly drainMs: number;
  readonly logger: Logger;
  /** Told when the state of a pipeline changes. */
  readonly changed: (view: PipelineView) => void;
  /** Told what happens between a pipeline and its workers. */
  readonly dispatched: MasterPipelinePorts["dispatched"];
  readonly tracer?: MasterPipelinePorts["tracer"];
}

export interface Master {
  readonly duty: NodeDuty;
  /** Of the pipelines named at the start, as they were seen last. */
  outcomes(): readonly NamedOutcome[];
}

/** What says when this master leads. */
export interface Election {
  /** There are no other masters. */
  readonly isAlone: boolean;
  /** The others, by the links of this node. */
  others(cluster: Cluster): Others;
  /** It listens; from now on it may be told to lead. Resolves when it is known whether this master leads, if that takes no time. */
  begin(node: OpenedNode, leadership: Pick<Leadership, "takeUp" | "layDown">): Promise<void>;
  /** Before it lays down in order: somebody else may be told to lead. */
  ending?(): Promise<void>;
  /** It has laid down because a write was refused: it may lead still, and is to take up again then. */
  deposed?(): void;
  /** Nothing runs here any more. */
  ended?(): Promise<void>;
  close(): Promise<void>;
}

export async function openMaster(choices: MasterChoices, election: Election): Promise<Master> {
  const { drainMs, settings, submit } = choices;
  const logger = choices.logger.child({ component: "master" });
  const clock = systemClock;
  await using opening = new AsyncDisposableStack();
  opening.defer(() => election.close());
  const shelf = opening.use(await ArtifactShelf.open(join(stateDirectory(settings.dataDir), "shelves")));
  let cluster: OpenedNode | undefined;
  const leadership = new Leadership({
    clock,
    others: () => (cluster ? election.others(cluster) : NOBODY_ELSE),
    takeUp: (kept) => takeUp(kept, cluster!),
  });
  const takeUp = (kept: KeptState, node: OpenedNode): Promise<Leading> =>
    Leading.takeUp(kept, node, {
      ...{ clock, logger, shelf, id: settings.id, dataDir: stateDirectory(settings.dataDir) },
      instance: `${settings.id}-${randomUUID().slice(0, 8)}`,
      dispatched: choices.dispatched,
      tracer: choices.tracer,
      changed: (view, isNews) => {
        if (isNews) for (const hear of [choices.changed, ...hearers]) hear(view);
        named.changed();
      },
      deposed: (reason) => {
        logger.warn("leads no more", { reason });
        void leadership.layDown(reason).then(() => election.deposed?.());
      },
    });
  const letters = new MasterLetters({ clock, leadership, dataDir: stateDirectory(settings.dataDir) });
  opening.defer(() => letters.close());
  const hearers = new Set<(view: PipelineView) => void>();
  const named = new NamedPipelines({ clock, leadership, requests: submit });
  const closing = opening.move();
  const duty: NodeDuty = {
    command: MASTER_ROLE,
    handlers: {
      ...masterHandlers(() => leadership.leading?.workers),
      ...leadership.handlers,
      ...letters.handlers,
      ...postHandlers(leadership),
      ...artifactHandlers(shelf),
    },
    services: [...leadership.services, letters.service],
    trees: () => leadership.leading?.trees() ?? [],
    onPipeline: (hear) => void hearers.add(hear),
    observed: () => ({
      pipelines: {
        isLocal: false,
        pipelines: () => (leadership.leading?.pipelines.list() ?? []).map((each) => each.sample()),
      },
    }),
    async opened(node, stop) {
      cluster = node;
      letters.follow(node);
      await election.begin(node, leadership);
      await submitted(named, leadership, { ...choices, lingerMs: election.isAlone ? 0 : LINGER_MS }, stop);
    },
    async ending() {
      named.close();
      await election.ending?.();
      await leadership.layDown("the master ends", { drainMs });
      await election.ended?.();
    },
    async closed() {
      await leadership.layDown("the master ends");
      await closing.disposeAsync();
    },
  };
  return { duty, outcomes: () => named.outcomes };
}

/** Who leads has taken them when this resolves; else they are taken when somebody leads. */
async function submitted(
  named: NamedPipelines,
  { leading }: Leadership,
  { lingerMs, logger, untilDone }: Pick<MasterChoices, "logger" | "untilDone"> & { readonly lingerMs: number },
  stop: (reason: string) => void,
): Promise<void> {
  const taken = named.submit();
  const watched = taken.then(async () => {
    await named.over();
    if (!untilDone) return;
    await pause(systemClock, lingerMs);
    stop("all pipelines are over");
  });
  watched.catch((thrown: unknown) => {
    logger.error("a pipeline named at the start is not taken", { reason: messageOf(thrown) });
    if (!leading && untilDone) stop(messageOf(thrown));
  });
  if (leading) await taken;
}
