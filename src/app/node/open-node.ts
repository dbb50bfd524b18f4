/**
 * Puts a node together: secrets, listener, links, membership, and the services that it answers, on one address. Opened means
 * that it listens; `start` makes it a member. Everything is closed in the reverse order.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { TLSOptions } from "bun";
import { type Address, formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import {
  Membership,
  type MembershipOptions,
  type MembershipPorts,
  membershipOptions,
} from "../../cluster/membership/index.ts";
import { type Listener, openListener } from "../../cluster/node/index.ts";
import { audiencesOf, GossipSeal, Tokens } from "../../wire/auth/index.ts";
import {
  connectLink,
  LINK_PATH,
  type LinkAuth,
  type LinkHandlers,
  LinkPool,
  type LinkRuntime,
  type LinkSelf,
  type LinkServer,
  type LinkSocketData,
  RPC_TOPIC,
  rpcHandler,
  serveLinks,
} from "../../wire/link/index.ts";
import { Dispatcher, type Service, serveContracts } from "../../wire/rpc/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { loadSecrets, type Secrets } from "../secrets/load-secrets.ts";
import { isLoopback } from "../secrets/loopback.ts";
import { ownHosts } from "../secrets/own-hosts.ts";
import { watchKeys } from "../secrets/watch-keys.ts";
import { callerOf } from "./caller.ts";
import { clusterService } from "./cluster-service.ts";
import type { NodeSettings } from "./settings.ts";

/** The topic of push-pulls on links. */
const SYNC_TOPIC = "cluster.sync";
/** A peer that has not answered a push-pull within this time is asked again at the next one. */
const SYNC_TIMEOUT_MS = 10_000;
/** What others get to hear that this node leaves. */
const LEAVE_DEADLINE_MS = 5_000;
/** What calls under way get to end when the node closes. */
const CLOSE_GRACE_MS = 2_000;

export interface OpenNodeOptions {
  readonly settings: NodeSettings;
  readonly logger: Logger;
  /** Of links, beside those of the node itself. */
  readonly handlers?: LinkHandlers;
  /** Answered over links and over HTTP, beside those of the node itself. */
  readonly services?: readonly Service[];
}

export interface OpenedNode {
  readonly id: string;
  /** Where others reach it. */
  readonly address: Address;
  readonly isTls: boolean;
  readonly membership: Membership;
  readonly links: LinkPool;
  /** All that it answers. */
  readonly services: readonly Service[];
  /** Becomes a member, and looks for the seeds. */
  start(): void;
  /** `leave` tells the others first; with `abort` they find out. */
  close(how: "leave" | "abort"): Promise<void>;
}

export async function openNode({
  settings,
  logger,
  handlers = {},
  services: more = [],
}: OpenNodeOptions): Promise<OpenedNode> {
  requireReachable(settings);
  const { advertise, dataDir, host, id, secrets: dir } = settings;
  const secrets = loadSecrets({ dir, dataDir, address: { host }, id, ...(advertise && { advertise }) });
  for (const warning of secrets.warnings) logger.warn(warning);
  const trust = openTrust(secrets, logger);
  const random = seededRandom(Buffer.from(systemEntropy(4)).readUInt32LE());
  const place = new Place(settings);
  const topics: Record<string, LinkHandlers[string]> = { ...handlers };
  const wires = openLinks({ place, auth: authOf(trust.tokens, settings.id), secrets, topics, random, logger });
  const doors: Doors = { answer: notYet, onDatagram: () => {} };
  const listener = await listen(settings, secrets, { doors, links: wires.server, logger });
  place.port = listener.port;

  const membership = new Membership(
    { id: settings.id, address: place.address, bornMs: systemClock.now(), meta: metaOf(settings) },
    optionsOf(settings),
    portsOf({ listener, doors, pool: wires.pool, seal: trust.seal, random, logger }),
  );
  wires.follow(membership);
  topics[SYNC_TOPIC] = { request: (payload, { peer }) => membership.answerSync(peer.id, bytesOf(payload)) };

  const services = [clusterService(membership), ...more];
  const report = (what: string, thrown: unknown): void => logger.error(what, { error: thrown });
  const dispatcher = new Dispatcher(services, { clock: systemClock, report });
  topics[RPC_TOPIC] = rpcHandler(dispatcher);
  const authenticate = callerOf(trust.tokens, place.audiences());
  doors.answer = serveContracts(dispatcher, { clock: systemClock, authenticate });

  return {
    id: settings.id,
    address: place.address,
    isTls: secrets.tls !== undefined,
    membership,
    links: wires.pool,
    services,
    start() {
      membership.start();
      if (settings.seeds.length > 0) void membership.join(settings.seeds);
    },
    async close(how) {
      if (how === "leave") await membership.leave(LEAVE_DEADLINE_MS);
      else membership.stop();
      const graceMs = how === "leave" ? CLOSE_GRACE_MS : 0;
      await Promise.all([wires.pool.close({ graceMs }), wires.server.close({ graceMs })]);
      await listener.close();
      trust.close();
    },
  };
}

/** This node's address, which is whole only when the port is open. */
class Place {
  readonly #settings: NodeSettings;
  readonly #instance = Buffer.from(systemEntropy(9)).toString("base64url");
  port = 0;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
  }

  get address(): Address {
    const { advertise, host } = this.#settings;
    return advertise ?? { host, port: this.port };
  }

  self(): LinkSelf {
    return { id: this.#settings.id, instance: this.#instance, address: this.address };
  }

  /** To whom a token has to be addressed. */
  audiences(): readonly string[] {
    const { host, id } = this.#settings;
    const own = [host, ...ownHosts(host)].map((each) => ({ host: each, port: this.port }));
    return audiencesOf(id, [this.address, ...own], isLoopback(host));
  }
}

