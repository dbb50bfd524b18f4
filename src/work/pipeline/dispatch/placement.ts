/**
 * Which worker has which stages of a run. Each worker that comes gets the segments that any can do. A segment with an owner is
 * given to the one that its name hashes to among those there, so that several pipelines spread and a master that starts again
 * finds him again. A worker on which stages cannot run is left alone for a while; when none can run them, the run ends.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import type { SegmentPlace } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { ExecutorOptions, StagePlan, StageProgress } from "../stages/index.ts";
import { askPatiently, GAVE_WAY, putParts } from "./asking.ts";
import type { ForeignSegments } from "./contents.ts";
import { type DeployReply, deployReply, type ReportMessage, readMessage, TOPICS } from "./messages.ts";
import { type Part, Parting } from "./parts.ts";
import { Refusals, SUSPENDED_MS } from "./refusals.ts";
import { REWIND, type RemotePorts } from "./remote-ports.ts";
import type { Deployed, SegmentLeases } from "./segment-leases.ts";
import type { StageSegment } from "./segments.ts";
import { progressOf } from "./stage-progress.ts";
import type { DeploymentReport, WorkerHandle } from "./worker-pool.ts";

export interface PlacementOptions
  extends Pick<ExecutorOptions, "encoding" | "firstSeq" | "inFlight" | "pipeline" | "run" | "settings" | "states"> {
  readonly clock: Clock;
  readonly ports: RemotePorts;
  readonly probe: SegmentPlace;
  readonly foreign: ForeignSegments;
  readonly segments: readonly { readonly segment: StageSegment; readonly leases: SegmentLeases }[];
  failed(reason: unknown): void;
}

/** What the ends of stages wait for at most, beyond their own time to stop. */
const END_GRACE_MS = 2_000;
/** Files have to be fetched first. */
const FETCH_MS = 60_000;
/** Those who serve already wait so long for the others, where batches may have to fail over to them. */
const COMPANY_MS = 10_000;
/** Workers that come up together shall all be candidates for what only one gets. */
const GATHER_MS = 200;

interface Site {
  readonly worker: WorkerHandle;
  /** What it was asked to run, also before it does. */
  readonly deployments: Map<number, string>;
  /** What serves there: where its results lie, and since when. */
  readonly serving: Map<number, Serving>;
  readonly reports: Map<string, DeploymentReport>;
}

interface Serving {
  readonly results: SegmentPlace;
  readonly sinceMs: number;
}

