/**
 * What is certain about an object that holds one value, without a search. A value that only one operation can have written holds
 * for one unbroken time: from that write over all reads to the operation that needs it and leaves another. Such times, chained
 * through compare-and-swaps, are blocks. A block must hold from its earliest return to its latest call (its zone); zones may not
 * overlap, and what must happen inside a zone must be the block's own. For puts and gets of unique values that is all there is
 * to linearizability (Gibbons and Korach, "Testing shared memories", 1997); for the rest it refutes early, and the search follows
 * the order of the blocks.
 */
import type { Refutation } from "./operation.ts";

/** Ranks of calls and returns. */
export interface Times {
  readonly call: Int32Array;
  readonly ret: Int32Array;
}

/** Of each operation; values as numbers, -1 where there is none. */
export interface Effects {
  readonly needs: Int32Array;
  readonly avoids: Int32Array;
  readonly makes: Int32Array;
  readonly blind: Uint8Array;
}

export interface BlocksInput extends Effects, Times {
  readonly optional: Uint8Array;
  readonly initial: number;
  readonly values: number;
}

export interface Blocks {
  /** Rank at which the block of an operation begins in a good order; undefined for operations in no block. */
  readonly start: readonly (number | undefined)[];
  /** Unknown operations that must have taken effect, for somebody has seen it. */
  readonly happened: readonly number[];
  /** [writer, reader] of values with one writer. */
  readonly edges: readonly (readonly [number, number])[];
}

/** Where the value comes from when nobody writes it. */
const INITIALLY = -1;

interface Zone {
  /** The earliest return and the latest call of its operations: it holds in between when `first < last`. */
  readonly first: number;
  readonly last: number;
  readonly members: readonly number[];
  /** Those with the earliest return and the latest call. */
  readonly ends: readonly number[];
}

export function findBlocks(input: BlocksInput): Blocks | Refutation {
  const sources = findSources(input);
  const { happened, orphan } = whatHappened(input, sources);
  if (orphan !== undefined) return { why: "it tells of a value that nobody has written", culprits: [orphan] };
  const touching = operationsByValue(input, sources, happened);
  const chains = chainValues(input, sources, touching);
  if ("why" in chains) return chains;
  const zones: Zone[] = [];
  for (const chain of chains) {
    const late = findDisorder(input, chain);
    if (late) return { why: "these follow each other in time against the order of the values", culprits: late };
    zones.push(zoneOf(input, chain.flat(), chain[0]!.length === 0));
  }
  const refutation = findCollision(input, zones, happened) ?? findBlocked(input, sources, touching);
  if (refutation) return refutation;
  return {
    start: starts(input, zones),
    happened: unknownOnes(input, happened),
    edges: readEdges(input, sources, happened),
  };
}

/** For each value the operations that could have written it. */
function findSources({ needs, makes, values, initial }: BlocksInput): readonly (readonly number[])[] {
  const sources: number[][] = Array.from({ length: values }, () => []);
  sources[initial]!.push(INITIALLY);
  for (const [index, value] of makes.entries()) {
    if (value >= 0 && needs[index] !== value) sources[value]!.push(index);
  }
  return sources;
}

/** The operations that certainly took effect: those that returned, and the only possible writers of what they saw. */
function whatHappened({ needs, optional }: BlocksInput, sources: readonly (readonly number[])[]) {
  const happened = new Set([...optional.keys()].filter((index) => !optional[index]));
  for (const index of happened) {
    const wanted = needs[index]! < 0 ? undefined : sources[needs[index]!]!;
    if (wanted?.length === 0) return { happened, orphan: index };
    if (wanted?.length === 1 && wanted[0] !== INITIALLY) happened.add(wanted[0]!);
  }
  return { happened, orphan: undefined };
}

interface Touching {
  readonly writer: number;
  readonly readers: readonly number[];
  /** Needs it and leaves another. */
  readonly leavers: readonly number[];
}

/** Of values with one possible writer that certainly wrote. */
function operationsByValue(
  { needs, makes }: BlocksInput,
  sources: readonly (readonly number[])[],
  happened: ReadonlySet<number>,
): ReadonlyMap<number, Touching> {
  const map = new Map<number, { writer: number; readers: number[]; leavers: number[] }>();
  for (const [value, writers] of sources.entries()) {
    const [writer] = writers;
    if (writers.length !== 1 || (writer !== INITIALLY && !happened.has(writer!))) continue;
    map.set(value, { writer: writer!, readers: [], leavers: [] });
  }
  for (const index of happened) {
    const group = map.get(needs[index]!);
    const leaves = makes[index]! >= 0 && makes[index] !== needs[index];
    (leaves ? group?.leavers : group?.readers)?.push(index);
  }
  return map;
}

/** Its operations in the order in which the values demand them; those within one list may have any order. */
type Chain = readonly (readonly number[])[];

