/** Caches of two nodes over real links. */
import { expect, test } from "bun:test";
import { type CacheCluster, openCache } from "../../src/app/cache/open-cache.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { until } from "../support/until.ts";
import { openNode } from "../unit/wire/link/support.ts";

const logger = createLogger({ name: "test", level: "silent", sink: () => {}, clock: systemClock });

test("openCache() drops on one node what another invalidates, also what it missed before they met", async () => {
  const [one, two] = [openCache({ logger }), openCache({ logger })];
  await using a = openNode("a", { handlers: one.handlers });
  await using b = openNode("b", { handlers: two.handlers });
  const clusterOf = (self: typeof a, other: typeof a): CacheCluster => ({
    id: self.id,
    membership: {
      members: () => [{ id: other.id, state: "alive", address: other.address }] as never,
      on: () => () => {},
    }, // all that it looks at
    links: self.pool(),
  });
  const load = async () => new TextEncoder().encode("x");
  const query = { ttlMs: 60_000, tags: ["t"] };
  await two.cache.get("k", load, query);
  await one.cache.invalidate({ tags: ["t"] });
  one.follow(clusterOf(a, b));
  two.follow(clusterOf(b, a));
  await one.cache.invalidate({ keys: ["other"] });
  await until("two has heard both", () => two.cache.counts().heard >= 2);
  expect(two.cache.counts().entries).toBe(0);
  await two.cache.get("k", load, query);
  await one.cache.invalidate({ keys: ["k"] });
  await until("two has heard of k", () => two.cache.counts().entries === 0);
  one.close();
  two.close();
});
