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

  constructor(ports: GroupElectionPorts) {
    this.#ports = ports;
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
    const held = this.#main();
    held.onLeadership((now) => this.#follow(now, leadership, first));
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

  #follow({ isLeading, term }: GroupLeadership, leadership: Duty, first: PromiseWithResolvers<void>): void {
    if (isLeading && term === this.#term) return;
    if (this.#term !== undefined) {
      this.#term = undefined;
      void leadership.layDown("another master leads, or none");
    }
    if (!isLeading || this.#isEnding) return;
    this.#term = term;
    void this.#takeUp(term, leadership).then(first.resolve);
  }

  async #takeUp(term: number, leadership: Duty): Promise<void> {
    const { clock, logger } = this.#ports;
    while (this.#term === term && !this.#end.signal.aborted) {
      try {
        await leadership.takeUp(new GroupKept(this.#main(), term));
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
