/**
 * A gateway at work in this process: a listener, the plan that it goes by, its log. The same in the main process and in those that share
 * its port; what differs (who checks tokens, who answers for services) is handed in.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { Gateway } from "../../edge/gateway/core/index.ts";
import type { GatewayLimits } from "../../edge/gateway/limit/index.ts";
import { type Listener, openListener } from "../../edge/gateway/listener/index.ts";
import type { GatewayPlan } from "../../edge/gateway/words/index.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import { AccessLog } from "./access-log.ts";
import { type Assembly, type AssemblyPorts, assemble } from "./assembly.ts";
import { byFile, type CertificateTime } from "./certificate-times.ts";
import { DescriptorWatch } from "./descriptor-watch.ts";
import { Formers } from "./formers.ts";
import { loadPlanText, planOf, pointedToCheck } from "./load-plan.ts";
import { type GatewayRoleSettings, requireSafe } from "./settings.ts";
import { TlsFiles } from "./tls-files.ts";

export interface RunningPorts extends AssemblyPorts {
  readonly settings: GatewayRoleSettings;
  /** What appends whole lines to the access log at that place. */
  readonly openLog: (place: string) => (text: string) => void;
  /** Another set of limits counts from now on. */
  readonly limitsChanged: (limits: GatewayLimits) => void;
}

export interface NotTaken {
  readonly timeMs: number;
  readonly reason: string;
}

type Passage = Parameters<AccessLog["add"]>[0];

/** Of all that goes wrong with rules. */
const RULE_CODES = "gateway.rule_";

export class RunningGateway {
  readonly gateway: Gateway;
  readonly #ports: RunningPorts;
  readonly #logger: Logger;
  /** For what may come with each request. */
  readonly #warn: ReturnType<typeof warnOnceAWhile>;
  readonly #tls: TlsFiles;
  readonly #malformed = new Map<string, number>();
  readonly #formers: Formers;
  #text: string;
  #assembly: Assembly;
  #log: AccessLog | undefined;
  /** Of the log that is open: a reload that does not move it goes on with it. */
  #logPlace: string | undefined;
  #writeLog: ((text: string) => void) | undefined;
  #listener: Listener | undefined;
  #descriptors: DescriptorWatch | undefined;
  #loadedMs = systemClock.now();
  #reloads = 0;
  #notTaken: NotTaken | undefined;
  #reloading: Promise<void> | undefined;
  #isClosed = false;

  /** Fails with all that is wrong with the file. `told`: what another process goes by already, whatever stands in the file by now. */
  static async open(ports: RunningPorts, told?: string): Promise<RunningGateway> {
    try {
      return await RunningGateway.#open(ports, told);
    } catch (thrown) {
      throw pointedToCheck(thrown, ports.settings.config);
    }
  }

