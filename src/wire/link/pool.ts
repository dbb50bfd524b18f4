/**
 * The links of this node: one for each peer, found by id or by address, opened when somebody needs it. An accepted link serves
 * calls to its peer as well. Where a peer listens is what it says itself, so an address leads to a link only when it was
 * dialed there, or when the caller names whom he expects. Two nodes that dial each other at once have two links for a moment:
 * both keep the one whose dialer has the lower id and let the other end gracefully, once both know of the one that they keep: else
 * the other side would see its last link end, and take this node for gone.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { type BackoffPolicy, backoffDelayMs } from "../../protocol/retry/index.ts";
import { audienceOf } from "./hello.ts";
import { HANDSHAKE_TIMEOUT_MS, IDLE_MS, STALE_MS } from "./limits.ts";
import type { Link } from "./link.ts";
import type { LinkAddress, LinkEnd } from "./types.ts";

/** A peer that is down is dialed soon again, and rarely when it stays down. */
const REDIAL: BackoffPolicy = { initialMs: 100, maxMs: 5_000, jitter: 0.5 };
/** Said to the peer, which does the same. */
const LEFT = "another link to the same node is kept";
/** Addresses that are remembered as failing; the oldest is forgotten, which costs a dial. */
const FAILING_MAX = 4_096;

export interface LinkPoolOptions {
  /** This node's id. */
  readonly selfId: string;
  readonly dial: (address: LinkAddress, signal: AbortSignal) => Promise<Link>;
  readonly clock: Clock;
  readonly random: Random;
  /** 0 keeps idle links. */
  readonly idleMs?: number;
  /** A peer has a link now where it had none, or another one. */
  readonly onLink?: (link: Link) => void;
  /** A peer's only link is gone. */
  readonly onLost?: (link: Link, end: LinkEnd) => void;
}

interface Failing {
  readonly attempts: number;
  readonly untilMs: number;
  readonly failure: Failure;
}

