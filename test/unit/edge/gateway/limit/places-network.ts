/** Processes that count a limit of concurrency together, over a network that loses, doubles, delays and parts; some die, begin anew, reload. */
import { type Random, seededRandom } from "../../../../../src/base/random.ts";
import { Concurrency } from "../../../../../src/edge/gateway/limit/concurrency.ts";
import { readSharedMessage, SharedLimits, type SharedMessage } from "../../../../../src/edge/gateway/limit/index.ts";
import { limitPlan } from "../../../../support/limit-plans.ts";

export const STEP_MS = 5;
export const ROUND_MS = 100;
/** Half of what gateways take: the shorter, the less there is to simulate. */
export const SILENCE_MS = 1_000;
/** Keys that requests are counted under. */
export const KEYS = ["a", "b", "c"];

export interface NetworkOptions {
  readonly seed: number;
  /** How many processes each gateway has; the first of each is its main process. */
  readonly sizes: readonly number[];
  readonly limit: number;
  readonly isShared?: boolean;
  readonly delayMsMax: number;
  readonly loss: number;
  readonly doubled: number;
}

interface Flying {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

export class PlaceProcess {
  readonly name: string;
  concurrency!: Concurrency; // `begin` comes right behind the constructor
  shared!: SharedLimits; // the same
  isUp = true;
  readonly #options: NetworkOptions;
  #life = 0;

  constructor(name: string, options: NetworkOptions) {
    this.name = name;
    this.#options = options;
    this.begin();
  }

  get gateway(): string {
    return this.name.split("/")[0]!;
  }

  get isMain(): boolean {
    return this.name.endsWith("/0");
  }

  /** With nothing under way and nothing known. */
  begin(): void {
    const { isShared = true, limit } = this.#options;
    this.isUp = true;
    this.concurrency = new Concurrency(
      limitPlan({ algorithm: "concurrency", limit, isShared, windowMs: 0, keysMax: 100_000 }),
    );
    this.follow(undefined);
  }

  /** As a reload does: what is under way goes on. */
  follow(former: SharedLimits | undefined): void {
    this.#life++;
    const concurrencies = [this.concurrency];
    this.shared = new SharedLimits({
      life: this.#life,
      buckets: [],
      concurrencies,
      former,
      roundMs: ROUND_MS,
      silenceMs: SILENCE_MS,
    });
  }
}

export class PlacesNetwork {
  readonly all: readonly PlaceProcess[];
  readonly random: Random;
  loss: number;
  /** Of these gateways nothing reaches the others. */
  apart: readonly string[] = [];
  /** Whether main processes see that a process has ended, and gateways that one has gone. */
  isDeathSeen = false;
  nowMs = 0;
  readonly #options: NetworkOptions;
  #flying: Flying[] = [];

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.loss = options.loss;
    this.random = seededRandom(options.seed);
    this.all = options.sizes.flatMap((size, gateway) =>
      Array.from({ length: size }, (_, at) => new PlaceProcess(`${gateway}/${at}`, options)),
    );
  }

  /** Lets everybody say what there is to say, and hear it. */
  step(): void {
    this.nowMs += STEP_MS;
    const arriving = this.#flying.filter(({ atMs }) => atMs <= this.nowMs);
    this.#flying = this.#flying.filter(({ atMs }) => atMs > this.nowMs);
    for (const { from, text, to } of arriving) {
      const process = this.all.find(({ name }) => name === to)!;
      const message = readSharedMessage(JSON.parse(text));
      if (message === undefined) throw new Error(`no message: ${text}`);
      const answer = process.isUp ? process.shared.receive(from, message, this.nowMs) : undefined;
      if (answer !== undefined) this.#send(to, from, answer);
    }
    for (const process of this.all) {
      if (!process.isUp) continue;
      const { inside, outside } = this.#peersOf(process);
      process.shared.setPeers(outside, inside);
      for (const { message, peer } of process.shared.tick(this.nowMs)) this.#send(process.name, peer, message);
    }
  }

  run(durationMs: number, each: () => void = () => {}): void {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs; each()) this.step();
  }

  /** How many are under way everywhere. */
  underWay(key: string): number {
    return this.all.reduce((sum, { concurrency, isUp }) => sum + (isUp ? concurrency.heldOf(key) : 0), 0);
  }

  #peersOf({ gateway, isMain, name }: PlaceProcess): { readonly inside: string[]; readonly outside: string[] } {
    const seen = this.all.filter((each) => each.name !== name && (each.isUp || !this.isDeathSeen));
    const inside = seen.filter((each) => each.gateway === gateway && (isMain || each.isMain));
    const outside = seen.filter((each) => each.gateway !== gateway && isMain && each.isMain);
    return { inside: inside.map((each) => each.name), outside: outside.map((each) => each.name) };
  }

  #send(from: string, to: string, message: SharedMessage): void {
    const [left, right] = [from, to].map((name) => this.apart.includes(name.split("/")[0]!));
    if (left !== right) return;
    const { delayMsMax, doubled } = this.#options;
    const copies = this.random.next() < doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.next() < this.loss) continue;
      const atMs = this.nowMs + this.random.next() * delayMsMax;
      this.#flying.push({ atMs, from, to, text: JSON.stringify(message) });
    }
  }
}
