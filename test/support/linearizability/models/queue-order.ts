/**
 * What the lives of a queue's elements say about the order of operations: what is certain, what contradicts itself, and a guess at the whole
 * order of the enqueues that is right whenever every dequeue finds something.
 */
import type { Refutation } from "../operation.ts";
import type { QueueOperation } from "./queue-words.ts";

interface Life {
  enqueue: number | undefined;
  readonly deliveries: number[];
  readonly claims: number[];
}

function livesOf(operations: readonly QueueOperation[]): Map<string, Life> {
  const lives = new Map<string, Life>();
  for (const [index, { input, output, returnMs }] of operations.entries()) {
    const told = returnMs !== undefined && typeof output === "object" ? output?.element : undefined;
    const element = input.kind === "dequeue" ? told : input.element;
    if (element === undefined) continue;
    const life = lives.get(element) ?? { enqueue: undefined, deliveries: [], claims: [] };
    lives.set(element, life);
    if (input.kind === "enqueue") life.enqueue = index;
    else if (input.kind === "dequeue") life.deliveries.push(index);
    else if (returnMs !== undefined && output === true) life.claims.push(index);
  }
  return lives;
}

/** An element is enqueued before all that is done with it; one that certainly left first was enqueued first. */
export function elementOrder(operations: readonly QueueOperation[], redelivers: boolean): [number, number][] {
  const isKnown = (index: number | undefined): index is number =>
    index !== undefined && operations[index]!.returnMs !== undefined;
  const lives = [...livesOf(operations).values()].filter(
    ({ enqueue, deliveries }) => isKnown(enqueue) || (enqueue !== undefined && deliveries.length > 0),
  );
  const pairs: [number, number][] = lives.flatMap(({ enqueue, deliveries, claims }) =>
    [...deliveries, ...(redelivers ? [] : claims)].map((index): [number, number] => [enqueue!, index]),
  );
  if (redelivers || operations.some(({ input }) => input.kind === "nack")) return pairs;
  const before = (a: number, b: number): boolean => operations[a]!.returnMs! < operations[b]!.callMs;
  const single = lives.filter(({ enqueue, deliveries }) => isKnown(enqueue) && deliveries.length === 1);
  for (const x of single) {
    for (const y of single) {
      if (x === y) continue;
      const [xOut, yOut] = [x.deliveries[0]!, y.deliveries[0]!];
      if (before(xOut, yOut) || before(xOut, y.enqueue!)) pairs.push([x.enqueue!, y.enqueue!]);
      if (before(x.enqueue!, y.enqueue!)) pairs.push([xOut, yOut]);
    }
  }
  return pairs;
}

export function refuteElements(operations: readonly QueueOperation[], redelivers: boolean): Refutation | undefined {
  const canReturn = redelivers || operations.some(({ input }) => input.kind === "nack");
  for (const { enqueue, deliveries, claims } of livesOf(operations).values()) {
    const acks = claims.filter((index) => operations[index]!.input.kind === "ack");
    if (enqueue === undefined && deliveries.length > 0) return { why: "nobody has enqueued it", culprits: deliveries };
    if (acks.length > 1) return { why: "it was acknowledged twice", culprits: acks };
    if (deliveries.length > 1 && !canReturn) return { why: "it was given twice", culprits: deliveries };
  }
  return undefined;
}

/** A total order of enqueues, one of first deliveries, and one within each element's life; undefined when times allow none. */
export function guessOrder(operations: readonly QueueOperation[], redelivers: boolean): [number, number][] | undefined {
  const end = (index: number | undefined): number =>
    index === undefined ? Number.MAX_VALUE : (operations[index]!.returnMs ?? Number.MAX_VALUE);
  const byEnd = (a: number, b: number): number => end(a) - end(b);
  const lives = [...livesOf(operations).values()].filter(({ enqueue, deliveries }) => {
    return enqueue !== undefined && (operations[enqueue]!.returnMs !== undefined || deliveries.length > 0);
  });
  const first = lives.map(({ deliveries }) => deliveries.toSorted(byEnd)[0]);
  const before = (a: number | undefined, b: number | undefined): boolean =>
    b !== undefined && end(a) < operations[b]!.callMs;
  const precedes = (x: number, y: number): boolean =>
    before(lives[x]!.enqueue, lives[y]!.enqueue) || before(first[x], first[y]) || before(first[x], lives[y]!.enqueue);
  const order = sortPartially(lives.length, precedes, (x) => end(first[x]));
  if (!order) return undefined;
  const firsts = order.flatMap((x) => (first[x] === undefined ? [] : [first[x]]));
  const within = redelivers ? [] : lives.flatMap(({ deliveries, claims }) => inTurn(deliveries, claims, byEnd));
  return [...follow(order.map((x) => lives[x]!.enqueue!)), ...follow(firsts), ...within];
}

const follow = (indexes: readonly number[]): [number, number][] =>
  indexes.slice(1).map((index, at): [number, number] => [indexes[at]!, index]);

/** Given, given back, given again: as long as nothing comes back by itself, the two alternate. */
function inTurn(deliveries: readonly number[], claims: readonly number[], byEnd: (a: number, b: number) => number) {
  const [given, back] = [deliveries.toSorted(byEnd), claims.toSorted((a, b) => a - b)];
  return follow(given.flatMap((index, at) => (back[at] === undefined ? [index] : [index, back[at]])));
}

function sortPartially(
  size: number,
  precedes: (x: number, y: number) => boolean,
  rank: (x: number) => number,
): number[] | undefined {
  const left = new Set(Array.from({ length: size }, (_, index) => index).sort((x, y) => rank(x) - rank(y)));
  const waits = new Int32Array(size);
  const followers = Array.from({ length: size }, (_, x) => [...left].filter((y) => x !== y && precedes(x, y)));
  for (const list of followers) for (const y of list) waits[y]!++;
  const order: number[] = [];
  while (left.size > 0) {
    const next = left.values().find((x) => waits[x] === 0);
    if (next === undefined) return undefined;
    left.delete(next);
    order.push(next);
    for (const y of followers[next]!) waits[y]!--;
  }
  return order;
}
