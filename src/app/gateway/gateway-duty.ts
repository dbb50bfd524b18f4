/**
 * What a gateway does besides being a member of the cluster: it listens for clients, and leads their requests along the routes of its
 * file, alone or with other processes at the same port. Reads the file again when it is told to; stops by taking no more connections and
 * letting requests under way end.
 */
import { randomBytes, randomInt } from "node:crypto";
import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { LOG_LEVELS, type Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Tracer } from "../../base/trace.ts";
import type { LogWriter } from "../node/log-file.ts";
import type { NodeDuty, NodeShown } from "../node/node-duty.ts";
import type { OpenedNode } from "../node/open-node.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import type { NodeSettings } from "../node/settings.ts";
import type { TracingWords } from "../observe/tracing.ts";
import { stateDirectory } from "../self.ts";
import { CertificateWatch } from "./certificate-times.ts";
import { gatewaySample } from "./gateway-sample.ts";
import { gatewayService } from "./gateway-service.ts";
import { Joined } from "./joined.ts";
import { GATEWAY_ROLE, gatewaysOverLinks, LimitSharing, limitHandlers } from "./limit-sharing.ts";
import { namedTargets } from "./named/named-targets.ts";
import { pipelineWays } from "./named/pipeline-ways.ts";
import { openAccessLog } from "./open-access-log.ts";
import { GatewayProcesses } from "./processes/gateway-processes.ts";
import { type NamedDoor, openNamedDoor } from "./processes/named-door.ts";
import { healthOf } from "./processes/target-health.ts";
import { requireUnused } from "./processes/unused-port.ts";
import { requestIds } from "./request-ids.ts";
import { RunningGateway } from "./running-gateway.ts";
import type { GatewayRoleSettings } from "./settings.ts";
import { type GatewaySnapshot, takeSnapshot } from "./snapshot.ts";

export { readGatewaySettings } from "./settings.ts";

export interface GatewayChoices {
  readonly settings: GatewayRoleSettings;
  readonly node: NodeSettings;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** For the other processes, which trace by themselves. */
  readonly tracing: TracingWords;
  readonly version: string;
}

export type GatewayNotice =
  | { readonly event: "gateway"; readonly timeMs: number; readonly address: string; readonly tls: boolean }
  | { readonly event: "reloaded"; readonly timeMs: number; readonly routes: number }
  | { readonly event: "not reloaded"; readonly timeMs: number; readonly reason: string };

export interface OpenGateway {
  readonly duty: NodeDuty;
  /** As SIGHUP does; what is wrong is logged. */
  reload(): void;
  /** As SIGUSR1 does: those that somebody has moved away are let go of at once, and begun anew by the next line. */
  reopenLogs(): void;
  onNotice(hear: (notice: GatewayNotice) => void): void;
}

const SEEDS = 2 ** 32;
const PSEUDONYM_BYTES = 4;

/** Fails with all that is wrong with the gateway file. */
export async function openGateway(choices: GatewayChoices): Promise<OpenGateway> {
  const main = new MainProcess(choices);
  await main.open();
  return {
    duty: main.duty(),
    reload: () => main.reloadLogged(),
    reopenLogs: () => main.reopenLogs(),
    onNotice: (hear) => void main.hearers.add(hear),
  };
}

