/**
 * `distributed-system/node`: a node for programs that embed one. It registers its alias with the port mapper of this machine
 * (started when none runs), joins a cluster when it is given seeds, and sends, calls and listens by alias. One per process.
 */
import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Logger, LogLevel } from "../../base/log.ts";
import type { Membership, MembershipEvent } from "../../cluster/membership/index.ts";
import {
  type AskOptions,
  CALL_TOPIC,
  type CallMeta,
  type MailboxCounts,
  type MailboxOptions,
  MESSAGE_TOPIC,
  type MessageMeta,
  type NodeEvents,
  NodeRuntime,
  type Peer,
  type Post,
  type Registry,
} from "../../cluster/node/index.ts";
import type { DataClient } from "../../data/client/index.ts";
import { type LinkHandlers, type LinkPool, linkTransport } from "../../wire/link/index.ts";
import { type Client, type Contract, createClient, type Methods, type Service } from "../../wire/rpc/index.ts";
import { type NodeServices, openServices } from "../service/open-services.ts";
import { readServiceSettings, type ServiceSettings } from "../service/settings.ts";
import { type LogFormat, stderrLogger } from "./log-sinks.ts";
import { dataOverLinks } from "./node-data.ts";
import { type NodeServicesClient, servicesClient } from "./node-services.ts";
import { type OpenedNode, openNode } from "./open-node.ts";
import { clusterRegistry, openPmdRegistry, type PmdRegistry } from "./registries.ts";
import { type NodeWords, type Preset, readSettings, type SplitBrainStrategy } from "./settings.ts";

export { z } from "zod";
export { Failure } from "../../base/errors.ts";
export { createLogger, type Logger, type LogLevel, type LogRecord, type LogSink } from "../../base/log.ts";
export type { MembershipEvent } from "../../cluster/membership/index.ts";
export type {
  AskOptions,
  CallMeta,
  MailboxCounts,
  MailboxOptions,
  MessageMeta,
  NodeEvents,
  Peer,
} from "../../cluster/node/index.ts";
export {
  type ConsumeOptions,
  type Counter,
  change,
  check,
  type DataClient,
  type DistributedTransaction,
  type HeldLock,
  type JsonMap,
  type Lock,
  type Queue,
  type StrongMap,
} from "../../data/client/index.ts";
export type { Entry, MapEvent, Message, Value } from "../../data/words/index.ts";
export { type Client, type Contract, defineContract, implement, type Service } from "../../wire/rpc/index.ts";
export { connectData, type DataChoices } from "../data/connect-data.ts";
export type { NodeServicesClient, ServiceCallOptions } from "./node-services.ts";

export type Member = Membership["self"];

export interface NodeOptions {
  /** What others call it. */
  readonly alias: string;
  readonly mailbox?: MailboxOptions;
  /** Who it is: another one for each process unless told otherwise. */
  readonly nodeId?: string;
  /** 127.0.0.1 unless told otherwise; anything else needs `secrets`. */
  readonly host?: string;
  /** Any that is free unless told otherwise. */
  readonly port?: number;
  readonly advertise?: string;
  /** `host:port` of nodes that are there already. */
  readonly seeds?: readonly string[];
  readonly roles?: readonly string[];
  readonly capacities?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly preset?: Preset;
  /** About how many nodes there will be (16): waits are as long as so many need. */
  readonly clusterSize?: number;
  /** Which side of a partition goes on; off unless told otherwise. `onMember` hears of `down` and `up`. */
  readonly splitBrain?: {
    readonly strategy: SplitBrainStrategy;
    readonly stableAfterMs?: number;
    /** Of static-quorum. */
    readonly quorumSize?: number;
  };
  /** False does without the port mapper: peers are those of the cluster alone. */
  readonly pmd?: false | { readonly port?: number };
  /** A directory made by `distributed_system init`. */
  readonly secrets?: string;
  readonly dataDir?: string;
  /** Contracts that it answers. */
  readonly services?: readonly Service[];
  /** Directories with services of users, each of which this node runs in a process of its own. */
  readonly serviceDirectories?: readonly string[];
  /** A logger of the program's own, or how ours writes to standard error. */
  readonly logger?: Logger | { readonly level?: LogLevel; readonly format?: LogFormat };
}

/** Two nodes in one process would share its death, its mailbox's memory and its signals. Held globally: a program may load this module twice. */
const RUNNING = Symbol.for("distributed-system.node.running");
/** Aliases are told to everybody; an id is the alias and some letters by chance, in the form that a certificate of that name covers. */
const ID_CHARS = 8;
/** So that the id stays within the 64 characters of a name. */
const ID_ALIAS_CHARS = 55;

