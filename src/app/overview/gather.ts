/**
 * One look at everything. Parts that have to be asked elsewhere get a short time, all at once: one that is silent or fails is named in
 * the answer and delays nobody for long.
 */
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { MAIN_GROUP } from "../../data/contract/index.ts";
import type {
  CutList,
  GatewayView,
  GroupView,
  InstanceView,
  MissingPart,
  NodeView,
  Overview,
  PipelineView,
} from "../../edge/dashboard/index.ts";
import { linkViews, nodeViews } from "./cluster-views.ts";
import { boundedGateway } from "./gateway-view.ts";
import { bounded, TREE_NODES_MAX, TreeBudget } from "./limits.ts";
import type { InstancesTold, MasterPipelines, OverviewPorts } from "./ports.ts";

/** Whoever looks does so once a second: an answer that comes later than the next question is of no use. */
const PART_TIMEOUT_MS = 900;

export type Gathered = Omit<Overview, "events" | "lastEvent">;

export async function gather(ports: OverviewPorts): Promise<Gathered> {
  const { clock, node } = ports;
  const missing: MissingPart[] = [];
  const cut: CutList[] = [];
  const part = <T>(name: string, tell: (() => Promise<T> | T) | undefined, otherwise: T): Promise<T> =>
    inTime(clock, tell, otherwise, (reason) => missing.push({ part: name, reason }));
  const [master, processes, deadLetters, services, groups, cache, gateway] = await Promise.all([
    part<MasterPipelines | undefined>("pipelines", ports.masterPipelines, undefined),
    part<InstancesTold>("instances", ports.instances, { instances: [], silent: [] }),
    part("dead letters", ports.deadLetters, []),
    part("services", ports.services, []),
    part("groups", ports.groups, []),
    part("cache", ports.cache, undefined),
    part<GatewayView | undefined>("gateway", ports.gateway, undefined),
  ]);
  for (const { name, pid, reason } of processes.silent) missing.push({ part: `process ${pid} (${name})`, reason });
  const load = await part("load", ports.load, undefined);
  const nodes = await part("nodes", () => nodeViews(ports, master?.workers ?? [], load), []);
  const links = await part("links", () => linkViews(ports), []);
  return {
    ...{ atMs: clock.now(), monotonicMs: clock.monotonic() },
    ...{ life: node.life, node: node.id, version: node.version },
    nodes: bounded("nodes", withLeader(nodes, groups), cut),
    links: bounded("links", links, cut),
    pipelines: bounded("pipelines", master?.pipelines ?? [], cut).map((each) => withFewStages(each, cut)),
    ...(master && { master: master.by }),
    services: bounded("services", services, cut),
    instances: withFewNodes(bounded("instances", processes.instances, cut), cut),
    deadLetters: bounded("deadLetters", deadLetters, cut).map(({ reasons, ...each }) => ({
      ...each,
      reasons: bounded("reasons", reasons, cut),
    })),
    groups: bounded("groups", groups, cut),
    ...(cache && { cache }),
    ...(gateway && { gateway: boundedGateway(gateway, cut) }),
    missing,
    cut,
  };
}

/** Where masters have chosen one, that is who leads; elsewhere the oldest is shown. */
function withLeader(nodes: readonly NodeView[], groups: readonly GroupView[]): readonly NodeView[] {
  const leader = groups.find(({ group }) => group === MAIN_GROUP)?.leader;
  return leader === undefined ? nodes : nodes.map((each) => ({ ...each, isLeader: each.id === leader }));
}

function withFewStages({ stages, ...pipeline }: PipelineView, cut: CutList[]): PipelineView {
  return { ...pipeline, stages: bounded("stages", stages, cut) };
}

function withFewNodes(instances: readonly InstanceView[], cut: CutList[]): InstanceView[] {
  const budget = new TreeBudget();
  const shown = instances.map(({ tree, ...each }) => ({ ...each, tree: budget.take(tree) }));
  const { refused } = budget;
  if (refused > 0) cut.push({ list: "processes", shown: TREE_NODES_MAX, of: TREE_NODES_MAX + refused });
  return shown;
}

/** Never rejects. What comes too late is dropped. */
async function inTime<T>(
  clock: Clock,
  tell: (() => Promise<T> | T) | undefined,
  otherwise: T,
  isMissing: (reason: string) => void,
): Promise<T> {
  if (!tell) return otherwise;
  const late = Promise.withResolvers<never>();
  const timer = clock.after(PART_TIMEOUT_MS, () => late.reject(new Error(`no answer within ${PART_TIMEOUT_MS} ms`)));
  try {
    return await Promise.race([Promise.try(tell), late.promise]);
  } catch (thrown) {
    isMissing(messageOf(thrown));
    return otherwise;
  } finally {
    timer.cancel();
  }
}