/** The process that is the node, and serves clients too. */
class MainProcess {
  readonly hearers = new Set<(notice: GatewayNotice) => void>();
  readonly #choices: GatewayChoices;
  readonly #logger: Logger;
  readonly #pseudonym: string;
  readonly #warn: ReturnType<typeof warnOnceAWhile>;
  readonly #sharing: LimitSharing;
  readonly #processes: GatewayProcesses | undefined;
  /** Each reads the newest file: one that waits is enough for all who ask. */
  readonly #reloads = new Joined(() => this.#reload());
  readonly #named = namedTargets({
    clock: systemClock,
    onBroken: (failure) => this.#warn(`a stream of a service broke: ${failure.code}`, { error: failure }),
    shown: () => this.#shown,
    ways: pipelineWays({
      clock: systemClock,
      cluster: () => this.#cluster,
      dataDir: () => stateDirectory(this.#choices.node.dataDir),
    }),
  });
  #running!: RunningGateway; // `open` comes right behind the constructor
  #door: NamedDoor | undefined;
  #shown: NodeShown | undefined;
  #cluster: OpenedNode | undefined;
  #logs = new Map<string, LogWriter>();
  #certificates: CertificateWatch | undefined;

  constructor(choices: GatewayChoices) {
    const { logger, node, settings } = choices;
    this.#choices = choices;
    this.#logger = logger.child({ component: "gateway" });
    this.#warn = warnOnceAWhile(this.#logger, systemClock);
    this.#pseudonym = `${node.id}-${randomBytes(PSEUDONYM_BYTES).toString("hex")}`;
    this.#processes = settings.processes > 1 ? this.#family(settings.processes - 1) : undefined;
    const gateways = gatewaysOverLinks(
      () => this.#cluster,
      (text) => this.#logger.debug(text),
    );
    this.#sharing = new LimitSharing(systemClock, this.#processes ? [gateways, this.#processes] : [gateways]);
  }

  async open(): Promise<void> {
    const { settings, tracer } = this.#choices;
    this.#running = await RunningGateway.open({
      ...{ settings, tracer, logger: this.#logger, pseudonym: this.#pseudonym },
      random: seededRandom(randomInt(SEEDS)),
      named: this.#named,
      authenticate: (request, sender) => this.#node().authenticate(request, sender),
      newId: requestIds(randomBytes),
      server: () => ({ address: settings.host, port: this.#port }),
      limitsChanged: (limits) => this.#sharing.follow(limits),
      healthChanged: () => this.#processes?.tellHealth(),
      openLog: (place) => this.#openLog(place),
    });
  }

  duty(): NodeDuty {
    const { node, settings } = this.#choices;
    return {
      command: GATEWAY_ROLE,
      handlers: limitHandlers(this.#sharing),
      services: [
        gatewayService({
          ...{ node: node.id, settings, running: this.#running },
          serving: () => 1 + (this.#processes?.count ?? 0),
          counted: (withProposals) => this.#counted(withProposals),
          reload: () => this.#reloads.ask(),
        }),
      ],
      attach: (shown) => {
        this.#shown = shown;
      },
      opened: (node) => this.#opened(node),
      ending: () => this.#end(),
      closed: async () => {
        this.#certificates?.close();
        this.#sharing.close();
        await this.#processes?.close();
        await this.#door?.close();
      },
      trees: () => (this.#processes ? [this.#processes.tree()] : []),
      observed: () => ({ gateway: { sample: () => gatewaySample(this.#running, this.#seen(false)) } }),
    };
  }

  reloadLogged(): void {
    this.#reloads
      .ask()
      .catch((thrown) => this.#logger.error(`not reloaded, it goes by the file as it was: ${messageOf(thrown)}`));
  }

  reopenLogs(): void {
    for (const write of this.#logs.values()) write.close();
    this.#logger.info("logs are opened anew");
  }

  async #reload(): Promise<void> {
    try {
      await this.#running.reload();
    } catch (thrown) {
      this.#tell({ event: "not reloaded", timeMs: systemClock.now(), reason: messageOf(thrown) });
      throw thrown;
    } finally {
      this.#closeFormerLogs();
    }
    await this.#processes?.reload(this.#running.text);
    const routes = this.#running.gateway.routes.length;
    this.#logger.info("goes by its file as it is now", { routes });
    this.#tell({ event: "reloaded", timeMs: systemClock.now(), routes });
  }

  async #opened(node: OpenedNode): Promise<void> {
    const { node: own, settings } = this.#choices;
    this.#cluster = node;
    if (this.#processes) {
      requireUnused(settings);
      this.#door = openNamedDoor(stateDirectory(own.dataDir), this.#named);
    }
    const { host, port } = await this.#running.listen(this.#processes !== undefined);
    this.#certificates = new CertificateWatch({
      clock: systemClock,
      times: () => this.#running.certificates,
      warn: (text) => this.#logger.warn(text),
    });
    await this.#processes?.start();
    const address = formatAddress({ host, port });
    const routes = this.#running.gateway.routes.length;
    this.#logger.info("clients are let in", { address, tls: this.#running.isTls, routes });
    this.#tell({ event: "gateway", timeMs: systemClock.now(), address, tls: this.#running.isTls });
  }

  async #end(): Promise<void> {
    const { drainMs } = this.#choices.settings;
    await Promise.all([this.#running.close(drainMs), this.#processes?.drain(drainMs)]);
  }

  async #counted(withProposals: boolean): Promise<GatewaySnapshot> {
    await this.#processes?.look(withProposals);
    return this.#seen(withProposals);
  }

  #seen(withProposals: boolean): GatewaySnapshot {
    const own = takeSnapshot(this.#running, withProposals);
    return this.#processes?.merged(own) ?? own;
  }

  #family(count: number): GatewayProcesses {
    const { logger, node, settings, tracing, version } = this.#choices;
    return new GatewayProcesses(count, {
      clock: systemClock,
      logger: logger.child({ component: "gateway" }),
      words: () => ({
        settings: { ...settings, port: this.#port },
        ...{ node: node.id, version, tracing, pseudonym: this.#pseudonym },
        text: this.#running.text,
        logLevel: LOG_LEVELS.find((level) => logger.isEnabled(level)) ?? "silent",
        named: this.#door?.path ?? "",
      }),
      callerOf: async (token, address) => {
        const headers = { get: (name: string) => (name === "authorization" ? `Bearer ${token}` : null) };
        return this.#node().authenticate({ headers }, { address });
      },
      limits: (peer, message) => this.#sharing.receive(peer, message),
      health: () => healthOf(this.#running),
      access: (text) => {
        const { accessLog } = this.#running.gateway.plan.settings;
        if (accessLog !== undefined) this.#openLog(accessLog)(text);
      },
    });
  }

  #node(): NodeShown {
    if (this.#shown) return this.#shown;
    throw new Failure("gateway.not_ready", "the node is still opening", { retryable: true });
  }

  /** Each file once, whoever writes to it. */
  #openLog(place: string): LogWriter {
    const known = this.#logs.get(place);
    if (known) return known;
    const write = openAccessLog(place, (text) => this.#logger.warn(text));
    this.#logs.set(place, write);
    return write;
  }

  /** A file that it does not write to any more may be deleted, or be on a disk that is to be taken away. */
  #closeFormerLogs(): void {
    const { accessLog } = this.#running.gateway.plan.settings;
    for (const [place, write] of this.#logs) {
      if (place === accessLog) continue;
      write.close();
      this.#logs.delete(place);
    }
  }

  get #port(): number {
    return this.#running.listener?.port ?? this.#choices.settings.port;
  }

  #tell(notice: GatewayNotice): void {
    for (const hear of this.hearers) hear(notice);
  }
}