export class Node {
  readonly #runtime: NodeRuntime;
  readonly #opened: OpenedNode;
  readonly #pmd: PmdRegistry | undefined;
  readonly #features: NodeServices;
  readonly logger: Logger;
  /** Services of users, wherever in the cluster they run. */
  readonly services: NodeServicesClient;
  #stopping: Promise<void> | undefined;
  #data: DataClient | undefined;

  private constructor({ features, logger, opened, pmd, runtime }: Built) {
    this.#runtime = runtime;
    this.#opened = opened;
    this.#pmd = pmd;
    this.#features = features;
    this.services = servicesClient(features.door, runtime.id);
    this.logger = logger;
  }

  /** Fails with `node.already_started` while another one runs in this process, and with what keeps it from starting. */
  static async start(options: NodeOptions): Promise<Node> {
    const held = globalThis as { [RUNNING]?: string };
    if (held[RUNNING] !== undefined) {
      const message = `node ${held[RUNNING]} runs in this process; one node per process is allowed, stop it first`;
      throw new Failure("node.already_started", message);
    }
    held[RUNNING] = options.alias;
    try {
      return await startNode(options, (parts) => new Node(parts));
    } catch (thrown) {
      delete held[RUNNING];
      throw thrown;
    }
  }

  get id(): string {
    return this.#runtime.id;
  }

  get alias(): string {
    return this.#runtime.alias;
  }

