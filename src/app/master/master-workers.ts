/**
 * The workers of a master: members of the cluster with that role, each with a link. One whose link breaks is gone, and is dialed
 * again as long as the cluster holds it to be alive: so a worker comes back by itself after a partition, and after a restart of
 * either side. What is said over links is handed to whoever watches.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { LinkHandlers, LinkPool, PeerLink } from "../../wire/link/index.ts";
import {
  failedMessage,
  helloReply,
  readMessage,
  reportMessage,
  TOPICS,
  type WorkerHandle,
  type WorkerPool,
  type WorkerWatcher,
} from "../../work/pipeline/dispatch/index.ts";
import { WORKER_ROLE } from "../worker/worker-duty.ts";

/** Between two tries to reach a worker that the cluster holds to be alive; the pool of links waits longer by itself. */
const RETRY_MS = 250;
/** A worker answers at once. */
const HELLO_TIMEOUT_MS = 5_000;

export interface MasterWorkersPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Workers that were told to have no work, kept over the lives of the master. */
  readonly drained: { all(): readonly string[]; set(worker: string, on: boolean): Promise<void> };
}

export interface WorkerView {
  readonly id: string;
  readonly capacity: number;
  readonly isDraining: boolean;
  /** As it last said; undefined before it has. */
  readonly load: { readonly cpu: number; readonly memory: number; readonly queue: number } | undefined;
}

interface Life extends WorkerHandle {
  isDraining: boolean;
  link: PeerLink;
  load?: WorkerView["load"];
}

/** What workers say, to the workers of whoever leads here; nobody hears it while this master does not lead. */
export function masterHandlers(workers: () => MasterWorkers | undefined): LinkHandlers {
  return {
    [TOPICS.report]: { notify: (payload, { link }) => workers()?.report(link, payload) },
    [TOPICS.failed]: { notify: (payload, { link }) => workers()?.failed(link, payload) },
    [TOPICS.leaving]: { notify: (_, { link }) => workers()?.leaving(link) },
  };
}

export class MasterWorkers implements WorkerPool {
  readonly #ports: MasterWorkersPorts;
  readonly #lives = new Map<string, Life>();
  readonly #watchers = new Set<WorkerWatcher>();
  /** Told by a person to have no work; kept while they come and go, and the master does. */
  readonly #drained: Set<string>;
  readonly #seeking = new Set<string>();
  readonly #end = new AbortController();
  #unfollow: () => void = () => {};
  #cluster: { readonly membership: Membership; readonly links: LinkPool } | undefined;

  constructor(ports: MasterWorkersPorts) {
    this.#ports = ports;
    this.#drained = new Set(ports.drained.all());
  }

