/**
 * Where messages may go, and when they get there. Paths are directed: from × to. Several partitions can lie over one path, so
 * a path counts what blocks it. The network decides; the world carries the events.
 */
import type { Random } from "../../../src/base/random.ts";
import { chance, type Delay, drawDelayMs } from "./chance.ts";

/** What holds for every path. */
export interface Weather {
  readonly delay: Delay;
  readonly loss: number;
  readonly duplicate: number;
  /** Share of datagrams that take `reorderMs` more at most, so that later ones overtake them. */
  readonly reorder: number;
  readonly reorderMs: number;
  /** A duplicate comes up to so much later: old news. */
  readonly duplicateMs: number;
}

export const CALM: Weather = {
  delay: { shape: "uniform", minMs: 0.2, maxMs: 1 },
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderMs: 0,
  duplicateMs: 0,
};

/** A lost segment of a stream is sent again after this time at least, as TCP does. */
const RETRANSMIT_MS = 200;
/** Each further retransmission takes twice as long; a stream that loses more segments in a row counts as broken. */
const RETRANSMISSIONS_MAX = 6;

export type DropReason = "blocked" | "lost" | "down" | "overflow";

export class Network {
  weather: Weather = CALM;
  readonly nodes: number;
  readonly #random: Random;
  /** How many cuts lie over a path. */
  readonly #cuts: Uint16Array;
  /** Until when what is sent on a path is held, in world ms. Made when first needed: it is large with many nodes. */
  #cloggedUntilMs: Float64Array | undefined;
  /** When the last message of a stream arrives. */
  readonly #streamEndMs: Float64Array;

  constructor(nodes: number, random: Random) {
    this.nodes = nodes;
    this.#random = random;
    this.#cuts = new Uint16Array(nodes * nodes);
    this.#streamEndMs = new Float64Array(nodes * nodes);
  }

  isOpen(from: number, to: number): boolean {
    return this.#cuts[from * this.nodes + to] === 0;
  }

  cut(from: number, to: number): void {
    const path = from * this.nodes + to;
    this.#cuts[path] = this.#cuts[path]! + 1;
  }

  mend(from: number, to: number): void {
    const path = from * this.nodes + to;
    this.#cuts[path] = Math.max(0, this.#cuts[path]! - 1);
  }

  clog(from: number, to: number, untilMs: number): void {
    this.#cloggedUntilMs ??= new Float64Array(this.nodes * this.nodes);
    const path = from * this.nodes + to;
    this.#cloggedUntilMs[path] = Math.max(this.#cloggedUntilMs[path]!, untilMs);
  }

  /** No cuts, no clogs, calm. What is held already comes when it was going to. */
  heal(): void {
    this.#cuts.fill(0);
    this.#cloggedUntilMs = undefined;
    this.weather = CALM;
  }

  /** When a datagram arrives; undefined when it is lost. */
  datagramArrivalMs(from: number, to: number, nowMs: number): number | undefined {
    const { loss, reorder, reorderMs } = this.weather;
    if (chance(this.#random, loss)) return undefined;
    const extraMs = chance(this.#random, reorder) ? this.#random.next() * reorderMs : 0;
    return this.#released(from, to, nowMs + drawDelayMs(this.weather.delay, this.#random) + extraMs);
  }

  /** When it arrives once more; undefined when it does not. */
  duplicateArrivalMs(from: number, to: number, nowMs: number): number | undefined {
    const { duplicate, duplicateMs } = this.weather;
    if (!chance(this.#random, duplicate)) return undefined;
    // Most duplicates come soon, few come late: the square of a number below 1 is small more often than not.
    const laterMs = this.#random.next() ** 2 * duplicateMs;
    return this.#released(from, to, nowMs + drawDelayMs(this.weather.delay, this.#random) + laterMs);
  }

  /** Reliable and in order: loss only costs time. Undefined when the stream gives up. */
  streamArrivalMs(from: number, to: number, nowMs: number): number | undefined {
    let atMs = nowMs + drawDelayMs(this.weather.delay, this.#random);
    for (let tries = 0; chance(this.#random, this.weather.loss); tries++) {
      if (tries === RETRANSMISSIONS_MAX) return undefined;
      atMs += RETRANSMIT_MS * 2 ** tries;
    }
    const path = from * this.nodes + to;
    const endMs = Math.max(this.#released(from, to, atMs), this.#streamEndMs[path]!);
    this.#streamEndMs[path] = endMs;
    return endMs;
  }

  /** The stream broke or its sender is a new one: the next message waits for none before it. */
  resetStreams(node: number): void {
    for (let other = 0; other < this.nodes; other++) {
      this.#streamEndMs[node * this.nodes + other] = 0;
      this.#streamEndMs[other * this.nodes + node] = 0;
    }
  }

  #released(from: number, to: number, atMs: number): number {
    const untilMs = this.#cloggedUntilMs?.[from * this.nodes + to] ?? 0;
    return atMs >= untilMs ? atMs : untilMs + (atMs - Math.floor(atMs));
  }
}