  static async #open(ports: RunningPorts, told: string | undefined): Promise<RunningGateway> {
    const { config } = ports.settings;
    const text = told ?? (await loadPlanText(config));
    const plan = planOf(text, config);
    const tls = new TlsFiles(plan.settings, (text) => ports.logger.warn(text));
    requireSafe(ports.settings, tls.isOn);
    return new RunningGateway(ports, text, await assemble(plan, ports), tls);
  }

  private constructor(ports: RunningPorts, text: string, assembly: Assembly, tls: TlsFiles) {
    this.#ports = ports;
    this.#text = text;
    this.#logger = ports.logger;
    this.#assembly = assembly;
    this.#tls = tls;
    this.#formers = new Formers({ clock: systemClock, logger: ports.logger });
    this.#log = this.#openLog(assembly.parts.plan);
    const warn = warnOnceAWhile(ports.logger, systemClock);
    this.#warn = warn;
    const events = {
      ended: (passage: Passage) => {
        this.#log?.add(passage);
        if (passage.why?.startsWith(RULE_CODES)) warnOfRule(warn, passage);
      },
      failed: (what: string, failure: Failure) => warn(`${what}: ${failure.code}`, { error: failure }),
    };
    this.gateway = new Gateway(assembly.parts, events);
    ports.limitsChanged(assembly.limits);
  }

  get assembly(): Assembly {
    return this.#assembly;
  }

  /** Of the gateway file, as it goes by it. */
  get text(): string {
    return this.#text;
  }

  get listener(): Listener | undefined {
    return this.#listener;
  }

  get isTls(): boolean {
    return this.#tls.isOn;
  }

  /** Those that are used now, of each file the one that ends first. */
  get certificates(): readonly CertificateTime[] {
    return byFile([...this.#tls.times, ...this.#assembly.certificates]);
  }

  get loadedMs(): number {
    return this.#loadedMs;
  }

  get reloads(): number {
    return this.#reloads;
  }

  /** Why it goes by the file as it was before, since it was told last to read it again; undefined: it goes by what it read. */
  get notTaken(): NotTaken | undefined {
    return this.#notTaken;
  }

  /** What it went by before, and still has requests. */
  get formers(): Pick<Formers, "count" | "cut"> {
    return this.#formers;
  }

  /** Requests that were refused before they reached a route, by reason. */
  get malformed(): ReadonlyMap<string, number> {
    return this.#malformed;
  }

  /** Fails with `gateway.listen`. */
  async listen(isShared: boolean): Promise<Listener> {
    const { host, port } = this.#ports.settings;
    this.#listener = await openListener({
      host,
      port,
      reusePort: isShared,
      ...(this.#tls.isOn && { tls: () => this.#tls.material }),
      settings: this.gateway.plan.settings,
      clock: systemClock,
      handle: this.gateway.handle,
      onFault: ({ failure, peer }) => {
        if (failure.code === "gateway.defect") return this.#warn(failure.message, { error: failure });
        this.#malformed.set(failure.code, (this.#malformed.get(failure.code) ?? 0) + 1);
        this.#logger.debug(`a client was refused: ${failure.message}`, { code: failure.code, client: peer.address });
      },
    });
    this.#descriptors = new DescriptorWatch({ clock: systemClock, warn: (text) => this.#logger.warn(text) });
    return this.#listener;
  }

  /** One at a time. Fails with all that is wrong with the file; then it goes by the one before. */
  async reload(told?: string): Promise<void> {
    while (this.#reloading) await this.#reloading.catch(() => {});
    this.#reloading = this.#reload(told);
    try {
      await this.#reloading;
      this.#notTaken = undefined;
    } catch (thrown) {
      const failure = pointedToCheck(thrown, this.#ports.settings.config);
      this.#notTaken = { timeMs: systemClock.now(), reason: messageOf(failure) };
      throw failure;
    } finally {
      this.#reloading = undefined;
    }
  }

  async #reload(told: string | undefined): Promise<void> {
    const { config } = this.#ports.settings;
    const text = told ?? (await loadPlanText(config));
    const plan = planOf(text, config);
    const tls = new TlsFiles(plan.settings, (text) => this.#logger.warn(text));
    if (tls.isOn !== this.#tls.isOn) {
      throw new Failure(
        "gateway.tls_changed",
        "whether there is TLS cannot change while clients are connected; a restart is required",
      );
    }
    const log = this.#openLog(plan); // may fail: before anything is another
    const former = this.#assembly;
    const next = await assemble(plan, this.#ports, former);
    if (this.#isClosed) return next.close(); // meanwhile: rules take long
    this.#assembly = next;
    this.#text = text;
    this.#tls.take(tls);
    this.#log?.flush();
    this.#log = log;
    this.#listener?.reload(plan.settings);
    this.#loadedMs = systemClock.now();
    this.#reloads++;
    this.#ports.limitsChanged(next.limits);
    const course = this.gateway.replace(next.parts);
    former.retire(next);
    this.#formers.add(former, course, plan.settings.reloadDrainMs);
  }

  #openLog({ settings }: GatewayPlan): AccessLog | undefined {
    const { accessLog } = settings;
    if (accessLog === undefined) return undefined;
    if (accessLog !== this.#logPlace) this.#writeLog = this.#ports.openLog(accessLog);
    this.#logPlace = accessLog;
    return new AccessLog({
      clock: systemClock,
      write: this.#writeLog!, // as was just opened
      mask: (text, route, kind) => this.#assembly.firewalls.maskLog(text, route, kind),
    });
  }

  /** No new connections; requests under way get that long. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    await this.#listener?.close(graceMs);
    this.#descriptors?.close();
    this.#log?.flush();
    await this.#formers.close();
    await this.#assembly.close().catch((thrown) => this.#logger.error(messageOf(thrown)));
  }
}

function warnOfRule(warn: ReturnType<typeof warnOnceAWhile>, { detail, route, why }: Passage): void {
  warn(`the rule of route ${route?.plan.id ?? ""} did not decide: ${why}`, { reason: detail });
}
