/**
 * What every node has beside its duty: the services of users, and the cache that keeps their answers. Put together with a duty they make
 * another one, so that a node opens, drains and closes them with the rest.
 */
import type { Logger } from "../../base/log.ts";
import { type NodeCache, openCache } from "../cache/open-cache.ts";
import type { Tracing } from "../observe/tracing.ts";
import { type NodeServices, openServices } from "../service/open-services.ts";
import type { ServiceSettings } from "../service/settings.ts";
import type { NodeDuty } from "./node-duty.ts";
import type { NodeSettings } from "./settings.ts";

export interface FeaturePorts {
  readonly logger: Logger;
  readonly tracing: Tracing;
  readonly services: ServiceSettings;
  readonly redisUrl: string | undefined;
}

export interface Features {
  readonly cache: NodeCache;
  readonly services: NodeServices;
}

/** Fails with `cache.redis.url`. */
export function openFeatures({ dataDir, id }: NodeSettings, ports: FeaturePorts): Features {
  const { logger, redisUrl, services: settings, tracing } = ports;
  const cache = openCache({ logger: logger.child({ component: "cache" }), redisUrl });
  const log = logger.child({ component: "services" });
  const services = openServices({
    settings,
    self: id,
    dataDir,
    logger: log,
    cache: cache.cache,
    tracer: tracing.tracer,
  });
  return { cache, services };
}

/** Services take no more calls before the duty ends: what it has under way may need others, and is asked for by none. */
export function withFeatures(duty: NodeDuty, { cache, services }: Features): NodeDuty {
  return {
    ...duty,
    handlers: { ...duty.handlers, ...services.handlers, ...cache.handlers },
    services: [...(duty.services ?? []), ...services.services],
    async opened(node, stop) {
      cache.follow(node);
      services.opened(node);
      await duty.opened?.(node, stop);
    },
    async ending(reason) {
      await services.ending();
      await duty.ending?.(reason);
    },
    async closed() {
      await services.closed();
      cache.close();
      await duty.closed?.();
    },
    trees: () => [...(duty.trees?.() ?? []), ...services.trees()],
  };
}
