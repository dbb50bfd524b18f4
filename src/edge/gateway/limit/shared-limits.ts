/**
 * Limits counted by several gateways, or several processes of one: each lets through what its own buckets allow and tells the others, once a
 * round, what it has taken; they take it off theirs. One message to a peer is under way at a time: it is said again until it is heard, so
 * loss, duplicates and disorder change when something is counted, never whether and how often. A peer that hears nothing for
 * `silenceMs` is counted without: nothing is kept for it, and later it starts anew. Peers may stand in a tree of two levels: the main process
 * of a gateway speaks for its other processes to other gateways, and for those to its processes. A pure machine; who carries
 * messages is a port.
 */
import { SHARED_KEYS_MAX, type SharedMessage } from "./shared-message.ts";
import type { TokenBuckets } from "./token-buckets.ts";

export interface SharedLimitsOptions {
  /** Larger with every start of this process: milliseconds since the epoch will do. */
  readonly life: number;
  readonly buckets: readonly TokenBuckets[];
  /** Between two rounds. */
  readonly roundMs?: number | undefined;
  readonly silenceMs?: number | undefined;
  /** What it takes the place of: what that one has heard of its peers is not counted again. */
  readonly former?: SharedLimits | undefined;
}

/** Of a peer: what it said last. */
type Heard = Pick<PeerState, "heardLife" | "heardNumber" | "voices">;

export interface SharedEffect {
  readonly peer: string;
  readonly message: SharedMessage;
}

const ROUND_MS = 100;
/** Some lost messages are made up for; a peer that is gone is soon counted without. */
const SILENCE_MS = 2_000;
/** Keys kept for one peer; of more the newest are not told, and counted. */
const PENDING_KEYS_MAX = 100_000;

/** By limit and key. */
type Tokens = Map<string, Map<string, number>>;

interface PeerState {
  /** Another process of this gateway. It is told of all limits, and of what others say; others hear what it says. */
  readonly isInside: boolean;
  /** How many processes it speaks for, itself included. */
  voices: number;
  /** Taken here, not said yet. */
  pending: Tokens;
  pendingKeys: number;
  /** Said, not heard yet. */
  sent: SharedMessage["taken"] | undefined;
  number: number;
  /** Since when it is said in vain. */
  sentMs: number;
  heardLife: number;
  heardNumber: number;
  /** It has to be told that it was heard. */
  owesHeard: boolean;
  isSilent: boolean;
}

export class SharedLimits {
  readonly #life: number;
  readonly #roundMs: number;
  readonly #silenceMs: number;
  readonly #buckets: ReadonlyMap<string, TokenBuckets>;
  readonly #peers = new Map<string, PeerState>();
  /** Of peers that were there before this one was. */
  readonly #heard: ReadonlyMap<string, Heard>;
  /** Taken since the last round. */
  readonly #fresh: Tokens = new Map();
  #freshKeys = 0;
  #nextMs = 0;
  #untold = 0;

  constructor({ buckets, former, life, roundMs = ROUND_MS, silenceMs = SILENCE_MS }: SharedLimitsOptions) {
    this.#life = life;
    this.#roundMs = roundMs;
    this.#silenceMs = silenceMs;
    this.#heard = former?.heard() ?? new Map();
    this.#buckets = new Map(buckets.map((each) => [each.plan.id, each]));
    for (const each of buckets) each.onTaken = (key) => this.#taken(each.plan.id, key);
  }

  /** When the next round is due. */
  get nextDeadlineMs(): number {
    return this.#nextMs;
  }

