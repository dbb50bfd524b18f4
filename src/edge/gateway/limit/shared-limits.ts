/**
 * Limits counted by several gateways, or several processes of one: each lets through what its own counts allow and tells the others, once a
 * round, what it has taken; they take it off theirs. One message to a peer is under way at a time: it is said again until it is heard, so
 * loss, duplicates and disorder change when something is counted, never whether and how often. A peer that hears nothing for
 * `silenceMs` is counted without: no tokens are kept for it, and later it starts anew. Peers may stand in a tree of two levels: the main
 * process of a gateway speaks for its other processes to other gateways, and for those to its processes. Of limits of concurrency the same
 * messages bring how many are under way; that is a state, not an event: it is said anew twice in `silenceMs`, and what a peer has said is
 * believed for one and a half. A pure machine; who carries messages is a port.
 */
import type { Concurrency } from "./concurrency.ts";
import { byCountedName } from "./counted-names.ts";
import { SHARED_KEYS_MAX, type SharedMessage, type SharedPairs } from "./shared-message.ts";
import { SharedPlaces } from "./shared-places.ts";
import type { TokenBuckets } from "./token-buckets.ts";
import { UntoldTokens } from "./untold-tokens.ts";

export interface SharedLimitsOptions {
  /** Larger with every start of this process: milliseconds since the epoch will do. */
  readonly life: number;
  readonly buckets: readonly TokenBuckets[];
  readonly concurrencies?: readonly Concurrency[] | undefined;
  /** Between two rounds. */
  readonly roundMs?: number | undefined;
  readonly silenceMs?: number | undefined;
  /** What it takes the place of: what that one has heard of its peers is not counted again. */
  readonly former?: SharedLimits | undefined;
}

/** Of a peer: what it said last. */
type Heard = Pick<PeerState, "heardLife" | "heardMs" | "heardNumber" | "voices">;

export interface SharedEffect {
  readonly peer: string;
  readonly message: SharedMessage;
}

/** Of messages that say only what was heard. */
const NOTHING: Told = { taken: {} };
const ROUND_MS = 100;
/** Some lost messages are made up for; a peer that is gone is soon counted without. */
const SILENCE_MS = 2_000;
/** Of `silenceMs`: so often everything that is under way is said anew. */
const RENEW_SHARE = 0.5;
/** Of `silenceMs`: so long a peer is believed that says nothing. Long enough for what it says anew to be lost more than once. */
const BELIEVED_SHARE = 1.5;

interface PeerState {
  /** Another process of this gateway. It is told of all limits, and of what others say; others hear what it says. */
  readonly isInside: boolean;
  /** How many processes it speaks for, itself included. */
  voices: number;
  /** Taken here, not said yet. */
  pending: UntoldTokens;
  /** Said, not heard yet. */
  sent: Told | undefined;
  number: number;
  /** Since when it is said in vain. */
  sentMs: number;
  heardLife: number;
  heardNumber: number;
  /** When it said something last. */
  heardMs: number;
  isSilent: boolean;
}

type Told = Pick<SharedMessage, "taken" | "held">;

export class SharedLimits {
  readonly #life: number;
  readonly #roundMs: number;
  readonly #silenceMs: number;
  readonly #buckets: ReadonlyMap<string, TokenBuckets>;
  readonly #peers = new Map<string, PeerState>();
  /** Of peers that were there before this one was. */
  readonly #heard: ReadonlyMap<string, Heard>;
  readonly #places: ReadonlyMap<string, SharedPlaces>;
  /** Taken since the last round. */
  readonly #fresh = new UntoldTokens();
  #nextMs = 0;
  #renewMs = 0;
  #untold = 0;

