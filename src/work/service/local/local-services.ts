/**
 * The services of this node: found in directories, each in supervised processes of its own, called by name and version. Who may call what is
 * checked here, answers that may be kept are kept here. Who else offers a service, and whom to ask, is not known here.
 */
import { pause } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { MethodDescription } from "../../../process/service/index.ts";
import { Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import { type Invocation, type LocalPort, methodsTold, refusalOfStranger, type ServiceOffer } from "../words/index.ts";
import { cachedUnder, invalidatedBy } from "./cached.ts";
import { Claims } from "./claims.ts";
import type { Deployment } from "./deployment.ts";
import { FileLook } from "./file-look.ts";
import { type FoundService, findServices, fingerprintOf, serviceAt } from "./find-services.ts";
import { DRAIN_MS, RESCAN_MS, RESTART_PERIOD_MS, SHARED_LOAD_MS } from "./limits.ts";
import { refusalOf } from "./may-invoke.ts";
import { unitNamed } from "./name-services.ts";
import { Offered } from "./offered.ts";
import { notFound, versionGone } from "./refusals.ts";
import { type Applying, Scan } from "./scan.ts";
import { handlersOf } from "./service-asks.ts";
import { ServiceUnit } from "./service-unit.ts";
import type { LocalPorts, LocalSettings, RescanReport, ServiceStatus } from "./types.ts";
import { within } from "./within.ts";

interface Target {
  readonly unit: ServiceUnit;
  readonly method: MethodDescription;
}

export class LocalServices implements LocalPort {
  readonly #settings: LocalSettings;
  readonly #ports: LocalPorts;
  readonly #units = new Map<string, ServiceUnit>();
  readonly #offered = new Offered();
  readonly #claims: Claims;
  readonly #root: Supervision;
  readonly #deployments = new Map<string, Deployment>();
  readonly #files: FileLook;
  #deployed = 0;
  #scan: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(settings: LocalSettings, ports: LocalPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#claims = new Claims(settings.reserved);
    this.#files = new FileLook({
      clock: ports.clock,
      look: () => this.#filesNow(),
      changed: () => this.#filesChanged(),
    });
    this.#root = new Supervision(
      [],
      { name: "services", maxRestarts: 0, restartPeriodMs: RESTART_PERIOD_MS },
      {
        clock: ports.clock,
        spawn: (id) => this.#deployments.get(id)!.asChild(), // it was put there before
        escalated: () => {}, // its children are temporary, and end normally
        describe: (id) => this.#deployments.get(id)?.tree(),
      },
    );
  }

  /** Resolves when each service that was found serves, or has failed. */
  async start(): Promise<RescanReport> {
    await this.#root.start();
    if (this.#settings.watch) this.#files.begin();
    const scan = await this.#begin();
    await scan.done;
    return scan.report();
  }

  /** New files start, changed ones are swapped, those of files that are gone end. What takes long is told as `starting`, and goes on. */
  async rescan(): Promise<RescanReport> {
    const scan = await this.#begin();
    const isDone = new AbortController();
    await Promise.race([scan.done, pause(this.#ports.clock, RESCAN_MS, isDone.signal)]);
    isDone.abort();
    return scan.report();
  }

  /** The file that serves now, as it has become, or another one. Resolves with the label of what serves then. */
  async swap(service: string, path?: string): Promise<string> {
    const unit = unitNamed([...this.#units.values()], service);
    if (path === undefined) await unit.swap();
    else await unit.swap(requireService(path));
    return unit.label;
  }

  /** New processes take over; one that has failed is tried again. */
  restart(service: string): Promise<string> {
    return this.swap(service);
  }

  offers(): readonly ServiceOffer[] {
    return this.#offered.offers;
  }

  onChange(hear: () => void): () => void {
    return this.#offered.onChange(hear);
  }

  call(call: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const target = this.#find(call);
    if (target instanceof Failure) return Promise.reject(target);
    const { cache, invalidates } = target.method;
    if (!this.#ports.cache || (!cache && !invalidates)) return target.unit.call(call, signal);
    return this.#callKept(target, call, signal);
  }

  async *stream(call: Invocation, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const target = this.#find(call);
    if (target instanceof Failure) throw target;
    yield* target.unit.stream(call, signal);
    await this.#forget(target, call);
  }

  statuses(): readonly ServiceStatus[] {
    return [...this.#units.values()].map((unit) => unit.status());
  }

  tree(): TreeNode {
    const tree = this.#root.tree();
    const children = tree.children.map((child) => {
      const { isRetired, label } = this.#deployments.get(child.name) ?? { isRetired: true, label: "a service" };
      return { ...child, name: isRetired ? `${label} (leaving)` : label };
    });
    return { ...tree, children };
  }

  /** Takes no more calls, and ends what is under way as it has to. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#files.stop();
    await Promise.all([...this.#units.values()].map((unit) => unit.stop()));
    await this.#root.stop();
  }

  #find({ caller, method: name, service, version }: Invocation): Target | Failure {
    const unit = this.#offered.find(service, version);
    const methods = unit?.description?.methods;
    if (!unit || !methods) return versionGone(`${service}@${version}`);
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method) {
      const told = methodsTold(caller, { methods });
      return (
        refusalOfStranger(caller, service, name) ??
        notFound(`${service}@${version} has no method ${JSON.stringify(name)}${told}`)
      );
    }
    return refusalOf(caller, service, name, method) ?? { unit, method };
  }

  async #callKept(target: Target, call: Invocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { method, unit } = target;
    const cached = method.cache && cachedUnder(call, method.cache);
    if (!cached) {
      const answer = await unit.call(call, signal);
      await this.#forget(target, call);
      return answer;
    }
    // The load may be shared with others: it is not given up with this caller, and gets the time that they may have.
    const timeoutMs = Math.max(call.timeoutMs, method.timeoutMs ?? SHARED_LOAD_MS);
    const load = () => unit.call({ ...call, timeoutMs }, undefined);
    const work = this.#ports.cache!.get(cached.key, load, cached.under);
    const { clock } = this.#ports;
    return within(work, { clock, title: `${call.service}.${call.method}`, timeoutMs: call.timeoutMs, signal });
  }

  /** The method has succeeded whatever becomes of this. */
  async #forget({ method, unit }: Target, call: Invocation): Promise<void> {
    const { cache, log } = this.#ports;
    if (!method.invalidates || !cache) return;
    try {
      await cache.invalidate(invalidatedBy(call, method.invalidates));
    } catch (thrown) {
      log(unit.label, { level: "error", message: `${call.method}: invalidating what is kept: ${messageOf(thrown)}` });
    }
  }

  /** Looks, one after the other; what has to be done for it goes on after that. */
  #begin(): Promise<Scan> {
    const scan = this.#scan.then(() => this.#look());
    this.#scan = scan.catch(() => {}); // whoever asked for it hears of it
    return scan;
  }

  async #look(): Promise<Scan> {
    const { faults, services } = findServices(this.#settings.directories);
    const there = new Set(services.map(({ file }) => file));
    const gone = [...this.#units.values()].filter(({ home }) => !there.has(home.file));
    const leaving = gone.map((unit) => this.#remove(unit));
    await Promise.all(leaving.map(({ done }) => done)); // before one of them comes back
    return new Scan(faults, [...leaving, ...services.map((service) => this.#apply(service))]);
  }

  #apply(service: FoundService): Applying {
    const known = this.#units.get(service.file);
    const unit = known ?? this.#add(service);
    const isChanged = known !== undefined && known.fingerprint !== fingerprintOf(service);
    const work = known === undefined ? unit.start() : isChanged ? unit.swap(service) : unit.settled();
    return {
      what: known ? (isChanged ? "swapped" : "unchanged") : "started",
      file: service.file,
      label: () => unit.label,
      done: work.then(() => unit.fault?.message),
    };
  }

  #add(home: FoundService): ServiceUnit {
    const unit: ServiceUnit = new ServiceUnit(home, {
      ports: this.#ports,
      drainMs: this.#settings.drainMs ?? DRAIN_MS,
      run: (deployment) => this.#run(unit, deployment),
      handlers: (label) => handlersOf(this.#ports, label),
      claim: (which, description) => this.#claims.claim(which, description),
      keep: (which, description) => {
        if (this.#claims.keep(which, description)) this.#retryDuplicates();
      },
      changed: () => this.#changed(),
    });
    this.#units.set(home.file, unit);
    return unit;
  }

  #remove(unit: ServiceUnit): Applying {
    const { home, label } = unit;
    const done = unit.stop().then(() => {
      this.#units.delete(home.file);
      this.#changed();
      return undefined;
    });
    return { what: "stopped", file: home.file, label: () => label, done };
  }

  /** Under the common supervisor, where people see it. */
  #run(unit: ServiceUnit, deployment: Deployment): Promise<void> {
    const id = String(++this.#deployed); // two of one label run beside each other during a swap
    this.#deployments.set(id, deployment);
    deployment.onEnd(() => {
      this.#deployments.delete(id);
      unit.ended(deployment);
    });
    return this.#root.startChild({ id, type: "supervisor", restart: "temporary" });
  }

  #changed(): void {
    this.#offered.update(this.#units.values());
    if (!this.#isClosed && this.#failed().length > 0) this.#files.begin();
  }

  #retryDuplicates(): void {
    if (this.#isClosed) return;
    for (const unit of this.#units.values())
      if (unit.fault?.code === "service.duplicate") void unit.swap().catch(() => {}); // its fault is shown
  }

  #failed(): readonly ServiceUnit[] {
    return [...this.#units.values()].filter(({ fault }) => fault !== undefined);
  }

  #filesNow(): string | undefined {
    const all = this.#settings.watch
      ? findServices(this.#settings.directories).services
      : this.#failed().map(({ home }) => home);
    if (all.length === 0 && !this.#settings.watch) return undefined;
    return all.map((service) => `${service.file} ${fingerprintOf(service)}`).join("\n");
  }

  #filesChanged(): void {
    if (this.#settings.watch) return void this.rescan().catch(() => {}); // faults are those of units, which show them
    for (const unit of this.#failed())
      if (unit.fingerprint !== fingerprintOf(unit.home)) void unit.swap(unit.home).catch(() => {}); // as above
  }
}

function requireService(path: string): FoundService {
  const found = serviceAt(path);
  if (found) return found;
  throw new Failure(
    "service.no_file",
    `there is no service in ${path}; a module, or a directory with main.ts, is required`,
  );
}
