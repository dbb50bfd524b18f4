/**
 * One of the processes that share a gateway's port, as the main process sees it: started, spoken to, ended. It is this same program in
 * another role. When it is started again is decided elsewhere.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import type { LogRecord } from "../../../base/log.ts";
import type { SharedMessage } from "../../../edge/gateway/limit/index.ts";
import { HostChild, LineChannel } from "../../../process/plugin/index.ts";
import type { RunningChild } from "../../../process/supervise/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import type { Caller } from "../../../wire/rpc/index.ts";
import { gatewayHostCommand } from "../../self.ts";
import { type GatewaySnapshot, readSnapshot } from "../snapshot.ts";
import { Asked } from "./asked.ts";
import type { FromProcess, StartWords, ToProcess } from "./messages.ts";
import { Silence } from "./silence.ts";
import type { RouteHealth } from "./target-health.ts";

/** The firewall's rules are loaded and Lua is started within seconds; a busy machine takes longer. */
const START_MS_MAX = 60_000;
/** The same is done again. */
const RELOAD_MS_MAX = 60_000;
/** Counting takes milliseconds: one that is busy is shown as it was last. */
const LOOK_MS_MAX = 1_000;
/** From the end of its channel to its own; beyond, it is killed. */
const CLOSE_MS_MAX = 2_000;
/** It says something each second. Nothing that it does takes the loop so long; clients whose connections it gets wait meanwhile. */
const SILENT_MS_MAX = 10_000;
/** Requests to named targets go through `fetch`, which asks 256 at once unless it is told otherwise. */
const HTTP_REQUESTS_MAX = "4096";

export interface ProcessPorts {
  readonly clock: Clock;
  readonly words: () => StartWords;
  /** Resolves with who shows this token. */
  readonly callerOf: (token: string, address: string | undefined) => Promise<Caller>;
  readonly limits: (message: SharedMessage) => void;
  /** How targets are now. */
  readonly health: () => readonly RouteHealth[];
  readonly counted: (snapshot: GatewaySnapshot) => void;
  readonly log: (record: LogRecord) => void;
  readonly output: (line: string) => void;
  readonly access: (text: string) => void;
}

export class GatewayProcess implements RunningChild {
  readonly started: Promise<void>;
  readonly exited: Promise<ExitReason>;
  readonly #ports: ProcessPorts;
  readonly #child: HostChild;
  readonly #listening = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<void>();
  readonly #reloads: Asked<void>;
  readonly #looks: Asked<void>;
  readonly #starting: Timer;
  #channel: LineChannel | undefined;
  #closing: Timer | undefined;
  #silence: Silence | undefined;
  #isListening = false;
  #isGone = false;

