/**
 * A worker: brings up the stages that masters ask for, works on the batches that they lease to it, and tells each of them
 * regularly how it is. It decides nothing: who gets which batch, and what becomes of one that fails, is the master's. The
 * stages of a master whose link is gone end at once: that master, or the next one, starts from its checkpoint.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { machineId } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { LinkHandlers, MessageContext, PeerLink, RequestContext } from "../../../wire/link/index.ts";
import type { Settings } from "../file/index.ts";
import type { PipelinePorts, StagePlan, StageProgress } from "../stages/index.ts";
import { ForeignSegments, isInPlace } from "./contents.ts";
import { Deployment } from "./deployment.ts";
import {
  type DeployMessage,
  type DeployReply,
  deployMessage,
  fetchMessage,
  type HelloReply,
  type LeaseReply,
  leaseMessage,
  type NodeLoad,
  putMessage,
  type ReportMessage,
  readMessage,
  releaseMessage,
  TOPICS,
  undeployMessage,
} from "./messages.ts";
import { IncomingParts } from "./parts.ts";

/** Often enough for a lease of some seconds to be kept over lost reports, rare enough to cost nothing. */
export const REPORT_INTERVAL_MS = 250;

export interface WorkerPorts {
  readonly clock: Clock;
  readonly capacity: number;
  /** What it shows and how it starts hosts, for stages of this pipeline. */
  pipelinePorts(pipeline: string): PipelinePorts;
  /** The settings, checked and completed. */
  settings(packed: Readonly<Record<string, unknown>>): Settings;
  /** A stage as its master packed it, with its files here. */
  unpack(packed: unknown, master: PeerLink): Promise<{ readonly plan: StagePlan; release(): void }>;
  load(): Omit<NodeLoad, "queue">;
  /** The link to this peer that counts now. */
  linkTo(peer: string): PeerLink | undefined;
  /** For people. */
  tell(text: string): void;
}

/** One life of a master; of two links opened at once one is given up, and it goes on over the other. */
interface Master {
  readonly id: string;
  link: PeerLink;
}

interface Placed {
  readonly id: string;
  readonly master: Master;
  readonly pipeline: string;
  readonly deployment: Deployment;
  /** What it reads of others; forgotten with it. */
  readonly segments: ForeignSegments;
  releaseFiles(): void;
}

export interface PlacedProgress {
  readonly deployment: string;
  readonly pipeline: string;
  /** Batches that it works on. */
  readonly queue: number;
  readonly stages: readonly StageProgress[];
}

/** A deployment whose files are on their way. */
interface Coming {
  readonly master: Master;
  /** Why it is not to come up any more. */
  refusal: Failure | undefined;
}

export class Worker {
  readonly handlers: LinkHandlers;
  readonly #ports: WorkerPorts;
  readonly #machine = machineId();
  readonly #placed = new Map<string, Placed>();
  readonly #coming = new Map<string, Coming>();
  /** Those that have asked for something, by the instance of their process. */
  readonly #masters = new Map<string, Master>();
  /** What they have put here for a deployment or a lease that is to come. */
  readonly #parts = new IncomingParts();
  #timer: Timer | undefined;
  #isLeaving = false;
  #emptied: (() => void)[] = [];

