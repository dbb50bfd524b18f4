/**
 * Puts a node together: secrets, listener, links, membership, and the services that it answers, on one address. Opened means
 * that it listens; `start` makes it a member. Everything is closed in the reverse order.
 */
import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { Membership } from "../../cluster/membership/index.ts";
import { IDLE_S, type Listener, openListener } from "../../cluster/node/index.ts";
import type { Tokens } from "../../wire/auth/index.ts";
import {
  LINK_PATH,
  type LinkHandlers,
  type LinkPool,
  type LinkServer,
  type LinkSocketData,
  RPC_TOPIC,
  rpcHandler,
  type ServeCounts,
} from "../../wire/link/index.ts";
import { Dispatcher, type Service, serveContracts } from "../../wire/rpc/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { loadSecrets, type Secrets } from "../secrets/load-secrets.ts";
import { isEveryInterface } from "../secrets/loopback.ts";
import { callerOf } from "./caller.ts";
import { clusterService } from "./cluster-service.ts";
import { KnownNames } from "./known-names.ts";
import { bytesOf, type DatagramDoor, metaOf, optionsOf, portsOf, SYNC_TOPIC } from "./membership-ports.ts";
import { openLinks } from "./open-links.ts";
import { Place } from "./place.ts";
import type { NodeSettings } from "./settings.ts";
import { authOf, openTrust } from "./trust.ts";

/** What others get to hear that this node leaves. */
const LEAVE_DEADLINE_MS = 5_000;
/** What calls under way get to end when the node closes. */
const CLOSE_GRACE_MS = 2_000;

/** Who waits for a lock, a message or a change has a call under way all the time. */
export const CALLS_MAX = 4_096;
/** A value of 1 MiB as base64, with room; below what the port takes at all. */
export const REQUEST_BYTES_MAX = 3 * 1024 * 1024;

export interface OpenNodeOptions {
  readonly settings: NodeSettings;
  readonly logger: Logger;
  /** Of links, beside those of the node itself. */
  readonly handlers?: LinkHandlers;
  /** Answered over links and over HTTP, beside those of the node itself. */
  readonly services?: readonly Service[];
  /** What answers HTTP, and more contracts; without one the contracts are there under `/rpc` for who has a token of the cluster's key. */
  readonly front?: (parts: FrontParts) => NodeFront;
}

/** What a front is put together from: the node, listening and not a member yet. */
export interface FrontParts extends Pick<OpenedNode, "address" | "id" | "isTls" | "links" | "membership"> {
  readonly secrets: Pick<Secrets, "keyFile" | "keyring">;
  /** Who came to the door for links. */
  readonly linkCounts: () => ServeCounts;
  readonly tokens: Tokens;
  /** To whom tokens under the cluster's key have to be addressed. */
  readonly audiences: () => readonly string[];
}

/** How a request came. */
export interface Arrival {
  /** Of the sender. */
  readonly address: string | undefined;
  /** The connection may be silent for as long as the answer takes. */
  patient(): void;
  /** It has been answered, whole. */
  settled(): void;
}

