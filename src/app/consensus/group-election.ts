/**
 * Which master leads: the one that leads the main group. It takes up when it has applied all that masters before it have stored,
 * keeps everything in that group, in its own term, and lays down when it leads the group no more.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Leadership as GroupLeadership } from "../../cluster/consensus/group/index.ts";
import { callOverLinks, type Leadership, type Others } from "../master/leadership.ts";
import type { Cluster } from "../master/leading.ts";
import type { Election } from "../master/master-duty.ts";
import type { OpenedNode } from "../node/open-node.ts";
import type { Consensus } from "./consensus.ts";
import { GroupKept } from "./group-kept.ts";
import { LeaderChanges } from "./leader-changes.ts";
import { MAIN_GROUP } from "./settings.ts";

/** What is kept could not be read, or the first write failed. */
const AGAIN_MS = 1_000;
/** A master that ends hands over first: others need not wait for its silence. */
const HAND_OVER_MS = 2_000;

type Duty = Pick<Leadership, "takeUp" | "layDown">;

export interface GroupElectionPorts {
  readonly self: string;
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly logger: Logger;
  /** No other master is needed for this one to lead. */
  readonly isAlone: boolean;
  /** The groups cannot begin here. */
  readonly failed: (reason: string) => void;
}

export class GroupElection implements Election {
  readonly #ports: GroupElectionPorts;
  readonly #end = new AbortController();
  /** In which it has taken up, or is about to. */
  #term: number | undefined;
  #isEnding = false;
  #duty: Duty | undefined;
  readonly #changes = new LeaderChanges();

  constructor(ports: GroupElectionPorts) {
    this.#ports = ports;
  }

  get isAlone(): boolean {
    return this.#ports.isAlone;
  }

  others(cluster: Cluster): Others {
    const { consensus, self } = this.#ports;
    const call = callOverLinks(cluster.links);
    return {
      call,
      leader: () => {
        const id = consensus.held(MAIN_GROUP)?.leadership.leader;
        const address = id === undefined || id === self ? undefined : consensus.addressOf(id);
        return id === undefined || address === undefined ? undefined : { id, address };
      },
    };
  }

  async begin({ address, links, membership }: OpenedNode, leadership: Duty): Promise<void> {
    const { consensus, failed, isAlone } = this.#ports;
    const first = Promise.withResolvers<void>();
    this.#duty = leadership;
    this.#main().onLeadership((now) => this.#follow(now, leadership, first.resolve));
    const opened = consensus.open(address, links, membership);
    if (isAlone) {
      await opened;
      return first.promise;
    }
    // The others may not be there yet: that must not keep this one from being a member.
    opened.catch((thrown) => {
      if (!this.#end.signal.aborted) failed(messageOf(thrown));
    });
  }

  /** No other one may lead in this term: then it was not refused because of that, and is told nothing more. */
  deposed(): void {
    const now = this.#main().leadership;
    if (!now.isLeading || now.term !== this.#term || !this.#duty) return;
    this.#term = undefined;
    this.#follow(now, this.#duty);
  }

  /** Nothing is taken up any more. */
  async ending(): Promise<void> {
    this.#isEnding = true;
  }

  /** What it led is laid down in order: another one may lead at once. */
  async ended(): Promise<void> {
    const { clock, consensus, logger } = this.#ports;
    for (const name of consensus.names) {
      const held = consensus.held(name);
      if (!held?.isOpen || !held.leadership.isLeading || held.life.group.configuration.voters.length < 2) continue;
      const limit = new AbortController();
      const timer = clock.after(HAND_OVER_MS, () => limit.abort());
      try {
        await consensus.host.change(name, { type: "transfer", node: undefined }, { signal: limit.signal });
      } catch (thrown) {
        logger.debug(`nobody takes over the group ${name} from it`, { reason: messageOf(thrown) });
      }
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#ports.consensus.close();
  }

  #main() {
    const held = this.#ports.consensus.held(MAIN_GROUP);
    if (held) return held;
    throw new Failure("consensus.no_group", "a master without its main group"); // made with every consensus
  }

  #follow({ isLeading, leader, term }: GroupLeadership, leadership: Duty, taken = (): void => {}): void {
    if (leader !== undefined) this.#changes.led(term, this.#ports.clock.monotonic());
    if (isLeading && term === this.#term) return;
    if (this.#term !== undefined) {
      this.#term = undefined;
      void leadership.layDown("another master leads, or none");
    }
    if (!isLeading || this.#isEnding) return;
    this.#term = term;
    void this.#afterPause(term)
      .then(() => this.#takeUp(term, leadership))
      .then(taken);
  }

  /**
   * Taking up is work, and work may be what cost the last leader its leadership: when leaders follow each other quickly, the next one
   * leads for a while before it does more.
   */
  async #afterPause(term: number): Promise<void> {
    const { clock, logger } = this.#ports;
    const pauseMs = this.#changes.pauseMs(clock.monotonic());
    if (pauseMs === 0) return;
    logger.warn("leads, and takes up after a pause: leaders follow each other too quickly", { term, pauseMs });
    await pause(clock, pauseMs, this.#end.signal);
  }

  async #takeUp(term: number, leadership: Duty): Promise<void> {
    const { clock, logger } = this.#ports;
    while (this.#term === term && !this.#end.signal.aborted) {
      try {
        await leadership.takeUp(new GroupKept(this.#main(), term, clock));
        logger.info("leads the masters", { term });
        return;
      } catch (thrown) {
        if (this.#term !== term) return;
        logger.error("cannot take up what the masters keep; tried again", { term, reason: messageOf(thrown) });
        await pause(clock, AGAIN_MS, this.#end.signal);
      }
    }
  }
}
