/**
 * What the overview is gathered from on a node: its own contracts, asked as anybody may ask them, and the counts of its parts. Contracts of
 * masters are asked the same way: a node that is none passes that on.
 */
import { randomUUID } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import type { Failure } from "../../base/errors.ts";
import { raftContract } from "../../data/contract/index.ts";
import type { CacheView, GatewayView } from "../../edge/dashboard/index.ts";
import type { Contract, Dispatcher, OutputOf, Service } from "../../wire/rpc/index.ts";
import type { NodeCache } from "../cache/open-cache.ts";
import { deadLettersContract } from "../dead-letter/dead-letter-contract.ts";
import { gatewayContract } from "../gateway/gateway-contract.ts";
import { instancesWithTrees } from "../instances/instances-service.ts";
import { pipelinesContract } from "../master/pipelines-contract.ts";
import type { FrontParts } from "../node/open-node.ts";
import { gatewayView } from "../overview/gateway-view.ts";
import { groupView, letterViews, serviceViews } from "../overview/part-views.ts";
import type { MasterPipelines, OverviewPorts } from "../overview/ports.ts";
import type { NodeServices } from "../service/open-services.ts";
import { machineLoad } from "../worker/machine-load.ts";

export interface OverviewParts extends Pick<FrontParts, "id" | "links" | "membership"> {
  readonly version: string;
  readonly dataDir: string | undefined;
  readonly services: Pick<NodeServices, "door">;
  readonly cache: NodeCache;
  /** Contracts of the process: a gateway is told of where it is one. */
  readonly own: readonly Pick<Service, "contract">[];
  readonly dispatcher: () => Pick<Dispatcher, "call">;
}

/** Whoever may see the overview may see all that is in it. */
const LOOKER = { name: "overview", access: "node" } as const;
/** The overview waits for no longer anyway. */
const TIMEOUT_MS = 900;
/** Of a process beside the node: earlier, so that those that have answered are told. */
const PROCESS_TIMEOUT_MS = 700;
/** A cluster without masters, and one that is just choosing who leads. */
const NO_MASTER: ReadonlySet<string> = new Set(["master.none", "master.no_leader"]);

export function overviewPorts(parts: OverviewParts): OverviewPorts {
  const { cache, dataDir, id, links, membership, own, services, version } = parts;
  const ask = asker(parts);
  return {
    clock: systemClock,
    node: { id, version, life: randomUUID() },
    membership,
    links: () => links.links,
    load: machineLoad(() => systemClock.monotonic()),
    masterPipelines: () => ask.orNothing(pipelinesContract, "list", {}).then((told) => told && pipelinesOf(told)),
    instances: () => instancesWithTrees({ dataDir, ownPid: process.pid }, PROCESS_TIMEOUT_MS),
    services: () => serviceViews(services.door.discover({}), services.door.counts().methods),
    deadLetters: async () => letterViews((await ask(deadLettersContract, "summary", {})).pipelines),
    groups: async () => ((await ask.orNothing(raftContract, "status", {}))?.groups ?? []).map(groupView),
    cache: () => cacheOf(cache),
    ...(own.some(({ contract }) => contract.name === gatewayContract.name) && { gateway: () => gatewayOf(ask) }),
  };
}

async function gatewayOf(ask: ReturnType<typeof asker>): Promise<GatewayView> {
  const [status, { routes }] = await Promise.all([
    ask(gatewayContract, "status", {}),
    ask(gatewayContract, "routes", {}),
  ]);
  const detects = status.wafs.some(({ mode }) => mode === "detect"); // finding proposals costs
  return gatewayView(status, routes, detects ? (await ask(gatewayContract, "proposals", {})).proposals : []);
}

function asker({ dispatcher }: OverviewParts) {
  const ask = async <C extends Contract, M extends string & keyof C["methods"]>(
    contract: C,
    method: M,
    input: unknown,
  ): Promise<OutputOf<C["methods"][M]>> => {
    const call = { contract: contract.name, method, input, caller: LOOKER, timeoutMs: TIMEOUT_MS };
    const reply = await dispatcher().call(call);
    if (reply.ok) return reply.output as OutputOf<C["methods"][M]>; // the dispatcher has put it to the schema
    throw reply.failure;
  };
  return Object.assign(ask, {
    async orNothing<C extends Contract, M extends string & keyof C["methods"]>(contract: C, method: M, input: unknown) {
      try {
        return await ask(contract, method, input);
      } catch (thrown) {
        if (NO_MASTER.has((thrown as Failure).code)) return undefined;
        throw thrown;
      }
    },
  });
}

function pipelinesOf({
  by = "a master",
  pipelines,
  workers,
}: OutputOf<typeof pipelinesContract.methods.list>): MasterPipelines {
  const shown = pipelines.map(({ stages, ...pipeline }) => ({
    ...pipeline,
    stages: stages.map(({ inFlight, inFlightMax, ...stage }) => ({
      ...stage,
      queued: inFlight,
      queueMax: inFlightMax,
    })),
  }));
  return { by, pipelines: shown, workers };
}

function cacheOf({ cache }: NodeCache): CacheView {
  const { bytes, entries, evicted, hits, misses, shared } = cache.counts();
  const redis = shared === undefined ? "none" : shared.state === "open" ? "up" : "down";
  return { entries, bytes, hits, misses, evictions: evicted, redis };
}