export interface NodeFront {
  readonly services: readonly Service[];
  /** All contracts are there; from now on it is asked. */
  open(dispatcher: Dispatcher): (request: Request, arrival: Arrival) => Promise<Response>;
  close(): void;
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

/** Fails with what keeps it from opening, and leaves nothing behind then. */
export async function openNode(options: OpenNodeOptions): Promise<OpenedNode> {
  await using opening = new AsyncDisposableStack();
  const node = await putTogether(options, opening);
  const closing = opening.move();
  return { ...node, close: (how) => closeNode(node, how, closing) };
}

async function putTogether(
  { settings: asked, logger, front: openFront, handlers = {}, services: more = [] }: OpenNodeOptions,
  closing: AsyncDisposableStack,
): Promise<Omit<OpenedNode, "close">> {
  requireReachable(asked);
  const names = new KnownNames();
  const settings = { ...asked, host: await ownAddress(asked.host, names) };
  const { advertise, dataDir, host, id, secrets: dir } = settings;
  const secrets = loadSecrets({ dir, dataDir, address: { host }, id, ...(advertise && { advertise }) });
  for (const warning of secrets.warnings) logger.warn(warning);
  const trust = openTrust(secrets, logger);
  closing.defer(() => trust.close());
  const random = seededRandom(Buffer.from(systemEntropy(4)).readUInt32LE());
  const place = new Place(settings);
  const topics: Record<string, LinkHandlers[string]> = { ...handlers };
  const wires = openLinks({
    place,
    auth: authOf(trust.tokens, id),
    secrets,
    names,
    topics,
    random,
    logger: logger.child({ component: "links" }),
  });
  closing.defer(() => wires.close());
  const door: Doors = { answer: notYet, onDatagram: () => {} };
  const listener = await listen(settings, secrets, { door, links: wires.server, logger });
  closing.defer(() => listener.close());
  place.port = listener.port;

  const membership = new Membership(
    { id, address: place.address, bornMs: systemClock.now(), meta: metaOf(settings) },
    optionsOf(settings),
    portsOf({
      listener,
      door,
      pool: wires.pool,
      names,
      seal: trust.seal,
      random,
      logger: logger.child({ component: "membership" }),
    }),
  );
  closing.defer(() => membership.stop());
  wires.follow(membership);
  topics[SYNC_TOPIC] = { request: (payload, { peer }) => membership.answerSync(peer.id, bytesOf(payload)) };

  const { address } = place;
  const isTls = secrets.tls !== undefined;
  const { pool: links } = wires;
  const shown = { address, id, isTls, links, membership, secrets, tokens: trust.tokens };
  const linkCounts = (): ServeCounts => wires.server.counts();
  const front = openFront?.({ ...shown, linkCounts, audiences: () => place.audiences() });
  if (front) closing.defer(() => front.close());
  const services = [clusterService(membership), ...(front?.services ?? []), ...more];
  const dispatcher = dispatcherOf(services, logger);
  topics[RPC_TOPIC] = rpcHandler(dispatcher);
  door.answer = front?.open(dispatcher) ?? contractsAlone(dispatcher, trust.tokens, place);

  const start = (): void => {
    membership.start();
    if (settings.seeds.length === 0) return;
    membership.join(settings.seeds).catch((thrown) => logger.error("cannot join", { error: thrown }));
  };
  return { id, address, isTls, membership, links, services, start };
}

function dispatcherOf(services: readonly Service[], logger: Logger): Dispatcher {
  const report = (what: string, thrown: unknown): void => logger.error(what, { error: thrown });
  return new Dispatcher(services, { clock: systemClock, report, callsMax: CALLS_MAX });
}

/** Of a node without a front: for who has a token under the cluster's key. */
function contractsAlone(dispatcher: Dispatcher, tokens: Tokens, place: Place): Doors["answer"] {
  const authenticate = callerOf(tokens, place.audiences());
  return serveContracts(dispatcher, { clock: systemClock, authenticate, requestBytesMax: REQUEST_BYTES_MAX });
}

/** Leaves first, while others can still answer; then everything down in the reverse order. */
async function closeNode(
  { links, membership }: Omit<OpenedNode, "close">,
  how: "leave" | "abort",
  closing: AsyncDisposableStack,
): Promise<void> {
  if (how === "leave") {
    await membership.leave(LEAVE_DEADLINE_MS);
    await links.close({ graceMs: CLOSE_GRACE_MS });
  }
  await closing.disposeAsync();
}

/** What the port answers with; nothing before the parts behind it are there. */
interface Doors extends DatagramDoor {
  answer: (request: Request, arrival: Arrival) => Promise<Response>;
}

/** Health checks of HTTP/1.0 name no host: the address is only a path then, and nobody else would know what to do with it. */
function withHost(request: Request): Request {
  return request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
}

/** Reading an address costs more than looking for four letters that hardly any has. */
function isLinkPath(url: string): boolean {
  return url.includes(LINK_PATH) && new URL(url).pathname === LINK_PATH;
}

class Arrived implements Arrival {
  readonly #request: Request;
  readonly #server: Bun.Server<LinkSocketData>;
  #isPatient = false;

  constructor(request: Request, server: Bun.Server<LinkSocketData>) {
    this.#request = request;
    this.#server = server;
  }

  /** Asked for when somebody is refused: most requests need it never. */
  get address(): string | undefined {
    return this.#server.requestIP(this.#request)?.address;
  }

  patient(): void {
    this.#isPatient = true;
    this.#server.timeout(this.#request, 0);
  }

  settled(): void {
    if (this.#isPatient) this.#server.timeout(this.#request, IDLE_S);
  }
}

async function notYet(): Promise<Response> {
  return new Response(null, { status: 503 });
}

function requireReachable({ advertise, host }: NodeSettings): void {
  if (advertise || !isEveryInterface(host)) return;
  const message = `the node listens on every interface (${host}); --advertise HOST:PORT is required, to tell others where they reach it`;
  throw new Failure("usage.node", message);
}

/** A name stands for whatever address it has now; the node is known by that. */
async function ownAddress(host: string, names: KnownNames): Promise<string> {
  try {
    const [address] = await names.resolve(host);
    if (address !== undefined) return address;
  } catch (thrown) {
    throw new Failure("node.listen.address", `cannot listen on ${host}: ${messageOf(thrown)}`);
  }
  throw new Failure("node.listen.address", `cannot listen on ${host}: the name has no address`);
}

interface ListenParts {
  readonly door: Doors;
  readonly links: LinkServer;
  readonly logger: Logger;
}

function listen(
  { host, port }: NodeSettings,
  { tls }: Secrets,
  { door, links, logger }: ListenParts,
): Promise<Listener> {
  return openListener<LinkSocketData>({
    host,
    port,
    ...(tls?.own && { tls: { ca: tls.ca, cert: tls.own.cert, key: tls.own.key } }),
    clock: systemClock,
    fetch(request, server) {
      const whole = withHost(request);
      if (!isLinkPath(whole.url)) return door.answer(whole, new Arrived(request, server));
      return whole === request ? links.fetch(request, server) : new Response(null, { status: 400 }); // no node of ours
    },
    websocket: links.websocket,
    onDatagram: (from, bytes) => door.onDatagram(from, bytes),
    warn: (what) => logger.debug(what),
  });
}
