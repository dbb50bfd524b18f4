/**
 * Brings invalidations from node to node. Each is sent at once to everybody whom a link reaches; whatever gets lost is made good by
 * asking: when a number is missing, when a node is seen again, and every few seconds. A message that cannot be sent is dropped
 * here, not kept: who comes back asks.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { type Cache, Heard, type Invalidation, type Missed, OwnNews } from "../../data/cache/index.ts";
import { readMissed, readNews, readPosition } from "./invalidation-words.ts";

/** How long a lost message stays unnoticed when nothing else comes: an idle node asks every other one this often. */
const ASK_EVERY_MS = 5_000;
const ASK_TIMEOUT_MS = 2_000;
/** Told in one answer; who is further behind asks again. Well below what a link takes in one message. */
const MISSED_AT_ONCE = 256;

/** The other nodes, as this part needs them. */
export interface Others {
  /** Ids of those that may be there. */
  nodes(): readonly string[];
  /** Whether it is a member, be it there or not. */
  isMember(node: string): boolean;
  /** Fire and forget, over a link that is open or will be. Rejects when it was not sent. */
  notify(node: string, payload: unknown): Promise<void>;
  ask(node: string, payload: unknown, timeoutMs: number): Promise<unknown>;
}

export interface NewsPorts {
  readonly clock: Clock;
  /** Another one in each life of this process. */
  readonly instance: string;
  readonly debug: (text: string) => void;
}

type Kept = Pick<Cache, "hear" | "forgetAll">;

export class InvalidationNews {
  readonly #ports: NewsPorts;
  readonly #own: OwnNews;
  readonly #heard = new Heard();
  /** Nodes that are being asked. */
  readonly #asking = new Set<string>();
  #cache: Kept | undefined;
  #others: Others | undefined;
  #timer: Timer | undefined;

  constructor(ports: NewsPorts) {
    this.#ports = ports;
    this.#own = new OwnNews(ports.instance);
  }

  /** Whom it tells; before that it only numbers. */
  follow(cache: Kept, others: Others): void {
    this.#cache = cache;
    this.#others = others;
    this.#askLater();
  }

  close(): void {
    this.#timer?.cancel();
    this.#others = undefined;
  }

  /** Of this node. Does not wait and does not throw. */
  tell(invalidation: Invalidation): void {
    const payload = { ...this.#own.add(invalidation), ...invalidation };
    const others = this.#others;
    for (const node of others?.nodes() ?? []) {
      others?.notify(node, payload).catch((thrown) => this.#ports.debug(`${node} was not told: ${messageOf(thrown)}`));
    }
  }

  /** Of another node. Fails with `cache.bad_message`. */
  take(node: string, payload: unknown): void {
    const { invalidation, position } = readNews(payload);
    this.#carryOut(invalidation);
    if (this.#heard.take(node, position) === "gap") this.ask(node);
  }

  /** What another node asks for. Fails with `cache.bad_message`. */
  answer(payload: unknown): Missed {
    return this.#own.since(readPosition(payload), MISSED_AT_ONCE);
  }

  /** Asks a node for what was missed, unless that is under way. */
  ask(node: string): void {
    const others = this.#others;
    if (!others || this.#asking.has(node)) return;
    this.#asking.add(node);
    this.#catchUp(node, others)
      .catch((thrown) => this.#ports.debug(`cannot ask ${node} what it has invalidated: ${messageOf(thrown)}`))
      .finally(() => this.#asking.delete(node));
  }

  async #catchUp(node: string, others: Others): Promise<void> {
    for (;;) {
      const known = this.#heard.position(node);
      const missed = readMissed(await others.ask(node, known ?? {}, ASK_TIMEOUT_MS));
      if (missed.instance === this.#ports.instance) return; // itself, under an address of before
      for (const each of missed.missed ?? []) this.#carryOut(each);
      const consequence = this.#heard.caughtUp(node, missed);
      if (consequence !== "nothing") {
        const isHereOnly = consequence === "memory" || known === undefined;
        void this.#cache?.forgetAll({ isHereOnly });
      }
      if ((missed.missed?.length ?? 0) < MISSED_AT_ONCE) return;
    }
  }

  #carryOut(invalidation: Invalidation): void {
    void this.#cache?.hear(invalidation);
  }

  #askLater(): void {
    this.#timer = this.#ports.clock.after(ASK_EVERY_MS, () => {
      if (!this.#others) return;
      for (const node of this.#others.nodes()) this.ask(node);
      this.#forgetGone(this.#others);
      this.#askLater();
    });
  }

  /** Of a member that is gone for good. What it said last may have got lost with it, so memory goes as for another life of it. */
  #forgetGone(others: Others): void {
    const gone = this.#heard.nodes().filter((node) => !others.isMember(node));
    for (const node of gone) this.#heard.forget(node);
    if (gone.length > 0) void this.#cache?.forgetAll({ isHereOnly: true });
  }
}
