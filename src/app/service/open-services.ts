/**
 * The services of a node put together: those that it runs itself, who offers what in the cluster, and the door to all of them. The same
 * shape as a node's duty, so that it goes with whatever else the node does.
 */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Tracer } from "../../base/trace.ts";
import { ServiceProcess } from "../../process/service/index.ts";
import type { TreeNode } from "../../process/supervise/index.ts";
import type { LinkHandlers } from "../../wire/link/index.ts";
import type { Service } from "../../wire/rpc/index.ts";
import { ClusterServices } from "../../work/service/caller/index.ts";
import { LocalServices, type ServiceCache, type ServiceNotice } from "../../work/service/local/index.ts";
import { OFFERS_TOPIC, ServiceRegistry } from "../../work/service/registry/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { serviceHostCommand, stateDirectory } from "../self.ts";
import { type NodeParts, nodePorts } from "./node-ports.ts";
import { RESERVED_NAMES } from "./reserved-names.ts";
import { logFaults, logLine, logNotice, logOutput } from "./service-notices.ts";
import { servicesService } from "./services-service.ts";
import type { ServiceSettings } from "./settings.ts";

export interface ServiceChoices {
  readonly settings: ServiceSettings;
  /** This node's id. */
  readonly self: string;
  readonly dataDir: string | undefined;
  readonly logger: Logger;
  readonly cache?: ServiceCache | undefined;
  readonly tracer?: Tracer | undefined;
}

export interface NodeServices {
  readonly local: LocalServices;
  readonly registry: ServiceRegistry;
  /** Of the whole cluster, for every way in. */
  readonly door: ClusterServices;
  /** For the links of the node. */
  readonly handlers: LinkHandlers;
  /** The contract `services`. */
  readonly services: readonly Service[];
  /** The node is put together. Its services start, and nobody waits for them. */
  opened(node: NodeParts): void;
  /** Calls go elsewhere from now on; those under way end. */
  ending(): Promise<void>;
  /** Nothing of it runs any more. */
  closed(): Promise<void>;
  /** Hears of what happens to the services of this node. */
  onNotice(hear: (notice: ServiceNotice) => void): void;
  trees(): readonly TreeNode[];
}

export function openServices(choices: ServiceChoices): NodeServices {
  const { cache, logger, self, settings, tracer } = choices;
  const random = seededRandom(Buffer.from(systemEntropy(4)).readUInt32LE());
  const hearers = new Set<(notice: ServiceNotice) => void>();
  let node: NodeParts | undefined;
  let door: ClusterServices | undefined;
  const local = new LocalServices(
    { directories: settings.directories, reserved: RESERVED_NAMES, watch: settings.watch },
    {
      clock: systemClock,
      random,
      load: (request) => ServiceProcess.load({ ...processOptions(choices), ...request }),
      door: () => door,
      cache,
      log: (service, line) => logLine(logger, service, line),
      output: (service, stream, line) => logOutput(logger, service, stream, line),
      notice(notice) {
        logNotice(logger, notice);
        for (const hear of hearers) hear(notice);
      },
    },
  );
  const ports = nodePorts(() => node);
  const registry = new ServiceRegistry({
    ...ports,
    self: { id: self, instance: Buffer.from(systemEntropy(9)).toString("base64url") },
    clock: systemClock,
    random,
    local,
    warn: (text) => logger.warn(text),
  });
  const { catalogue, handler } = registry;
  const callerPorts = { self, clock: systemClock, random, catalogue, local, linkOf: ports.linkOf };
  const cluster = new ClusterServices({ ...callerPorts, ...(tracer && { tracer }) });
  door = cluster;
  const nodes = { self, members: ports.members, linkTo: ports.linkTo, contracts: () => node?.services ?? [] };
  const close = async (): Promise<void> => {
    await local.close();
    registry.stop();
  };
  return {
    local,
    registry,
    door: cluster,
    handlers: { ...cluster.served.handlers, [OFFERS_TOPIC]: handler },
    services: [servicesService({ self, local, registry, door: cluster, nodes })],
    opened: (opened) => {
      node = opened;
      registry.start();
      void startLocal(local, settings, logger);
    },
    ending: () => local.close(),
    closed: close,
    onNotice: (hear) => void hearers.add(hear),
    trees: () => (local.statuses().length === 0 ? [] : [local.tree()]),
  };
}

async function startLocal(local: LocalServices, { directories }: ServiceSettings, logger: Logger): Promise<void> {
  if (directories.length === 0) return;
  try {
    logFaults(logger, await local.start());
  } catch (thrown) {
    logger.error("the services of this node have not been started", { error: thrown });
  }
}

function processOptions({ dataDir, self, settings }: ServiceChoices) {
  return {
    command: serviceHostCommand(),
    clock: systemClock,
    node: self,
    limits: { memoryBytes: settings.memoryBytes },
    passEnv: settings.passEnv,
    workDirectory: join(stateDirectory(dataDir), "work"),
  } satisfies Partial<Parameters<typeof ServiceProcess.load>[0]>;
}
