/** The links of a node: those that it opens and those that others open, in one pool, their heart-beats told to the membership. */
import type { TLSOptions } from "bun";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import {
  connectLink,
  type LinkAuth,
  type LinkHandlers,
  LinkPool,
  type LinkRuntime,
  serveLinks,
} from "../../wire/link/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import type { Secrets } from "../secrets/load-secrets.ts";
import type { KnownNames } from "./known-names.ts";
import type { Place } from "./place.ts";

export interface LinkParts {
  readonly place: Place;
  readonly auth: LinkAuth;
  readonly secrets: Secrets;
  readonly names: KnownNames;
  readonly topics: LinkHandlers;
  readonly random: Random;
  readonly logger: Logger;
}

export function openLinks({ auth, logger, names, place, random, secrets, topics }: LinkParts) {
  let watcher: Membership | undefined;
  const runtime: LinkRuntime = {
    clock: systemClock,
    handlers: topics,
    onBeat: (link) => watcher?.linkActivity(link.peer.id),
    report: (what, thrown) => logger.error(what, { error: thrown }),
  };
  const tls = tlsOf(secrets, names);
  const pool: LinkPool = new LinkPool({
    selfId: place.self().id,
    clock: systemClock,
    random,
    dial: (to, signal) =>
      connectLink(to, { ...runtime, auth, self: place.self(), entropy: systemEntropy, signal, ...(tls && { tls }) }),
    onLost: (link, { isGraceful }) => watcher?.linkClosed(link.peer.id, isGraceful),
  });
  const server = serveLinks({
    ...runtime,
    auth,
    self: () => place.self(),
    audiences: () => place.audiences(),
    onLink: (link) => void pool.adopt(link),
  });
  const follow = (membership: Membership): void => {
    watcher = membership;
  };
  const close = async (): Promise<void> => {
    await Promise.all([pool.close({ graceMs: 0 }), server.close({ graceMs: 0 })]);
  };
  return { pool, server, follow, close };
}

/** For dialing: whom to believe, and what to show. */
function tlsOf({ tls }: Secrets, names: KnownNames): TLSOptions | undefined {
  if (!tls) return undefined;
  const own = tls.own && { cert: tls.own.cert, key: tls.own.key };
  const options = { ca: tls.ca, ...own, checkServerIdentity: names.check }; // Bun's types know it of node:tls only
  return options;
}