export class Placement {
  readonly #options: PlacementOptions;
  readonly #sites = new Map<string, Site>();
  readonly #owners = new Map<number, string>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #refusals: Refusals;
  #packed: Promise<readonly unknown[][]> | undefined;
  #watch: { close(): void } | undefined;
  #gathered = false;
  #hasEnded = false;
  /** Until others are waited for no longer. */
  #company: Timer | undefined;

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#refusals = options.ports.refusals ?? new Refusals(options.clock);
    this.#ready.promise.catch(() => {}); // `start` is who waits
  }

  /** Resolves when each segment runs somewhere. */
  async start(): Promise<void> {
    const { clock, ports, segments } = this.#options;
    this.#packed = Promise.all(
      segments.map(({ segment }) => Promise.all(segment.plans.map((plan) => ports.pack(plan)))),
    );
    await this.#packed;
    this.#watch = ports.pool.watch({
      up: (worker) => this.#up(worker),
      gone: (worker, reason) => this.#gone(worker, reason),
      draining: (worker) => this.#draining(worker),
      report: (worker, report) => this.#report(worker, report),
      failed: (worker, end) => this.#broke(worker, end),
    });
    const gathered = (): void => {
      this.#gathered = true;
      this.#chooseOwners();
    };
    if (this.#sites.size > 0) gathered();
    else clock.after(GATHER_MS, gathered);
    if (this.#sites.size === 0) ports.tell("waiting for a worker");
    await this.#ready.promise;
  }

  /** All stages end: in order, or at once. */
  async end(how: "stop" | "kill"): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#watch?.close();
    this.#company?.cancel();
    this.#ready.reject(new Failure("pipeline.aborted", "the run was ended before its stages ran"));
    const ends = [...this.#sites.values()].flatMap((site) => this.#endAll(site, how));
    await Promise.all(ends);
  }

  progress(stages: readonly StagePlan[]): readonly StageProgress[] {
    const reports = [...this.#sites.values()].flatMap((site) => [...site.reports.values()]);
    return progressOf(stages, reports);
  }

  tree(): TreeNode {
    const children = [...this.#sites.values()].map((site): TreeNode => {
      const stages = [...site.deployments.keys()].flatMap((index) =>
        this.#options.segments[index]!.segment.plans.map(({ name }) => name),
      );
      const detail = stages.length > 0 ? `has ${stages.join(", ")}` : "has no stages yet";
      return { name: `worker ${site.worker.id}`, kind: "worker", state: "running", restarts: 0, children: [], detail };
    });
    return { name: this.#options.pipeline, kind: "supervisor", state: "running", restarts: 0, children };
  }

  #up(worker: WorkerHandle): void {
    const site: Site = { worker, deployments: new Map(), serving: new Map(), reports: new Map() };
    this.#sites.set(worker.id, site);
    this.#equip(site);
  }

  /** It gets what any worker can do, unless it has that, or is left alone. */
  #equip(site: Site): void {
    if (site.worker.isDraining) return;
    if (this.#refusals.has(site.worker.id)) return this.#equipLater(site);
    for (const { segment } of this.#options.segments) {
      if (!segment.isPinned && !site.deployments.has(segment.index)) void this.#deploy(site, segment);
    }
    this.#chooseOwners();
  }

  #equipLater(site: Site): void {
    const { id } = site.worker;
    this.#options.clock.after(this.#refusals.leftMs(id), () => {
      if (!this.#hasEnded && this.#sites.get(id) === site) this.#equip(site);
    });
  }

  #gone(worker: WorkerHandle, reason: string): void {
    const site = this.#sites.get(worker.id);
    if (site?.worker !== worker) return;
    this.#sites.delete(worker.id);
    for (const { results } of site.serving.values()) this.#options.foreign.forget(results);
    this.#refusals.delete(worker.id);
    this.#options.ports.observe({ event: "lost", worker: worker.id, reason });
    this.#forget(worker.id, reason);
  }

  #forget(worker: string, reason: string): void {
    for (const { leases, segment } of this.#options.segments) {
      if (this.#owners.get(segment.index) === worker && !leases.has(worker)) this.#owners.delete(segment.index);
      leases.lost(worker, reason);
    }
    this.#chooseOwners();
    this.#readyWhenAll();
  }

  /** Its leases end where they are; what it owns moves with the checkpoint. */
  #draining(worker: WorkerHandle): void {
    for (const { leases } of this.#options.segments) leases.drain(worker.id, worker.isDraining);
    const site = this.#sites.get(worker.id);
    if (!worker.isDraining) return site && this.#equip(site);
    const owned = [...this.#owners].find(([, owner]) => owner === worker.id);
    if (owned) {
      const message = `worker ${worker.id} is to have no work any more, and owns stages`;
      this.#options.failed(new Failure(REWIND, message, { retryable: true }));
    } else if (site) void this.#endWhenEmpty(site);
  }

  /** A drained worker keeps nothing of the run, so that it may leave. */
  async #endWhenEmpty(site: Site): Promise<void> {
    const { id } = site.worker;
    const isBusy = (): boolean =>
      this.#options.segments.some(({ leases }) =>
        leases.workers.some((worker) => worker.id === id && worker.active + worker.stopping > 0),
      );
    const look = (): void => {
      if (this.#hasEnded || this.#sites.get(id) !== site || !site.worker.isDraining) return;
      if (isBusy()) return void this.#options.clock.after(GATHER_MS, look);
      for (const { leases } of this.#options.segments) leases.lost(id, "it was drained");
      void Promise.all(this.#endAll(site, "stop"));
      site.deployments.clear();
    };
    look();
  }

  #report(worker: WorkerHandle, { deployments, load }: ReportMessage): void {
    const site = this.#sites.get(worker.id);
    if (!site) return;
    for (const [index, deployment] of site.deployments) {
      const own = deployments.find((each) => each.deployment === deployment);
      if (own) site.reports.set(deployment, own); // others are of other runs
      this.#options.segments[index]!.leases.heard(worker.id, load, own?.leases ?? []);
    }
  }

  /** Stages on one worker cannot go on: not at once, and not there. */
  #broke(
    worker: WorkerHandle,
    { code, deployment, reason }: { deployment: string; code: string; reason: string },
  ): void {
    const site = this.#sites.get(worker.id);
    const found = [...(site?.deployments ?? [])].find(([, id]) => id === deployment);
    if (!site || !found) return;
    const [index] = found;
    const served = this.#takeOff(site, index);
    if (served && this.#options.clock.monotonic() - served.sinceMs > SUSPENDED_MS) this.#refusals.forgive(index);
    this.#refused(site, this.#options.segments[index]!.segment, new Failure(code, reason));
    this.#options.segments[index]!.leases.lost(worker.id, reason);
  }

  /**
   * Stages that served there are not there, and nobody has said why: word of it was lost, or its link was gone for it and not for us.
   * That is nobody's fault, so they are offered again at once; with an owner the run goes back, and its next life does so.
   */
  missing({ index }: StageSegment, worker: WorkerHandle, reason: string): void {
    const site = this.#sites.get(worker.id);
    if (site?.worker !== worker) return;
    this.#takeOff(site, index);
    this.#options.segments[index]!.leases.lost(worker.id, reason);
    if (!this.#hasEnded) this.#equip(site);
  }

  #takeOff({ deployments, serving }: Site, index: number): Serving | undefined {
    deployments.delete(index);
    const served = serving.get(index);
    serving.delete(index);
    if (served) this.#options.foreign.forget(served.results);
    return served;
  }

  /** For segments that only one worker has. */
  #chooseOwners(): void {
    if (!this.#gathered || this.#hasEnded) return;
    const able = [...this.#sites.values()].filter(({ worker }) => !worker.isDraining && !this.#refusals.has(worker.id));
    for (const { segment } of this.#options.segments) {
      if (!segment.isPinned || this.#owners.has(segment.index)) continue;
      const score = ({ worker: { id } }: Site): number =>
        Bun.hash.xxHash32(`${this.#options.pipeline}/${segment.index}/${id}`);
      const blame = ({ worker }: Site): number => (this.#refusals.isBlamed(segment.index, worker.id) ? 1 : 0);
      const owner = able.toSorted((a, b) => blame(a) - blame(b) || score(b) - score(a))[0];
      if (!owner) return;
      this.#owners.set(segment.index, owner.worker.id);
      void this.#deploy(owner, segment);
    }
  }

  async #deploy(site: Site, segment: StageSegment): Promise<void> {
    const { clock, pipeline, ports } = this.#options;
    const { id } = site.worker;
    const deployment = `${ports.name}/${segment.index}`;
    const isWanted = (): boolean =>
      !this.#hasEnded && this.#sites.get(id) === site && site.deployments.get(segment.index) === deployment;
    site.deployments.set(segment.index, deployment);
    try {
      const plans = (await this.#packed!)[segment.index]!;
      const ask = () => this.#ask(site.worker, segment, deployment, plans, isWanted);
      const reply = await askPatiently(clock, GAVE_WAY, ask, isWanted);
      const read = readMessage(deployReply, reply, `the answer of worker ${id}`);
      if (isWanted()) this.#serves(site, segment, deployment, read);
    } catch (thrown) {
      if (!isWanted()) return;
      site.deployments.delete(segment.index);
      if (site.worker.isDraining) return; // we have ended them ourselves
      ports.tell(`${pipeline}: worker ${id} cannot run its stages: ${messageOf(thrown)}`);
      this.#refused(site, segment, toFailure(thrown, "work.deploy"));
    }
  }

  #serves(site: Site, segment: StageSegment, deployment: string, { machine, results }: DeployReply): void {
    const { clock, foreign, ports, segments } = this.#options;
    const { worker } = site;
    this.#refusals.runs(segment.index, worker.id);
    const before = site.serving.get(segment.index);
    if (before) foreign.forget(before.results);
    site.serving.set(segment.index, { results, sinceMs: clock.monotonic() });
    const isShared = machine !== "" && foreign.canReach(results);
    const deployed: Deployed = { deployment, worker, machine, isShared };
    segments[segment.index]!.leases.add(deployed, segment.isPinned);
    ports.observe({ event: "deployed", worker: worker.id, segment: segment.index });
    this.#readyWhenAll();
  }

  /** With the states that its stages go on from, however large. */
  async #ask(
    worker: WorkerHandle,
    segment: StageSegment,
    deployment: string,
    plans: readonly unknown[],
    isWanted: () => boolean,
  ): Promise<unknown> {
    const { clock, settings, states } = this.#options;
    const parting = new Parting();
    const names = new Set(segment.plans.map(({ name }) => name));
    const own = [...(states ?? [])].filter(([name]) => names.has(name));
    const parts = own.map(([name, state]): [string, Part] => [name, parting.add(state)]);
    const message = this.#message(segment, deployment, plans, parts);
    if (parting.apart.length > 0) await putParts({ clock, worker, deployment, isWanted }, parting.apart);
    return worker.request(TOPICS.deploy, message, { timeoutMs: settings.start_timeout * 2 + FETCH_MS });
  }

  #message(
    { index, isSequential }: StageSegment,
    deployment: string,
    plans: readonly unknown[],
    states: [string, Part][],
  ) {
    const { encoding, firstSeq, inFlight, pipeline, probe, run, segments, settings } = this.#options;
    return {
      deployment,
      probe,
      pipeline,
      run,
      plans,
      settings,
      encoding: index === segments.length - 1 ? encoding : "batch",
      isSequential,
      inFlight,
      firstSeq,
      states,
    };
  }

  /** One that cannot run them now may later; when nobody can, that is the pipeline's fault. */
  #refused(site: Site, { index }: StageSegment, failure: Failure): void {
    const { failed } = this.#options;
    const { id } = site.worker;
    this.#refusals.add(id);
    if (this.#owners.get(index) === id) this.#owners.delete(index);
    if (isPluginsFault(failure)) {
      this.#refusals.blame(index, id);
      if (!this.#hasHopeFor(index)) {
        this.#ready.reject(failure);
        return failed(failure);
      }
    }
    this.#equipLater(site);
    this.#chooseOwners();
    this.#readyWhenAll();
  }

  /** Somebody is there on whom its plugins have not refused to run. */
  #hasHopeFor(segment: number): boolean {
    const there = [...this.#sites.values()].filter(({ worker }) => !worker.isDraining);
    return there.some(({ worker }) => !this.#refusals.isBlamed(segment, worker.id));
  }

  /** FAILOVER needs somebody to fail over to: where a stage has it, the first batch waits for those who are about to serve. */
  #readyWhenAll(): void {
    const { clock, segments } = this.#options;
    if (!segments.every(({ leases }) => leases.workers.length > 0)) return;
    const failsOver = segments.some(({ segment }) => segment.plans.some(({ policy }) => policy === "FAILOVER"));
    const isComing = ({ deployments, serving }: Site): boolean =>
      deployments.keys().some((index) => !serving.has(index));
    if (!failsOver || !this.#sites.values().some(isComing)) return this.#ready.resolve();
    this.#company ??= clock.after(COMPANY_MS, () => this.#ready.resolve());
  }

  #endAll({ deployments, worker }: Site, how: "stop" | "kill"): Promise<unknown>[] {
    const timeoutMs = (how === "stop" ? this.#options.settings.stop_timeout : 0) + END_GRACE_MS;
    return [...deployments.values()].map((deployment) =>
      worker.request(TOPICS.undeploy, { deployment, how }, { timeoutMs }).catch(() => {
        // its link is gone, or it is stuck: its stages end without us
      }),
    );
  }
}

/** Not of the way to the worker. */
function isPluginsFault({ code }: Failure): boolean {
  return /^(plugin|pipeline)\./.test(code);
}