  /** `host:port`, where others reach it. */
  get address(): string {
    return formatAddress(this.#opened.address);
  }

  /** Fire and forget: resolves when the message is on its way. Fails when nobody has that alias, or cannot be reached. */
  send(alias: string, message: unknown): Promise<void> {
    return this.#runtime.send(alias, message);
  }

  /** Asks and waits for the answer of the other's `onCall`, ten seconds unless told otherwise. */
  call(alias: string, request: unknown, options?: AskOptions): Promise<unknown> {
    return this.#runtime.call(alias, request, options);
  }

  /** One handler, one message at a time, in the order of their arrival. */
  onMessage(handler: (message: unknown, meta: MessageMeta) => unknown): void {
    this.#runtime.onMessage(handler);
  }

  onCall(handler: (request: unknown, meta: CallMeta) => unknown): void {
    this.#runtime.onCall(handler);
  }

  /** A typed client of a contract that the node of that alias serves. */
  client<M extends Methods>(contract: Contract<M>, alias: string): Client<M> {
    const links = this.#opened.links;
    return createClient(
      contract,
      async (call) => {
        const peer = await this.#runtime.resolve(alias);
        if (!peer)
          throw new Failure("node.unknown_alias", `there is no node ${JSON.stringify(alias)}`, { retryable: true });
        const { id } = peer;
        return linkTransport({ get: (address, options) => links.get(address, { ...options, id }) }, peer)(call);
      },
      { clock: systemClock },
    );
  }

  /** Maps, locks, queues, counters and transactions that the cluster's masters keep: each command once, whoever of them dies. */
  get data(): DataClient {
    this.#data ??= dataOverLinks(this.#opened.membership, this.#opened.links);
    return this.#data;
  }

  /** Everybody who can be reached now. */
  discover(): Promise<readonly Peer[]> {
    return this.#runtime.discover();
  }

  resolve(alias: string): Promise<Peer | undefined> {
    return this.#runtime.resolve(alias);
  }

  /** Gives back what takes the handler away again. */
  on<Name extends keyof NodeEvents>(name: Name, handler: (event: NodeEvents[Name]) => void): () => void {
    return this.#runtime.on(name, handler);
  }

  /** This node's side of a partition: `down` is to stop what must not run twice. */
  get status(): "up" | "down" {
    return this.#opened.membership.status;
  }

  /** Whoever is known of the cluster, this node included. */
  members(): readonly Member[] {
    return this.#opened.membership.members();
  }

  /** The oldest that is alive as this node sees it; two nodes may see different ones, so take no locks by it. */
  leader(): Member | undefined {
    return this.#opened.membership.leader();
  }

  /** What happens in the cluster: join, leave, suspect, alive, update; up and down of this side; gives back what ends it. */
  onMember(handler: (event: MembershipEvent) => void): () => void {
    return this.#opened.membership.on(handler);
  }

  /** Of the mailbox. */
  counts(): MailboxCounts {
    return this.#runtime.counts();
  }

  /** Leaves: the port mapper and the cluster are told, links end gracefully. Again: the same. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#runtime.close();
    await this.#pmd?.close();
    await this.#features.ending();
    await this.#opened.close("leave");
    await this.#features.closed();
    delete (globalThis as { [RUNNING]?: string })[RUNNING];
  }
}

interface Built {
  readonly runtime: NodeRuntime;
  readonly opened: OpenedNode;
  readonly pmd: PmdRegistry | undefined;
  readonly features: NodeServices;
  readonly logger: Logger;
}

/** As commands have it: what is not told is taken from the environment. */
function withEnvironment(options: NodeOptions): NodeOptions {
  const { DISTRIBUTED_SYSTEM_DATA_DIR: dataDir, DISTRIBUTED_SYSTEM_SECRETS: secrets } = process.env;
  return { ...(dataDir && { dataDir }), ...(secrets && { secrets }), ...options };
}

async function startNode(asked: NodeOptions, build: (parts: Built) => Node): Promise<Node> {
  const options = withEnvironment(asked);
  const { alias, services = [] } = options;
  const id = options.nodeId ?? `${alias.slice(0, ID_ALIAS_CHARS)}@${crypto.randomUUID().slice(0, ID_CHARS)}`;
  const settings = readSettings(wordsOf(options, id));
  const logger = loggerFrom(options);
  let runtime: NodeRuntime | undefined;
  const features = openServices({ settings: servicesFrom(options), self: id, dataDir: options.dataDir, logger });
  const opened = await openNode({
    settings,
    logger,
    services: [...features.services, ...services],
    handlers: { ...features.handlers, ...topicsOf(() => runtime) },
  });
  let pmd: PmdRegistry | undefined;
  try {
    if (options.pmd !== false) {
      pmd = await openPmdRegistry({ port: options.pmd?.port, dataDir: options.dataDir, logger });
    }
    const registries: Registry[] = [...(pmd ? [pmd] : []), clusterRegistry(opened.membership)];
    const ports = { registries, post: postOf(opened.links), clock: systemClock, logger };
    runtime = new NodeRuntime({ id, alias, mailbox: options.mailbox ?? {} }, ports);
    features.opened(opened);
    opened.start();
    await pmd?.untilKnown();
    await pmd?.register({ alias, nodeId: id, ...opened.address });
    return build({ runtime, opened, pmd, features, logger });
  } catch (thrown) {
    runtime?.close();
    await pmd?.close();
    await opened.close("abort");
    await features.closed();
    throw thrown;
  }
}

function wordsOf(asked: NodeOptions, nodeId: string): NodeWords {
  const { alias, capacities = {}, clusterSize, labels = {}, port, splitBrain, ...options } = asked;
  return {
    ...options,
    ...(splitBrain && { splitBrain: splitBrain.strategy }),
    ...(splitBrain?.stableAfterMs !== undefined && { stableAfter: `${splitBrain.stableAfterMs}ms` }),
    ...(splitBrain?.quorumSize !== undefined && { quorumSize: String(splitBrain.quorumSize) }),
    ...(clusterSize !== undefined && { clusterSize: String(clusterSize) }),
    name: alias,
    nodeId,
    port: port === undefined ? undefined : String(port),
    capacities: Object.entries(capacities).map(([key, value]) => `${key}=${value}`),
    labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  };
}

/** A program says which: what lies in its working directory by chance is not run. */
function servicesFrom({ serviceDirectories: directories = [] }: NodeOptions): ServiceSettings {
  return readServiceSettings({ directories, none: directories.length === 0 }, process.cwd());
}

function loggerFrom({ alias, logger = {} }: NodeOptions): Logger {
  if ("info" in logger) return logger;
  const { format, level = "info" } = logger;
  return stderrLogger({ name: alias, level, ...(format && { format }) });
}

function topicsOf(runtime: () => NodeRuntime | undefined): LinkHandlers {
  const running = (): NodeRuntime => {
    const found = runtime();
    if (found) return found;
    throw new Failure("node.starting", "the node is only just starting", { retryable: true });
  };
  return {
    [MESSAGE_TOPIC]: { notify: (payload, { peer, sizeBytes }) => running().receive(peer.id, payload, sizeBytes) },
    [CALL_TOPIC]: {
      request: (payload, { peer, signal, sizeBytes }) => running().answer(peer.id, payload, sizeBytes, signal),
    },
  };
}

/**
 * Whoever answers has to be the one who was meant: another node may have the address by now, and must not get his messages.
 * Waits while the link's buffer is full: a sender that is too fast is slowed, not refused.
 */
function postOf(links: LinkPool): Post {
  return {
    async notify(to, topic, payload) {
      const link = await links.get(to, { id: to.id });
      await link.notifyWhenRoom(topic, payload);
    },
    async request(to, topic, payload, options) {
      const link = await links.get(to, { id: to.id, ...(options.signal && { signal: options.signal }) });
      return link.request(topic, payload, options);
    },
  };
}
