/**
 * A small network of machines on one virtual clock: who sends what arrives after a delay, is lost, or cannot get through. The
 * same seed gives the same run. For the machine's own tests; the simulator of test/sim has all kinds of faults.
 */
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import {
  type Address,
  addressText,
  lanOptions,
  type Member,
  type MemberEvent,
  type NodeMeta,
  Swim,
  type SwimEffect,
  type SwimInput,
  type SwimMessage,
  type SwimOptions,
  type SwimRules,
} from "../../../../src/protocol/swim/index.ts";

export const META: NodeMeta = { name: "", roles: [], capacities: {}, labels: {} };

export interface NetworkOptions {
  readonly seed?: number;
  readonly delayMs?: readonly [least: number, most: number];
  /** Of datagrams. */
  readonly loss?: number;
  readonly options?: Partial<SwimOptions>;
  readonly preset?: SwimOptions;
  readonly rules?: SwimRules;
  /** Each node's offset within the first second. */
  readonly staggerMs?: number;
}

export interface Node {
  readonly id: string;
  readonly address: Address;
  swim: Swim;
  isUp: boolean;
  readonly events: MemberEvent[];
  readonly ended: string[];
  /** Until then its inputs and ticks wait. */
  pausedUntilMs: number;
  dueMs: number;
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Far above what a thousand nodes have under way: a bug must not fill the memory. */
const UNDER_WAY_MAX = 500_000;

export class Network {
  readonly nodes = new Map<string, Node>();
  readonly #byAddress = new Map<string, Node>();
  readonly #given: NetworkOptions;
  readonly random: Random;
  readonly #queue: Happening[] = [];
  nowMs = 0;
  #order = 0;
  messages = 0;
  bytes = 0;
  loss: number;
  /** May a message from one get to the other? */
  passes: (from: string, to: string) => boolean = () => true;
  /** Sees every effect before it is carried out. */
  watch: (node: Node, effect: SwimEffect) => void = () => {};

  constructor(given: NetworkOptions = {}) {
    this.#given = given;
    this.random = seededRandom(given.seed ?? 1);
    this.loss = given.loss ?? 0;
  }

  get options(): SwimOptions {
    return { ...(this.#given.preset ?? lanOptions()), ...this.#given.options };
  }

  add(id: string, port = 7_000 + this.nodes.size, meta: NodeMeta = META, bornMs = 1_000_000 + this.nowMs): Node {
    const address = { host: "127.0.0.1", port };
    const self = { id, address, bornMs, meta };
    const seed = Math.floor(this.random.next() * 2 ** 32);
    const swim = new Swim(self, this.options, seededRandom(seed), this.#given.rules);
    const node: Node = { id, address, swim, isUp: true, events: [], ended: [], pausedUntilMs: 0, dueMs: Infinity };
    this.nodes.set(id, node);
    this.#byAddress.set(addressText(address), node);
    this.feed(node, { type: "start" });
    return node;
  }

  /** `count` nodes n1, n2 …, all joining by the first. */
  addCluster(count: number): Node[] {
    const nodes = Array.from({ length: count }, (_, at) => this.add(`n${at + 1}`));
    for (const node of nodes.slice(1)) this.feed(node, { type: "join", seeds: [nodes[0]!.address] });
    return nodes;
  }

  kill(node: Node): void {
    node.isUp = false;
  }

  feed(node: Node, input: SwimInput): void {
    if (!node.isUp) return;
    if (node.pausedUntilMs > this.nowMs) return this.at(node.pausedUntilMs, () => this.feed(node, input));
    for (const effect of node.swim.step(input, this.nowMs)) this.#carryOut(node, effect);
    const dueMs = node.swim.nextDeadlineMs ?? Infinity;
    if (dueMs >= node.dueMs) return;
    node.dueMs = dueMs;
    this.at(dueMs, () => {
      if (node.dueMs !== dueMs) return;
      node.dueMs = Infinity;
      this.feed(node, { type: "tick" });
    });
  }

  at(atMs: number, run: () => void): void {
    const queue = this.#queue;
    if (queue.length >= UNDER_WAY_MAX) throw new Error(`a storm: ${UNDER_WAY_MAX} messages under way`);
    let at = queue.push({ atMs, order: this.#order++, run }) - 1;
    while (at > 0 && isBefore(queue[at]!, queue[(at - 1) >> 1]!)) at = swap(queue, at, (at - 1) >> 1);
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let first = this.#queue[0]; first !== undefined && first.atMs <= endMs; first = this.#queue[0]) {
      this.#pop();
      this.nowMs = Math.max(this.nowMs, first.atMs);
      first.run();
    }
    this.nowMs = endMs;
  }

  /** Runs until it holds; the time that took, undefined when it did not within `forMs`. */
  runUntil(holds: () => boolean, forMs: number, stepMs = 50): number | undefined {
    const startMs = this.nowMs;
    while (!holds()) {
      if (this.nowMs - startMs >= forMs) return undefined;
      this.run(stepMs);
    }
    return this.nowMs - startMs;
  }

  /** Do all that are up hold exactly these to be alive? */
  agreesOn(ids: Iterable<string>): boolean {
    const wanted = [...ids].sort().join();
    return [...this.nodes.values()].filter(isAtWork).every(({ swim }) => idsOf(swim.members(), "alive") === wanted);
  }

  deliver(to: Address, from: Node, message: SwimMessage): void {
    const node = this.#byAddress.get(addressText(to));
    if (node !== undefined) this.feed(node, { type: "receive", from: from.address, message });
  }

  #carryOut(node: Node, effect: SwimEffect): void {
    this.watch(node, effect);
    if (effect.type === "event") node.events.push(effect.event);
    else if (effect.type === "ended") node.ended.push(effect.reason);
    else if (effect.type === "send") this.#send(node, effect);
  }

  #send(node: Node, { message, to, via }: Extract<SwimEffect, { type: "send" }>): void {
    this.messages++;
    const target = this.#byAddress.get(addressText(to));
    const [least, most] = this.#given.delayMs ?? [1, 5];
    const delayMs = least + this.random.next() * (most - least);
    const isThrough = (): boolean => target?.isUp === true && this.passes(node.id, target.id);
    if (via === "datagram") {
      if (this.random.next() < this.loss || !isThrough()) return;
      this.at(this.nowMs + delayMs, () => this.deliver(to, node, message));
    } else if (isThrough()) this.at(this.nowMs + delayMs, () => this.deliver(to, node, message));
    else this.at(this.nowMs + delayMs, () => this.feed(node, { type: "undelivered", to, message }));
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    queue[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = right < queue.length && isBefore(queue[right]!, queue[left]!) ? right : left;
      if (child >= queue.length || !isBefore(queue[child]!, queue[at]!)) return;
      at = swap(queue, at, child);
    }
  }
}

export function isAtWork({ isUp, swim }: Node): boolean {
  return isUp && swim.phase === "running";
}

export function idsOf(members: readonly Member[], state: string): string {
  return members
    .filter((each) => each.state === state)
    .map(({ id }) => id)
    .sort()
    .join();
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function swap(queue: Happening[], a: number, b: number): number {
  [queue[a], queue[b]] = [queue[b]!, queue[a]!];
  return b;
}
