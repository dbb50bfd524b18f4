/**
 * The role of a child: serve clients at the port of the gateway that started this process, by the same file. What it has not itself (the
 * cluster's tokens and services, the log, the counting of limits with others) it asks the main process for, over the socket that it
 * has inherited; when that closes, it ends.
 */
import { randomBytes, randomInt } from "node:crypto";
import { systemClock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { createLogger, type Logger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { LineChannel } from "../../../process/plugin/index.ts";
import { openTracing, type Tracing } from "../../observe/tracing.ts";
import { type LimitPeers, LimitSharing } from "../limit-sharing.ts";
import { requestIds } from "../request-ids.ts";
import { RunningGateway, type RunningPorts } from "../running-gateway.ts";
import { snapshotJson, takeSnapshot } from "../snapshot.ts";
import type { FromProcess, StartWords, ToProcess } from "./messages.ts";
import { RemoteCallers } from "./remote-callers.ts";
import { remoteNamed } from "./remote-named.ts";
import { hearHealth } from "./target-health.ts";

/** The main process decides what comes of them. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;
/** The control socket, as a host inherits it. */
const CONTROL_FD = 3;
const MAIN = "main";
const SEEDS = 2 ** 32;
/** What was counted is told so often, or that there is nothing new: a process that is killed takes no more with it, one that hangs is found. */
const COUNT_MS = 1_000;
/** Of the access log, when the main process does not take it: lines beyond are lost, and counted. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

export async function serveGateway(): Promise<void> {
  // A terminal's Ctrl-C and a service manager's stop reach the whole group.
  for (const signal of SIGNALS) process.on(signal, () => {});
  let host: GatewayHost | undefined;
  const channel = await LineChannel.open(CONTROL_FD, {
    line(text) {
      const message = JSON.parse(text) as ToProcess; // our parent wrote it
      if (message.type === "start") host = new GatewayHost(message.words, channel);
      else host?.heard(message);
    },
    closed: () => process.exit(0),
  });
}

class GatewayHost {
  readonly #words: StartWords;
  readonly #channel: LineChannel;
  readonly #logger: Logger;
  readonly #callers: RemoteCallers;
  readonly #sharing: LimitSharing;
  readonly #running: Promise<RunningGateway>;
  #tracing: Tracing | undefined;
  #lost = 0;
  #toldRequests = -1;
  #toldConnections = -1;

  constructor(words: StartWords, channel: LineChannel) {
    this.#words = words;
    this.#channel = channel;
    this.#logger = createLogger({
      name: words.node,
      level: words.logLevel,
      clock: systemClock,
      sink: (record) => this.#send({ type: "log", record }),
    });
    this.#callers = new RemoteCallers(systemClock, (id, token, address) =>
      this.#send({ type: "token", id, token, address }),
    );
    this.#sharing = new LimitSharing(systemClock, [this.#mainProcess()]);
    this.#running = this.#open();
    this.#running.then(
      () => this.#send({ type: "listening" }),
      (thrown) => this.#send({ type: "refused", failure: toFailure(thrown, "gateway.defect").toJSON() }),
    );
  }

  heard(message: Exclude<ToProcess, { readonly type: "start" }>): void {
    switch (message.type) {
      case "reload":
        return void this.#reload(message.id, message.text);
      case "look":
        return void this.#count(message.id, message.withProposals);
      case "drain":
        return void this.#drain(message.graceMs);
      case "limits":
        return this.#sharing.receive(MAIN, message.message);
      case "health":
        return void this.#running.then((running) => hearHealth(running, message.routes)).catch(() => {}); // refused: told
      case "caller":
        return this.#callers.answered(message.id, message.caller);
      case "stranger":
        return this.#callers.refused(message.id, Failure.fromJSON(message.failure));
    }
  }

  async #open(): Promise<RunningGateway> {
    const { named, node, pseudonym, settings, text, tracing, version } = this.#words;
    const logger = this.#logger;
    this.#tracing = await openTracing(tracing, { name: node, version, warn: (said) => logger.warn(said) });
    const ports: RunningPorts = {
      ...{ settings, logger, tracer: this.#tracing.tracer, pseudonym },
      random: seededRandom(randomInt(SEEDS)),
      named: remoteNamed(named),
      isToldHealth: true,
      authenticate: this.#callers.authenticate,
      newId: requestIds(randomBytes),
      server: () => ({ address: settings.host, port: settings.port }),
      limitsChanged: (limits) => this.#sharing.follow(limits),
      openLog: () => (lines) => this.#tellAccess(lines),
    };
    const running = await RunningGateway.open(ports, text);
    await running.listen(true);
    systemClock.after(COUNT_MS, () => this.#countAgain(running));
    return running;
  }

  #mainProcess(): LimitPeers {
    return {
      isInside: true,
      names: () => [MAIN],
      send: (_peer, message) => this.#send({ type: "limits", message }),
    };
  }

  async #reload(id: number, text: string): Promise<void> {
    try {
      await (await this.#running).reload(text);
      this.#send({ type: "reloaded", id });
    } catch (thrown) {
      this.#send({ type: "reloaded", id, failure: toFailure(thrown, "gateway.defect").toJSON() });
    }
  }

  async #count(id: number, withProposals: boolean): Promise<void> {
    const running = await this.#running.catch(() => undefined);
    if (!running) return;
    const snapshot = takeSnapshot(running, withProposals);
    this.#toldRequests = snapshot.requests + snapshot.inFlight;
    this.#toldConnections = snapshot.connections;
    this.#send({ type: "counted", id, snapshot: snapshotJson(snapshot) });
  }

  #countAgain(running: RunningGateway): void {
    systemClock.after(COUNT_MS, () => this.#countAgain(running));
    const { inFlight, requests } = running.gateway.counts();
    const connections = running.listener?.counts().connections ?? 0;
    if (requests + inFlight === this.#toldRequests && connections === this.#toldConnections)
      this.#send({ type: "alive" });
    else void this.#count(0, false);
  }

  async #drain(graceMs: number): Promise<void> {
    const running = await this.#running.catch(() => undefined);
    await running?.close(graceMs);
    await this.#tracing?.close();
    await this.#count(0, false);
    this.#send({ type: "drained" });
  }

  #tellAccess(text: string): void {
    if (this.#channel.waitingBytes > WAITING_BYTES_MAX) {
      this.#lost += text.split("\n").length - 1;
      return;
    }
    if (this.#lost > 0) this.#logger.warn(`${this.#lost} lines of the access log are lost: it is written too slowly`);
    this.#lost = 0;
    this.#send({ type: "access", text });
  }

  #send(message: FromProcess): void {
    this.#channel.send(JSON.stringify(message));
  }
}