/** What the port answers with; nothing before the parts behind it are there. */
interface Doors {
  answer: (request: Request) => Promise<Response>;
  onDatagram: (from: Address, bytes: Uint8Array) => void;
}

async function notYet(): Promise<Response> {
  return new Response(null, { status: 503 });
}

function requireReachable({ advertise, host }: NodeSettings): void {
  if (advertise || (host !== "0.0.0.0" && host !== "::")) return;
  const message = `the node listens on every interface (${host}); --advertise HOST:PORT is required, to tell others where they reach it`;
  throw new Failure("usage.node", message);
}

interface ListenParts {
  readonly doors: Doors;
  readonly links: LinkServer;
  readonly logger: Logger;
}

function listen(
  { host, port }: NodeSettings,
  { tls }: Secrets,
  { doors, links, logger }: ListenParts,
): Promise<Listener> {
  return openListener<LinkSocketData>({
    host,
    port,
    ...(tls?.own && { tls: { ca: tls.ca, cert: tls.own.cert, key: tls.own.key } }),
    clock: systemClock,
    fetch: (request, server) =>
      new URL(request.url).pathname === LINK_PATH ? links.fetch(request, server) : doors.answer(request),
    websocket: links.websocket,
    onDatagram: (from, bytes) => doors.onDatagram(from, bytes),
    warn: (what) => logger.debug(what),
  });
}

interface Trust {
  readonly tokens: Tokens;
  readonly seal: GossipSeal;
  close(): void;
}

/** Tokens and seals, which follow the key file. */
function openTrust({ keyring, keyFile, identity, identities }: Secrets, logger: Logger): Trust {
  const ports = { keyring, clock: systemClock, entropy: systemEntropy };
  const tokens = new Tokens({ ...ports, ...(identity && { identity }), ...(identities && { identities }) });
  const seal = new GossipSeal(ports);
  const watch = watchKeys(keyFile, keyring, {
    clock: systemClock,
    rotated(next) {
      tokens.rotate(next);
      seal.rotate(next);
      logger.info("cluster keys replaced");
    },
    warn: (text) => logger.warn(text),
  });
  return { tokens, seal, close: () => watch.close() };
}

function authOf(tokens: Tokens, id: string): LinkAuth {
  return {
    token: (audience) => tokens.issue({ sub: id, aud: audience }),
    verify: (token, audience) => tokens.verify(token, audience),
  };
}

interface LinkParts {
  readonly place: Place;
  readonly auth: LinkAuth;
  readonly secrets: Secrets;
  readonly topics: LinkHandlers;
  readonly random: Random;
  readonly logger: Logger;
}

function openLinks({ auth, logger, place, random, secrets, topics }: LinkParts) {
  let watcher: Membership | undefined;
  const runtime: LinkRuntime = {
    clock: systemClock,
    handlers: topics,
    onBeat: (link) => watcher?.linkActivity(link.peer.id),
    report: (what, thrown) => logger.error(what, { error: thrown }),
  };
  const tls = tlsOf(secrets);
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
  return { pool, server, follow };
}

/** For dialing: whom to believe, and what to show. */
function tlsOf({ tls }: Secrets): TLSOptions | undefined {
  return tls && { ca: tls.ca, ...(tls.own && { cert: tls.own.cert, key: tls.own.key }) };
}

interface PortParts extends Pick<LinkParts, "random" | "logger"> {
  readonly listener: Listener;
  readonly doors: Doors;
  readonly pool: LinkPool;
  readonly seal: GossipSeal;
}

function portsOf({ doors, listener, logger, pool, random, seal }: PortParts): MembershipPorts {
  return {
    datagrams: {
      send: (to, bytes) => listener.sendDatagram(to, bytes),
      onReceive(handler) {
        doors.onDatagram = handler;
      },
    },
    syncs: {
      async sync(to, bytes) {
        const link = await pool.get(to);
        return bytesOf(await link.request(SYNC_TOPIC, bytes, { timeoutMs: SYNC_TIMEOUT_MS }));
      },
    },
    seal,
    resolve: async (host) => {
      if (isIP(host)) return [host];
      const found = await lookup(host, { all: true });
      return found.map(({ address }) => address);
    },
    clock: systemClock,
    random,
    warn: (message, data) => logger.warn(message, data),
    failed(thrown) {
      throw thrown; // a defect of a protocol: the process ends, and whoever supervises it starts another
    },
  };
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  throw new Failure("cluster.bad_sync", "a push-pull is no bytes");
}

function metaOf({ capacities, labels, name, roles }: NodeSettings) {
  return { name, roles, capacities, labels };
}

function optionsOf({ preset, splitBrain: { quorumSize, stableAfterMs, strategy } }: NodeSettings): MembershipOptions {
  const options = membershipOptions(preset);
  const kinds = {
    off: { kind: "off" },
    "keep-majority": { kind: "keep-majority" },
    "keep-oldest": { kind: "keep-oldest", downIfAlone: true },
    "down-all": { kind: "down-all" },
    "static-quorum": { kind: "static-quorum", size: quorumSize ?? 1 },
  } as const;
  return { ...options, partition: { strategy: kinds[strategy], stableAfterMs } };
}

export function describeAddress(node: Pick<OpenedNode, "address" | "isTls">): string {
  return `${node.isTls ? "https" : "http"}://${formatAddress(node.address)}`;
}
