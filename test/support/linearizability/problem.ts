/**
 * A history of one key as numbers, ready for the search: times become ranks, states and values become small integers. What is
 * certain without a search is worked in here: operations without effect are left out, deadlines and calls are tightened along
 * the orders that the model knows, and an unknown operation that somebody has seen becomes one that must be placed.
 */

import { type Blocks, type Effects, findBlocks, type Times } from "./blocks.ts";
import type { Model, Operation, Refutation } from "./operation.ts";

/** The return of an operation that may take effect at any time. */
export const NEVER = 0x3fffffff;

export interface Problem {
  /** For each operation its index in the history that was given. */
  readonly source: readonly number[];
  readonly size: number;
  /** Ranks of the calls in time; the operations are sorted by them. */
  readonly called: Int32Array;
  /** Ranks between which each may take effect: those of call and return, tightened. */
  readonly call: Int32Array;
  readonly ret: Int32Array;
  /** Need not be placed. */
  readonly optional: Uint8Array;
  readonly readOnly: Uint8Array;
  /** Placed as soon as it fits, right or wrong. */
  readonly eager: Uint8Array;
  /** Sets the state whatever it was and tells nothing of it: can hide right before another one. */
  readonly blind: Uint8Array;
  /** Equal numbers can stand for each other; -1 for none. */
  readonly twin: Int32Array;
  /** Which of several candidates is tried first: the lowest. */
  readonly priority: Float64Array;
  readonly successors: readonly (readonly number[])[];
  /** Values, for models that hold one; -1 where there is none. */
  readonly needs: Int32Array;
  readonly makes: Int32Array;
  readonly values: number;
  /** Whether some operation needs that a value is not there. */
  readonly mayAvoid: boolean;
  readonly initial: number;
  /** The state after, or -1. */
  step(state: number, index: number): number;
}

export function buildProblem<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  isEager: (operation: Operation<Input, Output>) => boolean = () => false,
): Problem | Refutation {
  const source = relevant(model, history);
  const operations = source.map((index) => history[index]!);
  const times = ranks(operations);
  const back = (refutation: Refutation): Refutation => ({
    ...refutation,
    culprits: refutation.culprits.map((index) => source[index]!),
  });
  const optional = Uint8Array.from(operations, ({ returnMs }) => Number(returnMs === undefined));
  const refuted = model.refute?.(operations);
  if (refuted) return back(refuted);
  const values = new Interner();
  const states = new StateTable(model, values);
  const initial = states.intern(model.initial);
  const effects = describeEffects(model, operations, values);
  const blocks = model.effect
    ? findBlocks({ ...effects, ...times, optional, initial, values: values.size })
    : undefined;
  if (blocks && "why" in blocks) return back(blocks);
  for (const index of blocks?.happened ?? []) optional[index] = 0;
  const called = times.call.slice();
  const successors = follow(operations.length, model.order?.(operations) ?? []);
  for (const [index, list] of successors.entries()) if (list.length > 0) optional[index] = 0;
  const contradiction = tighten(times, successors) ?? tighten(times, follow(operations.length, blocks?.edges ?? []));
  if (contradiction) return back(contradiction);
  const ordered = new Set(successors.flatMap((list, index) => (list.length > 0 ? [index, ...list] : [])));
  return {
    source,
    size: operations.length,
    called,
    ...times,
    optional,
    readOnly: Uint8Array.from(operations, (operation) => Number(model.isReadOnly?.(operation) ?? false)),
    eager: Uint8Array.from(operations, (operation) => Number(isEager(operation))),
    blind: effects.blind,
    twin: twins(operations, (operation, index) => (ordered.has(index) ? undefined : model.twinKey?.(operation))),
    priority: priorities(times.ret, blocks),
    successors,
    needs: effects.needs,
    makes: effects.makes,
    values: values.size,
    mayAvoid: effects.avoids.some((value) => value >= 0),
    initial,
    step: (state, index) => states.step(state, operations[index]!, index),
  };
}

/** By call; without unknown operations that could only have looked. */
function relevant<Input, Output>(
  model: Model<unknown, Input, Output>,
  history: readonly Operation<Input, Output>[],
): number[] {
  return [...history.keys()]
    .filter((index) => history[index]!.returnMs !== undefined || !model.isReadOnly?.(history[index]!))
    .sort((a, b) => history[a]!.callMs - history[b]!.callMs || a - b);
}

