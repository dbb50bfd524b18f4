/** The cache of a node: its memory, its Redis where a URL is given, and its place among the caches of the other nodes. */
import { randomBytes, randomInt } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import { Cache, openRedis, parseRedisUrl } from "../../data/cache/index.ts";
import type { LinkHandlers, LinkPool } from "../../wire/link/index.ts";
import { InvalidationNews, type Others } from "./invalidation-news.ts";

export const INVALIDATE_TOPIC = "cache/invalidate";

const SEEDS = 2 ** 32;
/** 96 bits: no two of them are ever the same. */
const ID_BYTES = 12;

export interface NodeCacheOptions {
  readonly logger: Logger;
  /** `redis://…`; without one every node has its own memory only. Fails with `cache.redis.url`. */
  readonly redisUrl?: string | undefined;
  readonly entriesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
}

export interface NodeCache {
  readonly cache: Cache;
  /** Of links. */
  readonly handlers: LinkHandlers;
  /** From now on others are told, and asked. */
  follow(cluster: CacheCluster): void;
  close(): void;
}

export interface CacheCluster {
  readonly id: string;
  readonly membership: Pick<Membership, "members" | "on">;
  readonly links: Pick<LinkPool, "byId" | "get">;
}

export function openCache({ logger, redisUrl, ...bounds }: NodeCacheOptions): NodeCache {
  const news = new InvalidationNews({
    clock: systemClock,
    instance: newId(),
    debug: (text) => logger.debug(text),
  });
  const cache = new Cache({
    ...bounds,
    clock: systemClock,
    random: seededRandom(randomInt(SEEDS)),
    newId,
    shared: redisUrl === undefined ? undefined : openRedis(parseRedisUrl(redisUrl)),
    tell: (invalidation) => news.tell(invalidation),
    report: (text) => logger.warn(text),
  });
  let unfollow = (): void => {};
  return {
    cache,
    handlers: {
      [INVALIDATE_TOPIC]: {
        notify: (payload, { peer }) => news.take(peer.id, payload),
        request: (payload) => news.answer(payload),
      },
    },
    follow(cluster) {
      news.follow(cache, othersOf(cluster));
      unfollow = cluster.membership.on((event) => {
        if ((event.kind === "join" || event.kind === "alive") && event.member.id !== cluster.id)
          news.ask(event.member.id);
      });
    },
    close() {
      unfollow();
      news.close();
      cache.close();
    },
  };
}

function newId(): string {
  return randomBytes(ID_BYTES).toString("base64url");
}

function othersOf({ id: self, links, membership }: CacheCluster): Others {
  const linkTo = async (id: string) => {
    const open = links.byId(id);
    if (open?.isOpen) return open;
    const member = membership.members().find((each) => each.id === id);
    if (!member) throw new Error(`${id} is no member any more`);
    return links.get(member.address, { id });
  };
  return {
    nodes: () =>
      membership
        .members()
        .filter(({ id, state }) => id !== self && (state === "alive" || state === "suspect"))
        .map(({ id }) => id),
    isMember: (node) => membership.members().some(({ id }) => id === node),
    async notify(node, payload) {
      const open = links.byId(node);
      (open?.isOpen ? open : await linkTo(node)).notify(INVALIDATE_TOPIC, payload);
    },
    async ask(node, payload, timeoutMs) {
      return (await linkTo(node)).request(INVALIDATE_TOPIC, payload, { timeoutMs });
    },
  };
}