  constructor(options: SharedLimitsOptions) {
    const { buckets, concurrencies = [], former, life, roundMs = ROUND_MS, silenceMs = SILENCE_MS } = options;
    this.#life = life;
    this.#roundMs = roundMs;
    this.#silenceMs = silenceMs;
    this.#heard = former?.heard() ?? new Map();
    this.#buckets = byCountedName(buckets);
    for (const [name, each] of this.#buckets) each.onTaken = (key) => void this.#fresh.add(name, key, 1);
    this.#places = placesOf(concurrencies, former === undefined ? undefined : former.#places);
  }

  /** When the next round is due. */
  get nextDeadlineMs(): number {
    return this.#nextMs;
  }

  /** With whom to count: others are forgotten, new ones are told what is taken from now on. `inside`: other processes of this gateway. */
  setPeers(peers: readonly string[], inside: readonly string[] = []): void {
    const wanted = new Map([
      ...peers.map((peer) => [peer, false] as const),
      ...inside.map((peer) => [peer, true] as const),
    ]);
    for (const peer of this.#peers.keys()) if (!wanted.has(peer)) this.#peers.delete(peer);
    for (const [peer, isInside] of wanted) {
      if (this.#peers.has(peer)) continue;
      this.#peers.set(peer, { ...newPeer(isInside), ...this.#heard.get(peer) });
    }
    for (const places of this.#places.values()) places.setPeers(wanted);
  }

  /** What each peer has said last, for whoever takes its place. */
  heard(): ReadonlyMap<string, Heard> {
    const heardOf = ({ heardLife, heardMs, heardNumber, voices }: PeerState): Heard => ({
      ...{ heardLife, heardMs, heardNumber, voices },
    });
    return new Map([...this.#peers].map(([peer, state]) => [peer, heardOf(state)]));
  }

  /** One round: what is to be sent. Often enough is `nextDeadlineMs`. */
  tick(nowMs: number): readonly SharedEffect[] {
    if (nowMs < this.#nextMs) return [];
    this.#nextMs = nowMs + this.#roundMs;
    this.#distribute();
    this.#keepUp(nowMs);
    const effects: SharedEffect[] = [];
    for (const [peer, state] of this.#peers) {
      const message = this.#messageTo(peer, state, nowMs);
      if (message !== undefined) effects.push({ peer, message });
    }
    return effects;
  }

  /** What a peer says; from others nothing is taken. Gives the answer that it is to be sent at once, if it wants one. */
  receive(peer: string, message: SharedMessage, nowMs: number): SharedMessage | undefined {
    const state = this.#peers.get(peer);
    if (state === undefined) return undefined;
    const { heard, life, number } = message;
    if (life < state.heardLife) return undefined;
    if (life > state.heardLife) this.#begin(peer, state, life);
    state.heardMs = nowMs;
    if (heard.life === this.#life && heard.number === state.number) this.#hear(peer, state);
    if (number === 0) return undefined;
    if (number > state.heardNumber) {
      state.heardNumber = number;
      state.voices = message.voices ?? 1;
      for (const [name, pairs] of Object.entries(message.taken)) this.#debit(state, name, pairs, nowMs);
      for (const [name, pairs] of Object.entries(message.held ?? {})) this.#places.get(name)?.receive(peer, pairs);
    }
    return this.#saying(state, 0, NOTHING);
  }

  counts(): { readonly peers: number; readonly silent: number; readonly untold: number } {
    const silent = [...this.#peers.values()].filter(({ isSilent }) => isSilent).length;
    const untold = [...this.#places.values()].reduce((sum, places) => sum + places.untold, this.#untold);
    return { peers: this.#peers.size, silent, untold };
  }

  /** Nothing is counted together any more: what is under way elsewhere is in nobody's way. */
  retire(): void {
    for (const places of this.#places.values()) places.retire();
  }

  /** Another life of it begins: it knows nothing of this one, and what it had under way before is over. */
  #begin(peer: string, state: PeerState, life: number): void {
    state.heardLife = life;
    state.heardNumber = 0;
    for (const places of this.#places.values()) {
      places.forget(peer);
      places.renew(peer);
    }
  }

  #hear(peer: string, state: PeerState): void {
    for (const [name, pairs] of Object.entries(state.sent?.held ?? {})) this.#places.get(name)?.heard(peer, pairs);
    state.sent = undefined;
    state.isSilent = false;
  }

  /** Below nothing a bucket goes as far as all peers can have let through before they heard of each other: else stale news would starve a key. */
  #debit(from: PeerState, name: string, pairs: SharedPairs, nowMs: number): void {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined || !(from.isInside || bucket.plan.isShared)) return;
    const oldestMs = 2 * this.#silenceMs + this.#roundMs;
    const perPeer = Math.max(1, bucket.plan.burst) + oldestMs / bucket.intervalMs;
    const debtTokensMax = this.#voicesBut(undefined, true) * perPeer;
    for (let at = 0; at < pairs.length; at += 2) {
      const [key, tokens] = [String(pairs[at]), Number(pairs[at + 1])];
      bucket.debit(key, tokens, debtTokensMax, nowMs);
      for (const to of this.#peers.values()) if (isRelayed(from, to, bucket)) this.#owe(to, name, key, tokens);
    }
  }

  /** Of all peers for whom this process may speak to others: of all, or of those inside. */
  #voicesBut(peer: PeerState | undefined, ofAll: boolean): number {
    let voices = 0;
    for (const each of this.#peers.values()) if (each !== peer && (ofAll || each.isInside)) voices += each.voices;
    return voices;
  }

  /** What was taken since the last round is to be told to every peer. */
  #distribute(): void {
    for (const [name, keys] of this.#fresh.drain()) {
      const isShared = this.#buckets.get(name)?.plan.isShared ?? false;
      for (const state of this.#peers.values()) {
        if (!isShared && !state.isInside) continue;
        for (const [key, tokens] of keys) this.#owe(state, name, key, tokens);
      }
    }
    for (const places of this.#places.values()) places.distribute();
  }

  #owe(state: PeerState, name: string, key: string, tokens: number): void {
    if (!state.pending.add(name, key, tokens)) this.#untold++;
  }

  /** What is under way is said anew when it is time; of a peer that is silent nothing counts any more. */
  #keepUp(nowMs: number): void {
    const isDue = nowMs >= this.#renewMs;
    if (isDue) this.#renewMs = nowMs + RENEW_SHARE * this.#silenceMs;
    for (const [peer, { heardMs }] of this.#peers) {
      const isBelieved = nowMs - heardMs < BELIEVED_SHARE * this.#silenceMs;
      for (const places of this.#places.values()) {
        if (!isBelieved) places.forget(peer);
        if (isDue) places.renew(peer);
      }
    }
  }

  #messageTo(peer: string, state: PeerState, nowMs: number): SharedMessage | undefined {
    if (state.sent !== undefined && nowMs - state.sentMs >= this.#silenceMs) {
      const { heardLife, heardMs, heardNumber, isInside, number, voices } = state;
      Object.assign(state, newPeer(isInside), { heardLife, heardMs, heardNumber, number, voices, isSilent: true });
    }
    if (state.sent === undefined) {
      state.sent = this.#cut(peer, state);
      if (state.sent === undefined) return undefined;
      state.number++;
      state.sentMs = nowMs;
    }
    return this.#saying(state, state.number, state.sent);
  }

  /** What one message may hold of what there is to say; undefined: nothing. */
  #cut(peer: string, { pending }: PeerState): Told | undefined {
    const held: Record<string, SharedPairs> = {};
    let room = SHARED_KEYS_MAX;
    for (const [name, places] of this.#places) {
      const pairs = places.cut(peer, room);
      room -= pairs.length / 2;
      if (pairs.length > 0) held[name] = pairs;
    }
    const hasHeld = room < SHARED_KEYS_MAX;
    if (pending.isEmpty && !hasHeld) return undefined;
    return { taken: pending.cut(SHARED_KEYS_MAX), ...(hasHeld && { held }) };
  }

  #saying(state: PeerState, number: number, told: Told): SharedMessage {
    const heard = { life: state.heardLife, number: state.heardNumber };
    const voices = 1 + this.#voicesBut(state, state.isInside);
    return { life: this.#life, number, heard, ...(voices > 1 && { voices }), ...told };
  }
}

/** Under way is what was under way, whoever counts it together from now on. */
function placesOf(
  concurrencies: readonly Concurrency[],
  former: ReadonlyMap<string, SharedPlaces> = new Map(),
): ReadonlyMap<string, SharedPlaces> {
  const places = new Map<string, SharedPlaces>();
  for (const [name, each] of byCountedName(concurrencies)) {
    const same = former.get(name);
    places.set(name, same?.concurrency === each ? same : new SharedPlaces(each));
  }
  for (const [name, each] of former) if (places.get(name) !== each) each.retire();
  return places;
}

/** What a process of this gateway says goes to all others, what another gateway says to the processes: nothing comes round. */
function isRelayed(from: PeerState, to: PeerState, { plan }: TokenBuckets): boolean {
  return from !== to && (from.isInside ? to.isInside || plan.isShared : to.isInside);
}

function newPeer(isInside: boolean): PeerState {
  return {
    isInside,
    voices: 1,
    pending: new UntoldTokens(),
    sent: undefined,
    number: 0,
    sentMs: 0,
    heardLife: 0,
    heardNumber: 0,
    heardMs: 0,
    isSilent: false,
  };
}