  constructor(ports: WorkerPorts) {
    this.#ports = ports;
    this.handlers = {
      [TOPICS.hello]: { request: (_, { link }) => this.#hello(link) },
      [TOPICS.deploy]: { request: (payload, context) => this.#deploy(payload, context) },
      [TOPICS.put]: { request: (payload, { link }) => this.#put(payload, link) },
      [TOPICS.lease]: { request: (payload, context) => this.#lease(payload, context) },
      [TOPICS.fetch]: { request: (payload, { link }) => this.#fetch(payload, link) },
      [TOPICS.release]: { notify: (payload, { link }) => this.#release(payload, link) },
      [TOPICS.undeploy]: { request: (payload, { link }) => this.#undeploy(payload, link) },
    };
  }

  /** Batches that it works on. */
  get queue(): number {
    return this.#each.reduce((sum, { deployment }) => sum + deployment.queue, 0);
  }

  /** What it has of pipelines: batches under way, and what its stages count. */
  progress(): readonly PlacedProgress[] {
    return this.#each.map(({ deployment, id, pipeline }) => {
      return { deployment: id, pipeline, queue: deployment.queue, stages: deployment.progress() };
    });
  }

  /** The pipelines that it has stages of, each with what runs there. */
  trees(): readonly TreeNode[] {
    return this.#each.map(({ deployment, master, pipeline }) => ({
      ...deployment.tree(),
      name: pipeline,
      detail: `for ${master.id}, ${deployment.queue} batches under way`,
    }));
  }

  /**
   * Tells its masters, and with each report again: a word over a link that has no room, or is given up, is lost. Resolves when none of them has
   * stages here any more.
   */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    for (const master of this.#masters.values()) notifyQuietly(this.#linkOf(master), TOPICS.leaving, {});
    for (const coming of this.#coming.values()) coming.refusal ??= leaving();
    if (this.#placed.size > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  /** Ends all at once. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const coming of this.#coming.values()) coming.refusal ??= leaving();
    await Promise.all(this.#each.map((placed) => this.#end(placed, "kill")));
  }

  get #each(): readonly Placed[] {
    return [...this.#placed.values()];
  }

  #hello(link: PeerLink): HelloReply {
    this.#follow(link);
    return { machine: this.#machine, capacity: this.#ports.capacity, isLeaving: this.#isLeaving };
  }

  /** Reports to this master from now on, over the link that it used last, until that is gone. */
  #follow(link: PeerLink): Master {
    const { id, instance } = link.peer;
    const known = this.#masters.get(instance);
    if (known) {
      if (known.link !== link) this.#moveTo(known, link);
      return known;
    }
    const master: Master = { id, link };
    this.#masters.set(instance, master);
    this.#timer ??= this.#ports.clock.after(REPORT_INTERVAL_MS, () => this.#report());
    this.#followLink(master);
    return master;
  }

  /** One that is given up takes nothing new, long before it has closed: its leases are still answered over it. */
  #linkOf(master: Master): PeerLink {
    if (!master.link.isOpen) this.#moveToOther(master);
    return master.link;
  }

  /** False when there is none. */
  #moveToOther(master: Master): boolean {
    const { instance } = master.link.peer;
    const other = this.#ports.linkTo(master.id);
    if (!other?.isOpen || other.peer.instance !== instance) return false;
    this.#moveTo(master, other);
    return true;
  }

  #moveTo(master: Master, link: PeerLink): void {
    master.link = link;
    this.#followLink(master);
  }

  #followLink(master: Master): void {
    const { link } = master;
    const { id, instance } = link.peer;
    void link.closed.then(async () => {
      if (master.link !== link || this.#moveToOther(master)) return;
      this.#masters.delete(instance);
      this.#parts.forget(instance);
      const orphans = this.#each.filter((placed) => placed.master === master);
      if (orphans.length > 0) this.#ports.tell(`the link to master ${id} is gone: its stages here end`);
      await Promise.all(orphans.map((placed) => this.#end(placed, "kill")));
    });
  }

  /** What a master asks for anew it has forgotten: its link was gone, and we have not noticed yet. */
  async #deploy(payload: unknown, { link }: MessageContext): Promise<DeployReply> {
    const message = readMessage(deployMessage, payload, "a deployment");
    const { deployment: id, probe } = message;
    if (this.#isLeaving) throw leaving();
    const owner = (this.#placed.get(id) ?? this.#coming.get(id))?.master;
    if (owner && owner.id !== link.peer.id) {
      throw new Failure("work.deployed", `${id} is here already, for ${owner.id}`);
    }
    const master = this.#follow(link);
    // Known from here on: what was asked for last may be taken back while what was there before comes to its end.
    const coming: Coming = { master, refusal: undefined };
    this.#refuseComing(id);
    this.#coming.set(id, coming);
    for (let before = this.#placed.get(id); before; before = this.#placed.get(id)) await this.#end(before, "kill");
    const placed = await this.#place(message, coming);
    try {
      await placed.deployment.start();
    } catch (thrown) {
      await this.#end(placed, "kill");
      throw thrown;
    }
    return { machine: placed.segments.canReach(probe) ? this.#machine : "", results: placed.deployment.results };
  }

  async #place(message: DeployMessage, coming: Coming): Promise<Placed> {
    const { deployment: id, pipeline, plans } = message;
    const { master } = coming;
    const wholeOf = this.#parts.take({ instance: master.link.peer.instance, deployment: id });
    const unpacked = await Promise.allSettled(plans.map((packed) => this.#ports.unpack(packed, master.link)));
    if (this.#coming.get(id) === coming) this.#coming.delete(id);
    const files = unpacked.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const releaseFiles = (): void => {
      for (const { release } of files) release();
    };
    try {
      for (const each of unpacked) if (each.status === "rejected") throw each.reason;
      if (coming.refusal) throw coming.refusal;
      if (this.#masters.get(master.link.peer.instance) !== master) throw undeployed(); // its link is gone
      const segments = new ForeignSegments();
      const stages = files.map(({ plan }) => plan);
      const states = new Map(message.states.map(([name, state]) => [name, wholeOf(state)]));
      const deployment = this.#build(message, stages, states, segments);
      const placed = { id, master, pipeline, deployment, segments, releaseFiles };
      this.#placed.set(id, placed);
      return placed;
    } catch (thrown) {
      releaseFiles();
      throw thrown;
    }
  }

  #build(
    message: DeployMessage,
    stages: readonly StagePlan[],
    states: ReadonlyMap<string, Uint8Array>,
    segments: ForeignSegments,
  ): Deployment {
    return new Deployment({
      ...message,
      stages,
      settings: this.#ports.settings(message.settings),
      states,
      ports: this.#ports.pipelinePorts(message.pipeline),
      machine: this.#machine,
      segments,
      clock: this.#ports.clock,
      failed: (failure) => this.#failed(message.deployment, failure),
    });
  }

  #refuseComing(id: string): void {
    const coming = this.#coming.get(id);
    if (coming) coming.refusal ??= undeployed();
  }

  #put(payload: unknown, link: PeerLink): null {
    const { bytes, deployment, lease, offset, part, piece } = readMessage(putMessage, payload, "a part");
    this.#follow(link);
    this.#parts.put({ instance: link.peer.instance, deployment, lease }, { bytes, part }, offset, piece);
    return null;
  }

  async #lease(payload: unknown, { link, signal, traceparent }: RequestContext): Promise<LeaseReply> {
    const message = readMessage(leaseMessage, payload, "a lease");
    const { content, deployment, lease } = message;
    const wholeOf = this.#parts.take({ instance: link.peer.instance, deployment, lease });
    const placed = this.#ofMaster(deployment, link);
    const whole = { ...message, content: isInPlace(content) ? content : wholeOf(content) };
    return placed.deployment.lease(whole, signal, traceparent);
  }

  #fetch(payload: unknown, link: PeerLink): Uint8Array {
    const { deployment, lease, offset, part } = readMessage(fetchMessage, payload, "a wish for a part");
    return this.#ofMaster(deployment, link).deployment.piece(lease, part, offset);
  }

  #release(payload: unknown, link: PeerLink): void {
    const { deployment, leases } = readMessage(releaseMessage, payload, "a release");
    const placed = this.#placed.get(deployment);
    if (!placed || !isOf(placed, link)) return; // ended meanwhile, or nothing of this master's
    for (const lease of leases) placed.deployment.release(lease);
  }

  async #undeploy(payload: unknown, link: PeerLink): Promise<null> {
    const { deployment, how } = readMessage(undeployMessage, payload, "an end of stages");
    this.#parts.forget(link.peer.instance, deployment);
    const coming = this.#coming.get(deployment);
    if (coming && isOf(coming, link)) this.#refuseComing(deployment);
    const placed = this.#placed.get(deployment);
    if (placed && isOf(placed, link)) await this.#end(placed, how);
    return null;
  }

  /** Whoever has not asked for stages has nothing to do with them. Fails with `work.not_deployed`. */
  #ofMaster(deployment: string, link: PeerLink): Placed {
    const placed = this.#placed.get(deployment);
    if (placed && isOf(placed, link)) return placed;
    const message = `no stages ${deployment} are here for ${link.peer.id}`;
    throw new Failure("work.not_deployed", message, { retryable: true });
  }

  #failed(id: string, { code, message }: Failure): void {
    const placed = this.#placed.get(id);
    if (!placed) return;
    this.#ports.tell(`stages of ${placed.pipeline} have ended: ${message}`);
    notifyQuietly(this.#linkOf(placed.master), TOPICS.failed, { deployment: id, code, reason: message });
    void this.#end(placed, "kill");
  }

  async #end(placed: Placed, how: "stop" | "kill"): Promise<void> {
    await placed.deployment.end(how).catch((thrown) => this.#ports.tell(`ending stages: ${messageOf(thrown)}`));
    if (this.#placed.get(placed.id) !== placed) return; // somebody else was quicker
    this.#placed.delete(placed.id);
    this.#parts.forgetLeases({ instance: placed.master.link.peer.instance, deployment: placed.id });
    placed.releaseFiles();
    if (this.#placed.size > 0) return;
    for (const emptied of this.#emptied.splice(0)) emptied();
  }

  #report(): void {
    const load = { ...this.#ports.load(), queue: this.queue };
    for (const master of this.#masters.values()) {
      const own = this.#each.filter((placed) => placed.master === master);
      const report: ReportMessage = { load, deployments: own.map((placed) => this.#reportOf(placed)) };
      notifyQuietly(this.#linkOf(master), TOPICS.report, report);
      if (this.#isLeaving) notifyQuietly(this.#linkOf(master), TOPICS.leaving, {});
    }
    this.#timer =
      this.#masters.size > 0 ? this.#ports.clock.after(REPORT_INTERVAL_MS, () => this.#report()) : undefined;
  }

  #reportOf({ deployment, id, master }: Placed): ReportMessage["deployments"][number] {
    const stages = deployment.progress().map(({ breaker: _breaker, limits: _limits, ...told }) => told);
    const coming = this.#parts.leases({ instance: master.link.peer.instance, deployment: id });
    return { deployment: id, leases: [...deployment.leases, ...coming], stages, tree: deployment.tree() };
  }
}

function leaving(): Failure {
  return new Failure("work.leaving", "this worker is about to leave", { retryable: true });
}

function undeployed(): Failure {
  return new Failure("work.undeployed", "these stages were ended before they ran", { retryable: true });
}

/** Over whichever link of that process. */
function isOf({ master }: { readonly master: Master }, { peer }: PeerLink): boolean {
  return master.link.peer.instance === peer.instance && master.id === peer.id;
}

/** A report more or less says nothing; a link that is gone has been noticed. */
function notifyQuietly(link: PeerLink, topic: string, payload: unknown): void {
  try {
    link.notify(topic, payload);
  } catch (thrown) {
    const { code } = toFailure(thrown, "link.failed");
    if (code !== "link.closed" && code !== "link.overloaded") throw thrown;
  }
}