  /** Looks for workers from now on. */
  follow(membership: Membership, links: LinkPool): void {
    this.#cluster = { membership, links };
    this.#unfollow = membership.on((event) => {
      if (!("member" in event)) return;
      const { id, state } = event.member;
      if (state === "dead" || state === "left") this.#gone(this.#lives.get(id), `it is ${state}: ${event.reason}`);
      else this.#look();
    });
    this.#look();
  }

  watch(watcher: WorkerWatcher): { close(): void } {
    this.#watchers.add(watcher);
    for (const life of this.#lives.values()) watcher.up(life);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  /** By their ids, in whatever order they have come. */
  list(): readonly WorkerView[] {
    const ids = [...this.#lives.keys()].toSorted();
    return ids.map((id) => {
      const { capacity, isDraining, load } = this.#lives.get(id)!; // its key
      return { id, capacity, isDraining, load };
    });
  }

  /** No new work for this worker, or again; also for one that is not there now and has none. Fails with `work.not_found`, and as what keeps it. */
  async drain(worker: string, on: boolean): Promise<void> {
    const life = this.#lives.get(worker);
    if (!life && !this.#drained.has(worker)) {
      const known = [...this.#lives.keys()].toSorted().join(", ") || "none";
      throw new Failure("work.not_found", `no worker is ${JSON.stringify(worker)}; there are ${known}`);
    }
    await this.#ports.drained.set(worker, on);
    if (on) this.#drained.add(worker);
    else this.#drained.delete(worker);
    const now = this.#lives.get(worker);
    if (now) this.#setDraining(now, on);
  }

  close(): void {
    this.#end.abort();
    this.#unfollow();
    this.#watchers.clear();
    this.#lives.clear();
  }

  /** A member that is a worker and has no link yet gets one. */
  #look(): void {
    const { membership } = this.#cluster!;
    for (const { id, meta, state } of membership.members()) {
      if (state !== "alive" || id === membership.self.id || !meta.roles.includes(WORKER_ROLE)) continue;
      if (!this.#lives.has(id) && !this.#seeking.has(id)) void this.#seek(id);
    }
  }

  async #seek(id: string): Promise<void> {
    const { clock, logger } = this.#ports;
    const { links, membership } = this.#cluster!;
    this.#seeking.add(id);
    try {
      for (let tries = 1; !this.#end.signal.aborted; tries++) {
        const member = membership.members().find((each) => each.id === id);
        if (!member || (member.state !== "alive" && member.state !== "suspect")) return;
        try {
          return await this.#greet(await links.get(member.address, { id, signal: this.#end.signal }));
        } catch (thrown) {
          logger.debug(`worker ${id} does not answer`, { tries, reason: messageOf(thrown) });
          await pause(clock, RETRY_MS, this.#end.signal).catch(() => {}); // the loop looks at the signal
        }
      }
    } finally {
      this.#seeking.delete(id);
    }
  }

  async #greet(link: PeerLink): Promise<void> {
    const { id } = link.peer;
    const answer = await link.request(TOPICS.hello, {}, { timeoutMs: HELLO_TIMEOUT_MS });
    const { capacity, isLeaving } = readMessage(helloReply, answer, `the hello of worker ${id}`);
    if (!link.isOpen) throw new Failure("link.closed", "the link closed at once", { retryable: true });
    const life: Life = {
      id,
      capacity,
      weight: capacity,
      isDraining: isLeaving || this.#drained.has(id),
      link,
      request: (topic, payload, options) => this.#linkOf(life).request(topic, payload, options),
      notify: (topic, payload) => {
        const open = this.#linkOf(life);
        if (open.isOpen) open.notify(topic, payload);
      },
    };
    this.#lives.set(id, life);
    this.#ports.logger.info(`worker ${id} is here`, { capacity });
    this.#followLink(life);
    for (const watcher of this.#watchers) watcher.up(life);
  }

  /** Of two links that two nodes have opened to each other at once one is given up: the life goes on over the other. */
  #linkOf(life: Life): PeerLink {
    if (life.link.isOpen) return life.link;
    const other = this.#cluster!.links.byId(life.id);
    if (!other?.isOpen || other.peer.instance !== life.link.peer.instance) return life.link;
    life.link = other;
    this.#followLink(life);
    return other;
  }

  #followLink(life: Life): void {
    const { link } = life;
    void link.closed.then(({ reason }) => {
      if (this.#end.signal.aborted || life.link !== link || this.#linkOf(life) !== link) return;
      this.#gone(life, reason.message);
      this.#look();
    });
  }

  #gone(life: Life | undefined, reason: string): void {
    if (!life || this.#lives.get(life.id) !== life) return;
    this.#lives.delete(life.id);
    this.#ports.logger.warn(`worker ${life.id} is gone`, { reason });
    for (const watcher of this.#watchers) watcher.gone(life, reason);
  }

  #setDraining(life: Life, on: boolean): void {
    if (life.isDraining === on) return;
    life.isDraining = on;
    for (const watcher of this.#watchers) watcher.draining(life);
  }

  report(link: PeerLink, payload: unknown): void {
    const life = this.#of(link);
    if (!life) return;
    const report = readMessage(reportMessage, payload, `a report of worker ${life.id}`);
    life.load = report.load;
    for (const watcher of this.#watchers) watcher.report(life, report);
  }

  failed(link: PeerLink, payload: unknown): void {
    const life = this.#of(link);
    if (!life) return;
    const end = readMessage(failedMessage, payload, `word of worker ${life.id}`);
    for (const watcher of this.#watchers) watcher.failed(life, end);
  }

  leaving(link: PeerLink): void {
    const life = this.#of(link);
    if (life) this.#setDraining(life, true);
  }

  #of(link: PeerLink): Life | undefined {
    const life = this.#lives.get(link.peer.id);
    return life?.link.peer.instance === link.peer.instance ? life : undefined;
  }
}