function chainValues(
  { needs, makes }: BlocksInput,
  sources: readonly (readonly number[])[],
  touching: ReadonlyMap<number, Touching>,
): readonly Chain[] | Refutation {
  for (const { leavers } of touching.values()) {
    if (leavers.length > 1) return { why: "each of these has replaced one and the same value", culprits: leavers };
  }
  const isHead = (value: number, { writer }: Touching): boolean =>
    writer === INITIALLY || needs[writer]! < 0 || !touching.has(needs[writer]!) || needs[writer] === value;
  const chains: Chain[] = [];
  const seen = new Set<number>();
  for (const [head, group] of touching) {
    if (!isHead(head, group)) continue;
    const chain: number[][] = [group.writer === INITIALLY ? [] : [group.writer]];
    for (let value: number | undefined = head; value !== undefined; ) {
      seen.add(value);
      const { readers, leavers } = touching.get(value)! as Touching;
      chain.push([...readers], [...leavers]);
      const next: number = leavers[0] === undefined ? -1 : makes[leavers[0]]!;
      value = touching.has(next) && sources[next]![0] === leavers[0] ? next : undefined;
    }
    chains.push(chain);
  }
  const circle = [...touching].filter(([value]) => !seen.has(value)).map(([, { writer }]) => writer);
  return circle.length === 0 ? chains : { why: "each of these needs the value of another of them", culprits: circle };
}

/** An operation that had returned when one that must come before it was called. */
function findDisorder({ call, ret }: BlocksInput, chain: Chain): readonly number[] | undefined {
  let latest = -1;
  for (const group of chain) {
    const early = group.find((index) => latest >= 0 && ret[index]! < call[latest]!);
    if (early !== undefined) return [early, latest];
    for (const index of group) if (latest < 0 || call[index]! > call[latest]!) latest = index;
  }
  return undefined;
}

function zoneOf({ call, ret }: BlocksInput, members: readonly number[], isInitial: boolean): Zone {
  const earliest = members.reduce((a, b) => (ret[b]! < ret[a]! ? b : a), members[0] ?? -1);
  const latest = members.reduce((a, b) => (call[b]! > call[a]! ? b : a), members[0] ?? -1);
  if (earliest < 0) return { first: -1, last: -1, members, ends: [] };
  return { first: isInitial ? -1 : ret[earliest]!, last: call[latest]!, members, ends: [earliest, latest] };
}

function findCollision(input: BlocksInput, zones: readonly Zone[], happened: ReadonlySet<number>) {
  const { call, ret, needs, makes } = input;
  const forward = zones.filter(({ first, last }) => first < last).sort((a, b) => a.first - b.first);
  for (const [index, zone] of forward.entries()) {
    const before = forward[index - 1];
    if (before && zone.first < before.last) {
      return { why: "a value has come back after another", culprits: [...before.ends, ...zone.ends] };
    }
  }
  const inBlocks = new Set(zones.flatMap(({ members }) => members));
  const single = [...happened].filter((i) => !inBlocks.has(i) && (needs[i]! >= 0 || makes[i]! >= 0));
  const short = zones.filter(({ first, last }) => first >= last && last >= 0);
  const inner = [...short, ...single.map((i) => ({ first: ret[i]!, last: call[i]!, members: [i], ends: [i] }))];
  for (const outer of forward) {
    const within = inner.find(({ first, last }) => outer.first < last && first < outer.last);
    if (within) return { why: "a value has come back after another", culprits: [...outer.ends, ...within.ends] };
  }
  return undefined;
}

/** An operation that says "it is not this value" while nothing else can have been there. */
function findBlocked(
  input: BlocksInput,
  sources: readonly (readonly number[])[],
  touching: ReadonlyMap<number, Touching>,
): Refutation | undefined {
  const { avoids, call, ret, optional } = input;
  for (const [index, value] of avoids.entries()) {
    const group = value < 0 || optional[index] ? undefined : touching.get(value);
    if (!group) continue;
    const members = [group.writer, ...group.readers, ...group.leavers].filter((each) => each !== INITIALLY);
    const zone = zoneOf(input, members, sources[value]![0] === INITIALLY);
    if (zone.first < call[index]! && ret[index]! < zone.last) {
      return { why: "it denies the value that was there all the time", culprits: [index, ...zone.ends] };
    }
  }
  return undefined;
}

/** Short blocks fit at one point between the zones; long ones begin with their zones. */
function starts({ needs }: BlocksInput, zones: readonly Zone[]): (number | undefined)[] {
  const forward = zones.filter(({ first, last }) => first < last);
  const start = new Array<number | undefined>(needs.length).fill(undefined);
  for (const { first, last, members } of zones) {
    const around = forward.find((zone) => zone.first < last && last < zone.last);
    const at = first < last ? first : (around?.last ?? last);
    if (members.length > 1) for (const index of members) start[index] = at;
  }
  return start;
}

function unknownOnes({ optional }: BlocksInput, happened: ReadonlySet<number>): number[] {
  return [...happened].filter((index) => optional[index] === 1);
}

function readEdges(
  { needs }: BlocksInput,
  sources: readonly (readonly number[])[],
  happened: ReadonlySet<number>,
): [number, number][] {
  return [...happened].flatMap((index): [number, number][] => {
    const writers = needs[index]! < 0 ? [] : sources[needs[index]!]!;
    return writers.length === 1 && writers[0] !== INITIALLY ? [[writers[0]!, index]] : [];
  });
}
