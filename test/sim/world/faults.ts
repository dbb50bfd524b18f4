/**
 * What goes wrong in a run: a list of faults with times, made from the seed before the run begins. Each fault carries how
 * long it lasts, so that any of them can be left out and the rest is still a schedule (that is how a failing one is
 * shortened). Not every run has every kind of fault: a seed picks which, and how often, for mixtures hide each other's bugs.
 */
import type { Random } from "../../../src/base/random.ts";
import { between, chance, type Delay, exponential, pickDistinct } from "./chance.ts";
import type { Weather } from "./network.ts";

export type Fault =
  /** Another weather for a while. */
  | { readonly kind: "weather"; readonly weather: Weather; readonly forMs: number }
  /** The nodes of `side` are cut off from all others: both ways, or only what they send, or only what they should hear. */
  | { readonly kind: "split"; readonly side: readonly number[]; readonly way: SplitWay; readonly forMs: number }
  /** What `node` sends to `to` is held and comes when the path is free again. */
  | { readonly kind: "clog"; readonly node: number; readonly to: readonly number[]; readonly forMs: number }
  | { readonly kind: "pause"; readonly node: number; readonly forMs: number }
  /** Each input takes `serviceMs` in the mean. */
  | { readonly kind: "slow"; readonly node: number; readonly serviceMs: number; readonly forMs: number }
  /** Killed and, unless that lasts for ever, started again. */
  | { readonly kind: "kill"; readonly node: number; readonly forMs: number }
  | { readonly kind: "drift"; readonly node: number; readonly rate: number; readonly forMs: number }
  | { readonly kind: "jump"; readonly node: number; readonly byMs: number; readonly forMs: number }
  /** Something that the scenario knows how to do, such as a leave. */
  | { readonly kind: "act"; readonly name: string; readonly node: number; readonly forMs: number };

export type FaultKind = Fault["kind"];
export type SplitWay = "both" | "sends" | "hears";

export interface PlannedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

/** How often a kind comes in the mean, and how long it lasts in the mean. */
export interface Rhythm {
  readonly everyMs: number;
  readonly forMs: number;
}

/** What may go wrong in a scenario. Kinds that are not named do not happen. */
export interface FaultMix {
  readonly kinds: Readonly<Partial<Record<Exclude<FaultKind, "act">, Rhythm>>>;
  readonly acts?: Readonly<Record<string, Rhythm>>;
  /** Share of the killed that never come back. */
  readonly killedForGood?: number;
  /** Clocks run up to this share faster or slower. */
  readonly driftMax?: number;
  readonly lossMax?: number;
  readonly delayMsMax?: number;
  /** Every kind in every run: for scenarios with a schedule of their own mind. */
  readonly isComplete?: boolean;
}

/** Share of the kinds of a mix that a run has. */
const KIND_SHARE = 0.6;
/** A run has a kind up to so many times less or more often than its rhythm says. */
const TEMPO_MAX = 3;
/** Beyond this a process is not slow but dead. */
const SERVICE_MS_MAX = 40;
const JUMP_MS_MAX = 86_400_000;
/** Duplicates that come half a minute late are old news to any protocol of ours. */
const DUPLICATE_MS_MAX = 30_000;
/** Faults shorter than that are noise of the network. */
const LASTS_MS_MIN = 20;

export function planFaults(random: Random, mix: FaultMix, nodes: number, untilMs: number): PlannedFault[] {
  const planned: PlannedFault[] = [];
  const add = (rhythm: Rhythm, make: (forMs: number) => Fault): void => {
    if (!mix.isComplete && !chance(random, KIND_SHARE)) return;
    const tempo = mix.isComplete ? 1 : TEMPO_MAX ** (2 * random.next() - 1);
    for (let atMs = exponential(random, rhythm.everyMs * tempo); atMs < untilMs; ) {
      const forMs = rhythm.forMs === 0 ? 0 : Math.max(LASTS_MS_MIN, exponential(random, rhythm.forMs));
      planned.push({ atMs: Math.round(atMs), fault: make(Math.round(forMs)) });
      atMs += exponential(random, rhythm.everyMs * tempo);
    }
  };
  for (const kind of KINDS) {
    const rhythm = mix.kinds[kind];
    if (rhythm !== undefined) add(rhythm, (forMs) => drawFault(kind, random, mix, nodes, forMs));
  }
  for (const [name, rhythm] of Object.entries(mix.acts ?? {})) {
    add(rhythm, (forMs) => ({ kind: "act", name, node: random.below(nodes), forMs }));
  }
  return planned.sort((left, right) => left.atMs - right.atMs);
}