  /** With whom to count: others are forgotten, new ones are told what is taken from now on. `inside`: other processes of this gateway. */
  setPeers(peers: readonly string[], inside: readonly string[] = []): void {
    const wanted = new Set([...peers, ...inside]);
    for (const peer of this.#peers.keys()) if (!wanted.has(peer)) this.#peers.delete(peer);
    for (const peer of wanted) {
      if (this.#peers.has(peer)) continue;
      this.#peers.set(peer, { ...newPeer(inside.includes(peer)), ...this.#heard.get(peer) });
    }
  }

  /** What each peer has said last, for whoever takes its place. */
  heard(): ReadonlyMap<string, Heard> {
    const heardOf = ({ heardLife, heardNumber, voices }: PeerState): Heard => ({ heardLife, heardNumber, voices });
    return new Map([...this.#peers].map(([peer, state]) => [peer, heardOf(state)]));
  }

  /** One round: what is to be sent. Often enough is `nextDeadlineMs`. */
  tick(nowMs: number): readonly SharedEffect[] {
    if (nowMs < this.#nextMs) return [];
    this.#nextMs = nowMs + this.#roundMs;
    this.#distribute();
    const effects: SharedEffect[] = [];
    for (const [peer, state] of this.#peers) {
      const message = this.#messageTo(state, nowMs);
      if (message !== undefined) effects.push({ peer, message });
    }
    return effects;
  }

  /** What a peer says; from others nothing is taken. */
  receive(peer: string, message: SharedMessage, nowMs: number): void {
    const state = this.#peers.get(peer);
    if (state === undefined) return;
    const { heard, life, number } = message;
    if (life < state.heardLife) return;
    if (heard.life === this.#life && heard.number === state.number) hear(state);
    if (number === 0) return;
    state.owesHeard = true;
    const isNew = life > state.heardLife || number > state.heardNumber;
    if (!isNew) return;
    state.heardLife = life;
    state.heardNumber = number;
    state.voices = message.voices ?? 1;
    for (const [id, pairs] of Object.entries(message.taken)) this.#debit(state, id, pairs, nowMs);
  }

  counts(): { readonly peers: number; readonly silent: number; readonly untold: number } {
    const silent = [...this.#peers.values()].filter(({ isSilent }) => isSilent).length;
    return { peers: this.#peers.size, silent, untold: this.#untold };
  }

  /** Below nothing a bucket goes as far as all peers can have let through before they heard of each other: else stale news would starve a key. */
  #debit(from: PeerState, id: string, pairs: readonly (string | number)[], nowMs: number): void {
    const bucket = this.#buckets.get(id);
    if (bucket === undefined || !(from.isInside || bucket.plan.isShared)) return;
    const oldestMs = 2 * this.#silenceMs + this.#roundMs;
    const perPeer = Math.max(1, bucket.plan.burst) + oldestMs / bucket.intervalMs;
    const debtTokensMax = this.#voicesBut(undefined, true) * perPeer;
    for (let at = 0; at < pairs.length; at += 2) {
      const [key, tokens] = [String(pairs[at]), Number(pairs[at + 1])];
      bucket.debit(key, tokens, debtTokensMax, nowMs);
      for (const to of this.#peers.values()) if (isRelayed(from, to, bucket)) this.#owe(to, id, key, tokens);
    }
  }

  /** Of all peers for whom this process may speak to others: of all, or of those inside. */
  #voicesBut(peer: PeerState | undefined, ofAll: boolean): number {
    let voices = 0;
    for (const each of this.#peers.values()) if (each !== peer && (ofAll || each.isInside)) voices += each.voices;
    return voices;
  }

  #taken(id: string, key: string): void {
    this.#freshKeys += addTokens(this.#fresh, id, key, 1, this.#freshKeys < PENDING_KEYS_MAX);
  }

  /** What was taken since the last round is to be told to every peer. */
  #distribute(): void {
    for (const [id, keys] of this.#fresh) {
      const isShared = this.#buckets.get(id)?.plan.isShared ?? false;
      for (const state of this.#peers.values()) {
        if (!isShared && !state.isInside) continue;
        for (const [key, tokens] of keys) this.#owe(state, id, key, tokens);
      }
    }
    this.#fresh.clear();
    this.#freshKeys = 0;
  }

  #owe(state: PeerState, id: string, key: string, tokens: number): void {
    const hasRoom = state.pendingKeys < PENDING_KEYS_MAX;
    if (!hasRoom && !state.pending.get(id)?.has(key)) this.#untold++;
    state.pendingKeys += addTokens(state.pending, id, key, tokens, hasRoom);
  }

  #messageTo(state: PeerState, nowMs: number): SharedMessage | undefined {
    if (state.sent !== undefined && nowMs - state.sentMs >= this.#silenceMs) {
      const { heardLife, heardNumber, isInside, number, voices } = state;
      Object.assign(state, newPeer(isInside), { heardLife, heardNumber, number, voices, isSilent: true });
    }
    if (state.sent === undefined && state.pendingKeys > 0) {
      state.sent = cut(state);
      state.number++;
      state.sentMs = nowMs;
    }
    if (state.sent === undefined && !state.owesHeard) return undefined;
    state.owesHeard = false;
    const heard = { life: state.heardLife, number: state.heardNumber };
    const number = state.sent === undefined ? 0 : state.number;
    const voices = 1 + this.#voicesBut(state, state.isInside);
    return { life: this.#life, number, heard, ...(voices > 1 && { voices }), taken: state.sent ?? {} };
  }
}

/** What a process of this gateway says goes to all others, what another gateway says to the processes: nothing comes round. */
function isRelayed(from: PeerState, to: PeerState, { plan }: TokenBuckets): boolean {
  return from !== to && (from.isInside ? to.isInside || plan.isShared : to.isInside);
}

/** Gives how many keys were added: one or none. */
function addTokens(all: Tokens, id: string, key: string, tokens: number, hasRoom: boolean): number {
  let keys = all.get(id);
  if (keys === undefined) {
    keys = new Map();
    all.set(id, keys);
  }
  const count = keys.get(key);
  if (count === undefined && !hasRoom) return 0;
  keys.set(key, (count ?? 0) + tokens);
  return count === undefined ? 1 : 0;
}

function newPeer(isInside: boolean): PeerState {
  return {
    isInside,
    voices: 1,
    pending: new Map(),
    pendingKeys: 0,
    sent: undefined,
    number: 0,
    sentMs: 0,
    heardLife: 0,
    heardNumber: 0,
    owesHeard: false,
    isSilent: false,
  };
}

function hear(state: PeerState): void {
  state.sent = undefined;
  state.isSilent = false;
}

/** As many of the pending keys as one message may hold; they are not pending any more. */
function cut(state: PeerState): SharedMessage["taken"] {
  const taken: Record<string, (string | number)[]> = {};
  let room = SHARED_KEYS_MAX;
  for (const [id, keys] of state.pending) {
    const pairs: (string | number)[] = [];
    for (const [key, count] of keys) {
      if (room === 0) break;
      room--;
      pairs.push(key, count);
      keys.delete(key);
    }
    if (keys.size === 0) state.pending.delete(id);
    if (pairs.length > 0) taken[id] = pairs;
  }
  state.pendingKeys -= SHARED_KEYS_MAX - room;
  return taken;
}