export interface GetOptions {
  /** Who is expected there; fails with `link.wrong_peer` when somebody else answers. */
  readonly id?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class LinkPool {
  readonly #options: LinkPoolOptions;
  readonly #byId = new Map<string, Link>();
  /** Of addresses that were dialed: whoever answered has proved itself there. */
  readonly #byAddress = new Map<string, Link>();
  readonly #dialing = new Map<string, Promise<Link>>();
  readonly #failing = new Map<string, Failing>();
  /** Links that are about to be left, until the peer knows of the one that is kept. */
  readonly #left = new Map<Link, Timer>();
  readonly #end = new AbortController();
  #idleTimer: Timer | undefined;

  constructor(options: LinkPoolOptions) {
    this.#options = options;
    this.#watchIdle();
  }

  get links(): readonly Link[] {
    return [...this.#byId.values()];
  }

  byId(id: string): Link | undefined {
    return this.#byId.get(id);
  }

  /** The link to whoever listens there. Fails as dialing does, and at once with the last failure while it is too early to dial again. */
  async get(address: LinkAddress, { id, signal }: GetOptions = {}): Promise<Link> {
    this.#end.signal.throwIfAborted();
    const key = audienceOf(address);
    const known = this.#known(key, id);
    if (known) return expected(known, id, key);
    let dialing = this.#dialing.get(key);
    if (!dialing) {
      this.#refuseEarly(key);
      dialing = this.#dial(key, address);
      this.#dialing.set(key, dialing);
      dialing.catch(() => {}).finally(() => this.#dialing.delete(key));
    }
    return expected(await unless(signal, dialing), id, key);
  }

  #known(key: string, id: string | undefined): Link | undefined {
    const dialed = this.#byAddress.get(key);
    if (dialed?.isOpen) return dialed;
    const named = id === undefined ? undefined : this.#byId.get(id);
    return named?.isOpen && named.peer.address && audienceOf(named.peer.address) === key ? named : undefined;
  }

  /** Takes a link that a peer has opened, or whoever dialed by himself. Gives back the one that counts for that peer. */
  adopt(link: Link): Link {
    const { id, address } = link.peer;
    const other = this.#byId.get(id);
    if (other === link) return link;
    const isKept = !other?.isOpen || this.#supersedes(link, other);
    const [kept, left] = isKept ? [link, other] : [other, link];
    if (isKept) {
      this.#byId.set(id, link);
      void link.closed.then((end) => this.#lost(link, end));
    }
    if (left?.peer.instance === kept.peer.instance) this.#hand(left, kept);
    if (link.isDialer && address) this.#prove(audienceOf(address), kept);
    if (left) this.#leave(left, kept);
    if (isKept) this.#options.onLink?.(link);
    return kept;
  }

  /** Both are links to the same life of the same peer. */
  #hand(left: Link, kept: Link): void {
    for (const [key, each] of this.#byAddress) if (each === left) this.#byAddress.set(key, kept);
  }

  #prove(key: string, kept: Link): void {
    const holder = this.#byAddress.get(key);
    if (!holder?.isOpen || holder.peer.id === kept.peer.id) this.#byAddress.set(key, kept);
  }

  /** Ends all links gracefully; nothing is dialed any more. */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#end.abort(new Failure("link.closed", "this node has closed its links"));
    this.#idleTimer?.cancel();
    await Promise.allSettled(this.#dialing.values());
    const all = new Set([...this.links, ...this.#left.keys()]);
    await Promise.all([...all].map((link) => link.close({ ...options, why: "this node ends" })));
  }

  /** Another life of the peer wins over its earlier one; else both sides have to choose the same. */
  #supersedes(link: Link, other: Link): boolean {
    if (link.peer.instance !== other.peer.instance) return true;
    if (this.#options.clock.monotonic() - other.lastHeardMs > STALE_MS) return true;
    if (link.isDialer === other.isDialer) return true; // the peer has forgotten the other one, or it would not have dialed
    return link.isDialer === this.#options.selfId < link.peer.id; // the lower id's is kept
  }

  #leave(left: Link, kept: Link): void {
    if (left.peer.instance !== kept.peer.instance) {
      left.destroy(new Failure("link.superseded", `${left.peer.id} has started anew`, { retryable: true }));
    } else if (kept.isDialer && kept.counts.framesTaken === 0) this.#leaveLater(left);
    else void left.close({ why: LEFT });
  }

  /** The peer has not answered over the one that is kept: it leaves the other one itself as soon as it knows, or will never know. */
  #leaveLater(left: Link): void {
    if (this.#left.has(left)) return;
    const timer = this.#options.clock.after(HANDSHAKE_TIMEOUT_MS, () => void left.close({ why: LEFT }));
    this.#left.set(left, timer);
    void left.closed.then(() => this.#forgetLeft(left));
  }

  #forgetLeft(left: Link): void {
    this.#left.get(left)?.cancel();
    this.#left.delete(left);
  }

  #lost(link: Link, end: LinkEnd): void {
    for (const [key, each] of this.#byAddress) if (each === link) this.#byAddress.delete(key);
    if (this.#byId.get(link.peer.id) !== link) return;
    this.#byId.delete(link.peer.id);
    const spare = this.#spareOf(link);
    if (!spare || this.#end.signal.aborted) return this.#options.onLost?.(link, end);
    this.#forgetLeft(spare);
    this.adopt(spare);
  }

  /** One to the same life of the same peer that was to be left, and is none that would give way to any other. */
  #spareOf({ peer }: Link): Link | undefined {
    const nowMs = this.#options.clock.monotonic();
    const isTheirs = (left: Link): boolean => left.peer.id === peer.id && left.peer.instance === peer.instance;
    return [...this.#left.keys()].find((left) => left.isOpen && isTheirs(left) && nowMs - left.lastHeardMs <= STALE_MS);
  }

  async #dial(key: string, address: LinkAddress): Promise<Link> {
    try {
      const link = await this.#options.dial(address, this.#end.signal);
      this.#failing.delete(key);
      if (this.#end.signal.aborted) {
        link.destroy(new Failure("link.closed", "this node has closed its links"));
        this.#end.signal.throwIfAborted();
      }
      return this.adopt(link);
    } catch (thrown) {
      this.#failed(key, toFailure(thrown, "link.unreachable"));
      throw thrown;
    }
  }

  #failed(key: string, failure: Failure): void {
    const { clock, random } = this.#options;
    const attempts = (this.#failing.get(key)?.attempts ?? 0) + 1;
    this.#failing.delete(key); // the latest to fail stands last
    if (this.#failing.size >= FAILING_MAX) this.#failing.delete(this.#failing.keys().next().value!);
    const untilMs = clock.monotonic() + backoffDelayMs(REDIAL, attempts, random);
    this.#failing.set(key, { attempts, untilMs, failure });
  }

  #refuseEarly(key: string): void {
    const failing = this.#failing.get(key);
    if (failing && this.#options.clock.monotonic() < failing.untilMs) throw failing.failure;
  }

  /** Whoever dialed closes what nobody uses: the other side may be about to answer. */
  #watchIdle(): void {
    const { clock, idleMs = IDLE_MS } = this.#options;
    if (idleMs <= 0) return;
    this.#idleTimer = clock.after(idleMs / 2, () => {
      const longAgoMs = clock.monotonic() - idleMs;
      for (const link of this.links) {
        const sinceMs = link.idleSinceMs;
        if (link.isDialer && sinceMs !== undefined && sinceMs <= longAgoMs) void link.close({ why: "nobody uses it" });
      }
      this.#watchIdle();
    });
  }
}

function expected(link: Link, id: string | undefined, place: string): Link {
  if (id === undefined || link.peer.id === id) return link;
  throw new Failure("link.wrong_peer", `${link.peer.id} answers at ${place}, where ${id} is expected`, {
    retryable: true,
  });
}

/** Others may wait for the same promise: the signal ends this wait only. */
async function unless<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (!signal) return await promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
