/**
 * How a group begins: with all of its first voters there, each with an empty disk. A node that comes with an empty disk to a group that
 * has begun was a member once and has lost its memory, votes included: it must not vote again, and takes no part under this id.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { LinkHandlers, LinkPeer, PeerLink } from "../../wire/link/index.ts";

export const BEGINNING_TOPIC = "masters/beginning";

/** `empty`: it waits for the others, as the asker does. `fresh`: it has begun and done nothing yet. */
export type Beginning = "empty" | "fresh" | "begun" | "opening";

const BEGINNINGS: readonly unknown[] = ["empty", "fresh", "begun", "opening"] satisfies Beginning[];
const AGAIN_MS = 100;
const ANSWER_MS = 2_000;

export interface FoundingPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly link: (id: string) => PeerLink | undefined;
  /** How far this node is with the group. */
  readonly own: (group: string) => Beginning;
}

export class Founding {
  readonly handlers: LinkHandlers;
  readonly #ports: FoundingPorts;
  /** Processes that had nothing when this one asked them: they begin as this one does, also when others are quicker. */
  readonly #founders = new Set<string>();

  constructor(ports: FoundingPorts) {
    this.#ports = ports;
    this.handlers = { [BEGINNING_TOPIC]: { request: (payload, { peer }) => this.#answer(String(payload), peer) } };
  }

  /** Resolves when all others are there and none has begun without this node. Fails with `consensus.begun_before`. */
  async begin(group: string, others: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      others.map(async (id) => {
        if ((await this.#ask(group, id, signal)) === "begun") throw begunBefore(group, id);
      }),
    );
  }

  async #ask(group: string, id: string, signal: AbortSignal): Promise<Beginning> {
    const { clock, link, logger } = this.#ports;
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const to = link(id);
      const answer = to?.isOpen ? await this.#once(to, group, signal) : undefined;
      if (answer === "empty" || answer === "fresh") this.#founders.add(keyOf(group, to!.peer)); // asked there
      if (answer !== undefined && answer !== "opening") return answer;
      if (tries === 3) logger.info(`waits for ${id}: all of --masters have to be there at the first start`, { group });
      await pause(clock, AGAIN_MS, signal);
    }
  }

  async #once(to: PeerLink, group: string, signal: AbortSignal): Promise<Beginning | undefined> {
    try {
      const answer = await to.request(BEGINNING_TOPIC, group, { signal, timeoutMs: ANSWER_MS });
      return BEGINNINGS.includes(answer) ? (answer as Beginning) : undefined; // just looked at
    } catch (thrown) {
      this.#ports.logger.debug(`${to.peer.id} does not say how far it is`, { group, reason: messageOf(thrown) });
      return undefined;
    }
  }

  #answer(group: string, peer: LinkPeer): Beginning {
    const own = this.#ports.own(group);
    return own === "begun" && this.#founders.has(keyOf(group, peer)) ? "fresh" : own;
  }
}

function keyOf(group: string, { id, instance }: LinkPeer): string {
  return JSON.stringify([group, id, instance]);
}

function begunBefore(group: string, by: string): Failure {
  const message = `the group ${group} has begun, as ${by} says, and this node has nothing of it: what it has promised is lost, so it takes no part; raft remove it, and start it with --standby under another id`;
  return new Failure("consensus.begun_before", message);
}
