/**
 * The groups of a master: opened when it listens, by the links that it has, and found by name. Which nodes began a group is asked
 * once, at its beginning; from then on the group itself knows.
 */
import { join } from "node:path";
import type { Address } from "../../base/address.ts";
import { formatAddress } from "../../base/address.ts";
import { pause, systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { GroupHost } from "../../cluster/consensus/group/index.ts";
import type { Durability } from "../../cluster/consensus/log/index.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { RaftOptions } from "../../protocol/raft/index.ts";
import type { LinkHandlers, LinkPool } from "../../wire/link/index.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import { Founding } from "./founding.ts";
import { writeIdentity } from "./group-identity.ts";
import { HeldGroup } from "./held-group.ts";
import { MasterLinks } from "./master-links.ts";
import type { NamedMaster } from "./masters-list.ts";
import { MAIN_GROUP } from "./settings.ts";

export interface ConsensusChoices {
  readonly self: string;
  /** Each group has a directory in it. */
  readonly directory: string;
  /** The first voters; undefined: this node alone. */
  readonly masters: readonly NamedMaster[] | undefined;
  /** Begins nothing: somebody will add it to the groups. */
  readonly isStandby: boolean;
  /** Beside the main one. */
  readonly groups: readonly string[];
  readonly raft: RaftOptions;
  readonly durability: Durability;
  readonly random: Random;
  readonly logger: Logger;
}

export class Consensus {
  readonly handlers: LinkHandlers;
  readonly #choices: ConsensusChoices;
  readonly #host: GroupHost;
  readonly #groups: ReadonlyMap<string, HeldGroup>;
  readonly #founding: Founding;
  readonly #end = new AbortController();
  #links: MasterLinks | undefined;
  #address: Address | undefined;
  #voters: Promise<readonly string[]> | undefined;

  constructor(choices: ConsensusChoices) {
    const { directory, durability, groups, logger, raft, random, self } = choices;
    this.#choices = choices;
    const warn = warnOnceAWhile(logger, systemClock);
    this.#host = new GroupHost({
      self,
      link: (to) => this.#links?.link(to),
      pause: (ms, signal) => pause(systemClock, ms, signal),
      mayAsk: (peer) => this.#links?.isMaster(peer) ?? false,
      joined: (group, identity) => {
        writeIdentity(join(directory, group), self, identity);
        logger.info(`has been added to the group ${group}`);
      },
      foreign: (group, from) =>
        warn(`${from} belongs to another group named ${group}: the two began with different --masters`),
    });
    this.#founding = new Founding({
      clock: systemClock,
      logger,
      link: (to) => this.#links?.link(to),
      own: (group) => this.#groups.get(group)?.beginning ?? "empty",
    });
    this.handlers = { ...this.#host.handlers, ...this.#founding.handlers };
    const held = [MAIN_GROUP, ...groups].map((name) => {
      const where = { name, directory: join(directory, name), self, raft, durability };
      const ports = { host: this.#host, clock: systemClock, random, logger, defer };
      return new HeldGroup({ ...where, voters: (signal) => this.#firstVoters(name, signal) }, ports);
    });
    this.#groups = new Map(held.map((group) => [group.name, group]));
  }

  get host(): GroupHost {
    return this.#host;
  }

  get names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  get all(): readonly HeldGroup[] {
    return [...this.#groups.values()];
  }

  /** Undefined when this node has none of that name. */
  held(name: string): HeldGroup | undefined {
    return this.#groups.get(name);
  }

  /** Where a node of a group is, as far as that is known. */
  addressOf(id: string): Address | undefined {
    return id === this.#choices.self ? this.#address : this.#links?.addressOf(id);
  }

  /**
   * Opens all groups, by these links. Resolves when all have begun: with several masters that is when all of them have been there for
   * the first time. Fails when a group's directory cannot be used.
   */
  async open(at: Address, links: LinkPool, membership: Membership): Promise<void> {
    const { logger, masters } = this.#choices;
    this.#address = at;
    this.#links = new MasterLinks(masters ?? [], { links, membership, clock: systemClock, logger });
    await Promise.all([...this.#groups.values()].map((group) => group.open()));
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#links?.close();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
  }

  async #firstVoters(group: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { isStandby, masters, self } = this.#choices;
    if (isStandby) return undefined;
    if (masters === undefined) return [self];
    const until = AbortSignal.any([signal, this.#end.signal]);
    this.#voters ??= Promise.all(masters.map((each) => this.#idOf(each, until)));
    const voters = await this.#voters;
    await this.#founding.begin(
      group,
      voters.filter((id) => id !== self),
      until,
    );
    return voters;
  }

  async #idOf({ address, id }: NamedMaster, signal: AbortSignal): Promise<string> {
    const { logger, self } = this.#choices;
    if (id !== undefined) return id;
    if (this.#address && formatAddress(this.#address) === formatAddress(address)) return self;
    logger.info(
      `waits for the master at ${formatAddress(address)}: all of --masters have to be there at the first start`,
    );
    return this.#links!.idAt(address, signal); // made before the groups are opened
  }
}

/** After what has arrived in this turn of the loop was heard. */
function defer(callback: () => void): void {
  setImmediate(callback);
}