/** At one time calls come before returns: operations that only touch are concurrent. */
function ranks(operations: readonly Operation[]): Times {
  const events = operations.flatMap(({ callMs, returnMs }, index) => [
    { atMs: callMs, isReturn: 0, index },
    ...(returnMs === undefined ? [] : [{ atMs: returnMs, isReturn: 1, index }]),
  ]);
  events.sort((a, b) => a.atMs - b.atMs || a.isReturn - b.isReturn || a.index - b.index);
  const call = new Int32Array(operations.length);
  const ret = new Int32Array(operations.length).fill(NEVER);
  for (const [rank, { isReturn, index }] of events.entries()) (isReturn ? ret : call)[index] = rank;
  return { call, ret };
}

/** Gives small integers to strings. A map compares whole strings, so that two of them never become one. */
export class Interner {
  readonly #ids = new Map<string, number>();

  get size(): number {
    return this.#ids.size;
  }

  id(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    this.#ids.set(text, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** States by number, each transition computed once. */
class StateTable<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #ids: Interner;
  readonly #states: State[] = [];
  readonly #transitions: Map<number, number>[] = [];

  constructor(model: Model<State, Input, Output>, ids: Interner) {
    this.#model = model;
    this.#ids = ids;
  }

  intern(state: State): number {
    const id = this.#ids.id(this.#model.stateKey(state));
    this.#states[id] ??= state;
    this.#transitions[id] ??= new Map();
    return id;
  }

  step(state: number, operation: Operation<Input, Output>, index: number): number {
    const known = this.#transitions[state]!.get(index);
    if (known !== undefined) return known;
    const next = this.#model.step(this.#states[state]!, operation);
    const id = next === undefined ? -1 : this.intern(next);
    this.#transitions[state]!.set(index, id);
    return id;
  }
}

function describeEffects<Input, Output>(
  model: Model<unknown, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  values: Interner,
): Effects {
  const effects = operations.map((operation) => model.effect?.(operation) ?? {});
  const ids = (name: "needs" | "avoids" | "makes"): Int32Array =>
    Int32Array.from(effects, ({ [name]: value }) => (value === undefined ? -1 : values.id(value)));
  const [needs, avoids, makes] = [ids("needs"), ids("avoids"), ids("makes")];
  const blind = Uint8Array.from(effects, (_, i) => Number(makes[i]! >= 0 && needs[i]! < 0 && avoids[i]! < 0));
  return { needs, avoids, makes, blind };
}

function follow(size: number, pairs: Iterable<readonly [number, number]>): number[][] {
  const successors = Array.from({ length: size }, (): number[] => []);
  for (const [a, b] of pairs) successors[a]!.push(b);
  return successors;
}

/** What comes before must be placed by the deadline of what follows, and what follows not before the call of what comes before. */
function tighten({ call, ret }: Times, successors: readonly (readonly number[])[]): Refutation | undefined {
  const order = topological(successors);
  if (order.length < successors.length) {
    const placed = new Set(order);
    const culprits = [...successors.keys()].filter((index) => !placed.has(index));
    return { why: "these can be put in no order: each must come before another of them", culprits };
  }
  for (const a of order) for (const b of successors[a]!) call[b] = Math.max(call[b]!, call[a]!);
  for (const a of order.toReversed()) for (const b of successors[a]!) ret[a] = Math.min(ret[a]!, ret[b]!);
  const late = [...successors.keys()].filter((index) => call[index]! > ret[index]!);
  return late.length === 0
    ? undefined
    : { why: "these have returned before others, which must come first, were called", culprits: late };
}

function topological(successors: readonly (readonly number[])[]): number[] {
  const waits = new Int32Array(successors.length);
  for (const list of successors) for (const b of list) waits[b]!++;
  const order = [...successors.keys()].filter((index) => waits[index] === 0);
  for (const a of order) for (const b of successors[a]!) if (--waits[b]! === 0) order.push(b);
  return order;
}

function twins<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  keyOf: (operation: Operation<Input, Output>, index: number) => string | undefined,
): Int32Array {
  const ids = new Interner();
  return Int32Array.from(operations, (operation, index) => {
    const key = keyOf(operation, index);
    return key === undefined ? -1 : ids.id(`${operation.returnMs === undefined ? "?" : "!"}${key}`);
  });
}

function priorities(ret: Int32Array, blocks: Blocks | undefined): Float64Array {
  return Float64Array.from(ret, (rank, index) => blocks?.start[index] ?? rank);
}
