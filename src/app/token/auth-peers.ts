/**
 * What nodes tell each other of tokens: a revocation and a new key go to all at once; a node that was away asks for what it has
 * missed when it meets another one, and now and then a few of them, so that everybody knows everything soon. An unknown key is
 * asked of the node that is said to have signed with it.
 */
import { type Clock, systemClock, type Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { ApiTokens, Revocation } from "../../edge/token/index.ts";
import { createClient, type Transport } from "../../wire/rpc/index.ts";
import { type AuthClient, authContract } from "./auth-contract.ts";
import type { News, Told } from "./auth-service.ts";
import { type KeepPorts, keepRevocations } from "./keep-revocations.ts";

/** Another node, as it can be reached now. */
export interface AuthPeer {
  readonly id: string;
  readonly transport: Transport;
}

export interface AuthPeersPorts {
  /** The other nodes that are alive, or may be. */
  readonly others: () => readonly AuthPeer[];
  /** Hears the id of each node that comes; the function given back ends that. */
  readonly onCame: (hear: (id: string) => void) => () => void;
  readonly tokens: ApiTokens;
  readonly ledger: KeepPorts["ledger"];
  readonly random: Random;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** A caller waits for that: an issuer that is slower has troubles of its own. */
const ASK_TIMEOUT_MS = 2_000;
/** Told at once: enough to reach 1,000 nodes in a second, few enough not to open all links together. */
const AT_ONCE = 16;
/** A revocation that was missed by all ways is known that late at most, where the node asked has it. */
const ROUND_MS = 30_000;
/** Asked in each round: news reach all of 1,000 nodes in a few rounds, whoever misses them. */
const ASKED_PER_ROUND = 8;
/** Asked because they came; of more than that, when a whole cluster starts, the rounds take care. */
const CAME_MAX = 16;

export class AuthPeers {
  readonly #ports: AuthPeersPorts;
  readonly #clock: Clock;
  readonly #came = new Set<string>();
  readonly #ignore: () => void;
  #timer: Timer;
  #isAsking = false;
  #isClosed = false;

  constructor(ports: AuthPeersPorts) {
    this.#ports = ports;
    this.#clock = ports.clock ?? systemClock;
    this.#ignore = ports.onCame((id) => this.#meet(id));
    this.#timer = this.#nextRound();
  }

  /** With which keys it signs; undefined when it is no node here, or does not answer. */
  async askKeys(issuer: string): Promise<readonly unknown[] | undefined> {
    const peer = this.#ports.others().find(({ id }) => id === issuer);
    if (!peer) return undefined;
    try {
      return await this.#newsOf(peer);
    } catch (thrown) {
      this.#note("no keys", peer, thrown);
      return undefined;
    }
  }

  async tell(news: News): Promise<Told> {
    const others = this.#ports.others();
    let [told, listed] = [0, 0];
    await inTurns(others, AT_ONCE, async (peer) => {
      try {
        const { isListed } = await this.#client(peer).told(news);
        told++;
        if (isListed) listed++;
      } catch (thrown) {
        this.#note("not told", peer, thrown);
      }
    });
    return { told, listed, others: others.length };
  }

  /** Asks that one for its keys, and what it knows of revocations. */
  async catchUp(peer: AuthPeer): Promise<void> {
    try {
      this.#ports.tokens.takeKeys(peer.id, await this.#newsOf(peer));
    } catch (thrown) {
      this.#note("not asked", peer, thrown);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    this.#ignore();
  }

  #meet(id: string): void {
    if (this.#came.size < CAME_MAX) this.#came.add(id);
    if (!this.#isAsking) void this.#askThoseThatCame();
  }

  async #askThoseThatCame(): Promise<void> {
    this.#isAsking = true;
    for (const id of this.#came) {
      this.#came.delete(id);
      const peer = this.#ports.others().find((each) => each.id === id);
      if (peer && !this.#isClosed) await this.catchUp(peer);
    }
    this.#isAsking = false;
  }

  #nextRound(): Timer {
    const { random } = this.#ports;
    return this.#clock.after(ROUND_MS * (0.75 + random.next() / 2), () => {
      this.#timer = this.#nextRound();
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    const { others, random, tokens } = this.#ports;
    tokens.dropEnded();
    const left = [...others()];
    const chosen = Array.from({ length: Math.min(ASKED_PER_ROUND, left.length) }, () =>
      left.splice(random.below(left.length), 1),
    ).flat();
    await inTurns(chosen, AT_ONCE, (peer) => this.catchUp(peer));
    await this.#takeOver([]);
  }

  /** Its own keys, and no other node's as `keys` has them. What it knows of revocations is taken over. */
  async #newsOf(peer: AuthPeer): Promise<readonly unknown[]> {
    const { tokens } = this.#ports;
    const { keys, revoked = [] } = await this.#client(peer).news({ digest: tokens.revoked.digest });
    if (revoked.length > 0) await this.#takeOver(revoked);
    return keys;
  }

  /** Writes also what could not be written before; the next round tries again. Keys are taken over whatever becomes of it. */
  async #takeOver(revoked: readonly Revocation[]): Promise<void> {
    const { ledger, logger, tokens } = this.#ports;
    try {
      tokens.revoke(revoked);
      await keepRevocations({ ledger, tokens, clock: this.#clock });
    } catch (thrown) {
      logger.warn(`revoked tokens are not all remembered: ${messageOf(thrown)}`);
    }
  }

  #client({ transport }: AuthPeer): AuthClient {
    return createClient(authContract, transport, { clock: this.#clock, timeoutMs: ASK_TIMEOUT_MS });
  }

  /** It may be stopping, or of a version without tokens; the next round asks others. */
  #note(what: string, { id }: AuthPeer, thrown: unknown): void {
    this.#ports.logger.debug(`tokens: ${id} was ${what}: ${messageOf(thrown)}`);
  }
}

async function inTurns<T>(list: readonly T[], atOnce: number, act: (each: T) => Promise<void>): Promise<void> {
  const queue = list.values();
  const worker = async (): Promise<void> => {
    for (const each of queue) await act(each);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker));
}
