/**
 * What a node shows to people and programs, put together: tokens, the HTTP API and its pages, numbers, the overview, and the contracts
 * behind them. It is given the node as it listens; what the node does besides (services, cache, a master's or worker's duty) is handed in.
 */
import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { createAdminApp } from "../../edge/admin/index.ts";
import { dashboardPage } from "../../edge/dashboard/index.ts";
import type { Contract, Dispatcher, Service } from "../../wire/rpc/index.ts";
import { ROUTES } from "../admin/routes.ts";
import type { NodeCache } from "../cache/open-cache.ts";
import { openDeadLetters } from "../dead-letter/dead-letter-service.ts";
import { knownRuns } from "../dead-letter/known-runs.ts";
import { instancesService } from "../instances/instances-service.ts";
import type { NodeDuty } from "../node/node-duty.ts";
import { type FrontParts, type NodeFront, REQUEST_BYTES_MAX } from "../node/open-node.ts";
import type { NodeSettings } from "../node/settings.ts";
import { metricsService } from "../observe/metrics-service.ts";
import { Observation, type ObservedParts } from "../observe/observation.ts";
import type { Tracing } from "../observe/tracing.ts";
import { OverviewDesk } from "../overview/overview-service.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import type { NodeServices } from "../service/open-services.ts";
import { healthOf } from "../system/health.ts";
import type { HealthReport } from "../system/system-contract.ts";
import { systemService } from "../system/system-service.ts";
import { openApiAccess, peersOverLinks } from "../token/open-api-access.ts";
import { Masters } from "./forwarded.ts";
import { MASTER_CONTRACTS } from "./master-contracts.ts";
import { overviewPorts } from "./overview-parts.ts";
import { serviceEvent } from "./service-event.ts";

export interface FrontChoices {
  readonly settings: NodeSettings;
  readonly version: string;
  readonly command: string;
  readonly logger: Logger;
  readonly tracing: Tracing;
  readonly services: NodeServices;
  readonly cache: NodeCache;
  /** Contracts of the process: its tree, its duty. */
  readonly own: readonly Service[];
  readonly duty: Pick<NodeDuty, "attach" | "observed" | "onPipeline" | "trees">;
  readonly isOpen: () => boolean;
  readonly isDraining: () => boolean;
}

/** Opens when the node listens. */
export function frontOf(choices: FrontChoices): (parts: FrontParts) => NodeFront {
  return (parts) => openFront(choices, parts);
}

function openFront(choices: FrontChoices, parts: FrontParts): NodeFront {
  const { command, logger, settings, version } = choices;
  const startedMs = systemClock.now();
  const access = openApi(choices, parts);
  const observation = new Observation({
    clock: systemClock,
    process: { command, name: settings.id, startedMs, version },
    watchesLoop: true,
    report: (what, thrown) => logger.warn(`metrics: ${what}`, { error: thrown }),
  });
  const health = (): HealthReport => healthOfNode(choices, parts);
  const masters = new Masters(parts);
  const { dataDir } = settings;
  const letters = openDeadLetters({ clock: systemClock, dataDir, known: () => knownRuns(dataDir) });
  let dispatcher: Dispatcher | undefined;
  const desk = new OverviewDesk(overviewPorts({ ...parts, ...choices, dataDir, dispatcher: () => dispatcher! })); // asked when it is open
  choices.duty.onPipeline?.((view) => desk.tellPipeline(view));
  choices.services.onNotice((notice) => desk.tell(serviceEvent(notice)));
  const unlook = parts.membership.on((event) => desk.tellMembership(event));
  return {
    services: [
      access.service,
      systemService({ clock: systemClock, version, startedMs, self: () => selfOf(parts), health }),
      metricsService(observation),
      desk.service,
      instancesService({ dataDir, ownPid: process.pid }),
      ...choices.own,
      ...masters.services(passedOn(choices.own), [letters.service]),
    ],
    open(opened) {
      dispatcher = opened;
      access.join(
        peersOverLinks(parts.membership, parts.links, seededRandom(Buffer.from(systemEntropy(4)).readUInt32LE())),
      );
      choices.duty.attach?.({
        authenticate: access.authenticate,
        services: choices.services.door,
        dispatcher: opened,
      });
      const app = openApp(choices, { dispatcher: opened, access, observation, health });
      observation.watch({
        ...choices.duty.observed?.(),
        ...observedParts(choices, parts),
        http: app.counts,
        tokens: { counts: access.counts, lockouts: access.counts },
      });
      return (request, arrival) => app.fetch(request, arrival);
    },
    close() {
      unlook();
      letters.close();
      observation.close();
      access.close();
    },
  };
}