const KINDS = ["weather", "split", "clog", "pause", "slow", "kill", "drift", "jump"] as const;

function drawFault(kind: (typeof KINDS)[number], random: Random, mix: FaultMix, nodes: number, forMs: number): Fault {
  const node = random.below(nodes);
  switch (kind) {
    case "weather":
      return { kind, weather: drawWeather(random, mix), forMs };
    case "split":
      return { kind, side: drawSide(random, nodes), way: drawWay(random), forMs };
    case "clog":
      return { kind, node, to: drawSide(random, nodes), forMs };
    case "pause":
      return { kind, node, forMs };
    case "slow":
      return { kind, node, serviceMs: Math.round(between(random, 1, SERVICE_MS_MAX)), forMs };
    case "kill":
      return { kind, node, forMs: chance(random, mix.killedForGood ?? 0) ? Number.POSITIVE_INFINITY : forMs };
    case "drift":
      return { kind, node, rate: 1 + between(random, -1, 1) * (mix.driftMax ?? 0), forMs };
    case "jump":
      return { kind, node, byMs: Math.round(between(random, -1, 1) * JUMP_MS_MAX), forMs };
  }
}

/** Loss, delay, duplication and reordering, each of them absent in half of the weathers. */
export function drawWeather(random: Random, mix: FaultMix): Weather {
  const some = (most: number): number => (chance(random, 0.5) ? random.next() ** 2 * most : 0);
  return {
    delay: drawDelay(random, mix.delayMsMax ?? 20),
    loss: some(mix.lossMax ?? 0),
    duplicate: some(0.3),
    duplicateMs: chance(random, 0.3) ? DUPLICATE_MS_MAX : 50,
    reorder: some(0.5),
    reorderMs: 10 * (mix.delayMsMax ?? 20),
  };
}

function drawDelay(random: Random, maxMs: number): Delay {
  const minMs = between(random, 0.05, 0.2 * maxMs);
  const shape = random.below(3);
  if (shape === 0) return { shape: "constant", ms: minMs };
  if (shape === 1) return { shape: "uniform", minMs, maxMs: between(random, minMs, maxMs) };
  return { shape: "exponential", minMs, meanMs: between(random, minMs, 0.4 * maxMs), maxMs: 10 * maxMs };
}

/** One node, half of them, or any number but all. */
function drawSide(random: Random, nodes: number): readonly number[] {
  const shape = random.below(3);
  const count = shape === 0 ? 1 : shape === 1 ? nodes >> 1 : 1 + random.below(nodes - 1);
  return pickDistinct(random, nodes, count);
}

function drawWay(random: Random): SplitWay {
  const way = random.below(4);
  return way < 2 ? "both" : way === 2 ? "sends" : "hears";
}

export function describeFault(fault: Fault): string {
  const seconds = fault.forMs === Number.POSITIVE_INFINITY ? "for good" : `for ${(fault.forMs / 1000).toFixed(2)} s`;
  switch (fault.kind) {
    case "weather": {
      const { delay, loss, duplicate, reorder } = fault.weather;
      const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
      const rates = `loss ${percent(loss)}, duplicates ${percent(duplicate)}, late ${percent(reorder)}`;
      return `weather ${seconds}: ${rates}, delay ${JSON.stringify(delay)}`;
    }
    case "split":
      return `split ${seconds}: nodes ${fault.side.join(" ")} cut off (${fault.way})`;
    case "clog":
      return `clog ${seconds}: from node ${fault.node} to ${fault.to.join(" ")}`;
    case "slow":
      return `slow ${seconds}: node ${fault.node}, ${fault.serviceMs} ms an input`;
    case "drift":
      return `drift ${seconds}: node ${fault.node} at ${fault.rate.toFixed(6)}`;
    case "jump":
      return `jump: wall clock of node ${fault.node} by ${fault.byMs} ms`;
    case "act":
      return `${fault.name} ${seconds}: node ${fault.node}`;
    default:
      return `${fault.kind} ${seconds}: node ${fault.node}`;
  }
}