  /** Fails with `plugin.spawn`. */
  constructor(ports: ProcessPorts) {
    this.#ports = ports;
    this.#reloads = new Asked(ports.clock, "reloading another process", RELOAD_MS_MAX);
    this.#looks = new Asked(ports.clock, "asking another process what it has counted", LOOK_MS_MAX);
    this.started = this.#listening.promise;
    this.started.catch(() => {}); // its exit tells
    const command = gatewayHostCommand();
    const env = { ...command.env, BUN_CONFIG_MAX_HTTP_REQUESTS: HTTP_REQUESTS_MAX };
    this.#child = new HostChild({
      command: { argv: command.argv, env },
      passEnv: Object.keys(env), // it is this program, and is trusted as this one is
      clock: ports.clock,
      output: (_stream, line) => ports.output(line),
      ended: () => this.#ended(),
    });
    this.exited = this.#child.exited.then(({ code, reason, signal }) => ({
      ...{ kind: "crash" as const, detail: reason, exitCode: code, signal },
    }));
    this.#starting = ports.clock.after(START_MS_MAX, () =>
      this.#child.kill(`did not listen within ${START_MS_MAX} ms and was killed`),
    );
    this.#open().catch((thrown) => this.#child.kill(`could not be spoken to: ${messageOf(thrown)}`));
  }

  get pid(): number {
    return this.#child.pid;
  }

  terminate(how: "shutdown" | "kill"): void {
    if (how === "kill") return this.#child.kill("was killed");
    this.#channel?.close(); // that ends it
    this.#closing ??= this.#ports.clock.after(CLOSE_MS_MAX, () =>
      this.#child.kill("did not end in time and was killed"),
    );
  }

  /** Fails with what it says, and when it says nothing. */
  async reload(text: string): Promise<void> {
    await this.started;
    await this.#reloads.ask((id) => this.#send({ type: "reload", id, text }));
    this.tellHealth(); // of a new file's targets it knows nothing
  }

  /** What it has counted is told to the port `counted` before this resolves; one that does not answer in time is passed over. */
  async look(withProposals: boolean): Promise<void> {
    if (this.#isGone) return;
    await this.#looks.ask((id) => this.#send({ type: "look", id, withProposals })).catch(() => {});
  }

  /** Resolves when nothing is under way there, or it is gone. It still runs. */
  async drain(graceMs: number): Promise<void> {
    if (!this.#isListening) return;
    this.#send({ type: "drain", graceMs });
    await Promise.race([this.#drained.promise, this.exited]);
  }

  tellHealth(): void {
    this.#send({ type: "health", routes: this.#ports.health() });
  }

  tellLimits(message: SharedMessage): void {
    this.#send({ type: "limits", message });
  }

  async #open(): Promise<void> {
    const fd = this.#child.controlFd;
    if (fd === undefined) throw new Failure("gateway.process", "the control socket was not made");
    this.#channel = await LineChannel.open(fd, {
      line: (text) => this.#heard(JSON.parse(text) as FromProcess), // this program wrote it
      closed: () => this.terminate("shutdown"),
    });
    this.#send({ type: "start", words: this.#ports.words() });
  }

  #send(message: ToProcess): void {
    this.#channel?.send(JSON.stringify(message));
  }

  #heard(message: FromProcess): void {
    this.#silence?.heard();
    const { access, counted, limits, log } = this.#ports;
    switch (message.type) {
      case "listening":
        this.#starting.cancel();
        this.#isListening = true;
        this.#silence = new Silence(this.#ports.clock, SILENT_MS_MAX, () =>
          this.#child.kill(`said nothing for ${SILENT_MS_MAX} ms and was killed`),
        );
        this.tellHealth();
        return this.#listening.resolve();
      case "refused":
        return this.#child.kill(`cannot serve: ${message.failure.message}`);
      case "reloaded":
        if (!message.failure) return this.#reloads.answer(message.id, undefined);
        return this.#reloads.fail(message.id, Failure.fromJSON(message.failure));
      case "counted":
        counted(readSnapshot(message.snapshot));
        return this.#looks.answer(message.id, undefined);
      case "alive":
        return;
      case "drained":
        return this.#drained.resolve();
      case "limits":
        return limits(message.message);
      case "token":
        return void this.#tellCaller(message.id, message.token, message.address);
      case "log":
        return log(message.record);
      case "access":
        return access(message.text);
    }
  }

  async #tellCaller(id: number, token: string, address: string | undefined): Promise<void> {
    try {
      this.#send({ type: "caller", id, caller: await this.#ports.callerOf(token, address) });
    } catch (thrown) {
      this.#send({ type: "stranger", id, failure: toFailure(thrown, "gateway.defect").toJSON() });
    }
  }

  #ended(): void {
    this.#isGone = true;
    this.#starting?.cancel(); // it may end while it is being started
    this.#closing?.cancel();
    this.#silence?.stop();
    this.#channel?.close();
    const gone = new Failure("gateway.process_gone", "the process is gone", { retryable: true });
    this.#listening.reject(gone);
    this.#reloads.close(gone);
    this.#looks.close(gone);
  }
}