/** What this node does not answer by itself. */
function passedOn(own: readonly Service[]): readonly Contract[] {
  const names = new Set(own.map(({ contract }) => contract.name));
  return MASTER_CONTRACTS.filter(({ name }) => !names.has(name));
}

function openApi({ logger, settings }: FrontChoices, { audiences, id, isTls, secrets, tokens }: FrontParts) {
  const { keyFile, keyring } = secrets;
  const { dataDir } = settings;
  return openApiAccess({
    id,
    isTls,
    keyring,
    keyFile,
    dataDir,
    clusterTokens: tokens,
    audiences,
    logger: logger.child({ component: "tokens" }),
  });
}

interface AppParts {
  readonly dispatcher: Dispatcher;
  readonly access: ReturnType<typeof openApiAccess>;
  readonly observation: Observation;
  readonly health: () => HealthReport;
}

function openApp(
  { logger, services, tracing, version }: FrontChoices,
  { access, dispatcher, health, observation }: AppParts,
) {
  return createAdminApp({
    routes: ROUTES,
    dispatcher,
    authenticate: access.authenticate,
    readiness() {
      const { ready, status } = health();
      return { live: true, ready, why: status };
    },
    clock: systemClock,
    logger: logger.child({ component: "http" }),
    version,
    services: services.door,
    metrics: (accept) => observation.scrape(accept),
    pages: dashboardPage,
    tracer: tracing.tracer,
    requestBytesMax: REQUEST_BYTES_MAX,
  });
}

function observedParts(
  { cache, duty, services, tracing }: FrontChoices,
  { linkCounts, links, membership }: FrontParts,
): ObservedParts {
  const traces = tracing.counts;
  return {
    links: {
      links: () => links.links,
      door: linkCounts,
      roundTripMs: (peer) => membership.explain(peer)?.swim.lastProbe?.roundTripMs,
    },
    membership,
    services: {
      calls: () => services.door.counts().methods,
      breakers: () =>
        services.door.counts().targets.map(({ breaker, node, service, version }) => ({
          ...{ service, version, node },
          state: breaker,
        })),
      offers: () => services.local.offers(),
      known: () => services.door.list().length,
    },
    cache: { counts: () => cache.cache.counts(), latency: cache.cache.latency() },
    processes: { trees: () => duty.trees?.() ?? [] },
    ...(tracing.tracer.isEnabled && { traces: () => traces()! }), // there is an exporter then
  };
}

function selfOf({ address, id, membership }: FrontParts) {
  const { name, roles } = membership.self.meta;
  return { node: id, name, address: formatAddress(address), roles };
}

function healthOfNode({ isDraining, isOpen, settings }: FrontChoices, { id, membership }: FrontParts): HealthReport {
  return healthOf({
    node: id,
    isOpen,
    isDraining,
    checks: [
      () => {
        const { reason, status } = membership.explain(membership.self.id)!.side; // a node knows itself
        return { name: "partition", ok: status === "up", detail: `${status}: ${reason}`, isRequired: true };
      },
      () => {
        const ok = settings.seeds.length === 0 || membership.hasJoined;
        return { name: "joined", ok, detail: ok ? "a member" : "none of the seeds has answered" };
      },
    ],
  });
}
