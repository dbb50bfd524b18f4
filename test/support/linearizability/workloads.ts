/** Right objects and what clients do with them, for `simulate`; and the mutations that make their histories wrong, or not. */
import type { Random } from "../../../src/base/random.ts";
import type { Workload } from "./generate.ts";
import type { BankInput, BankOutput, BankState } from "./models/bank.ts";
import type { LockInput, LockOutput } from "./models/lock.ts";
import type { QueueInput, QueueOutput } from "./models/queue-words.ts";
import type { RegisterInput, RegisterOutput, RegisterValue } from "./models/register.ts";
import type { Operation } from "./operation.ts";

/** `values`: how many different ones are written; undefined for a new one each time. */
export function registerWorkload(
  kinds: readonly RegisterInput["kind"][],
  values: number | undefined,
): Workload<RegisterValue, RegisterInput, RegisterOutput> {
  return {
    initial: null,
    apply: (state, input) => {
      if (input.kind === "get") return [state, state];
      if (input.kind === "put") return [input.value, null];
      if (input.kind === "delete") return [null, state !== null];
      return state === input.expected ? [input.value, true] : [state, false];
    },
    next: (random, serial, last) => {
      const kind = kinds[random.below(kinds.length)]!;
      const value = values === undefined ? serial : random.below(values);
      if (kind === "get" || kind === "delete") return { kind };
      if (kind === "put") return { kind, value };
      const seen = typeof last === "number" ? last : null;
      return { kind, expected: values === undefined ? seen : random.below(values), value };
    },
  };
}

interface HeldLock {
  readonly last: number;
  readonly holder: number | undefined;
  /** Acquires that the holder has outlived. */
  readonly refused: number;
}

/** How many acquires a holder outlives where leases end. */
const REFUSALS = 5;

export function lockWorkload(expires: boolean): Workload<HeldLock, LockInput, LockOutput> {
  return {
    initial: { last: 0, holder: undefined, refused: 0 },
    apply: (state, input) => {
      if (input.kind === "acquire") {
        const isOver = expires && state.refused >= REFUSALS;
        if (state.holder !== undefined && !isOver) return [{ ...state, refused: state.refused + 1 }, null];
        return [{ last: state.last + 1, holder: state.last + 1, refused: 0 }, state.last + 1];
      }
      if (state.holder !== input.token) return [state, false];
      return [input.kind === "renew" ? state : { ...state, holder: undefined }, true];
    },
    next: (random, _serial, last) => {
      if (typeof last === "number") return { kind: random.below(4) === 0 ? "renew" : "release", token: last };
      return { kind: "acquire" };
    },
  };
}

type Slots = readonly { readonly element: string; readonly isOut: boolean }[];

/** `acknowledges`: whether clients ack or nack what they get; otherwise it stays out for ever. */
export function queueWorkload(acknowledges: boolean): Workload<Slots, QueueInput, QueueOutput> {
  return {
    initial: [],
    apply: (state, input) => {
      if (input.kind === "enqueue") return [[...state, { element: input.element, isOut: false }], null];
      if (input.kind === "dequeue") {
        const at = state.findIndex(({ isOut }) => !isOut);
        if (at === -1) return [state, null];
        return [state.with(at, { ...state[at]!, isOut: true }), { element: state[at]!.element }];
      }
      const at = state.findIndex(({ element, isOut }) => element === input.element && isOut);
      if (at === -1) return [state, false];
      return [input.kind === "ack" ? state.toSpliced(at, 1) : state.with(at, { ...state[at]!, isOut: false }), true];
    },
    next: (random, serial, last) => {
      if (acknowledges && last !== null && typeof last === "object") {
        return { kind: random.below(3) === 0 ? "nack" : "ack", element: last.element };
      }
      return random.below(2) === 0 ? { kind: "enqueue", element: `e${serial}` } : { kind: "dequeue" };
    },
  };
}

export const BALANCES = { a: 100, b: 100, c: 100, d: 100 };

export const BANK_WORKLOAD: Workload<BankState, BankInput, BankOutput> = {
  initial: { revision: 0, balances: BALANCES },
  apply: (state, input) => {
    if (input.kind === "read") return [state, { ...state }];
    const { from, to, amount } = input;
    if (state.balances[from]! < amount) return [state, { revision: state.revision, done: false }];
    const balances = { ...state.balances };
    balances[from]! -= amount;
    balances[to]! += amount;
    const revision = state.revision + 1;
    return [
      { revision, balances },
      { revision, done: true },
    ];
  },
  next: (random) => {
    if (random.below(2) === 0) return { kind: "read" };
    const names = Object.keys(BALANCES);
    const from = random.below(4);
    return {
      kind: "transfer",
      from: names[from]!,
      to: names[(from + 1 + random.below(3)) % 4]!,
      amount: 1 + random.below(60),
    };
  },
};

/** Another answer, somebody else's answer, or a later time. What comes out may be right or wrong. */
export function mutate<Input extends { readonly kind: string }, Output>(
  random: Random,
  history: Operation<Input, Output>[],
): void {
  const at = random.below(history.length);
  const operation = history[at]!;
  const { callMs, returnMs, output, input } = operation;
  if (returnMs === undefined) return;
  if (typeof output === "boolean") history[at] = { ...operation, output: !output as Output & boolean };
  else if (random.below(3) === 0) history[at] = { ...operation, callMs: callMs + 40, returnMs: returnMs + 40 };
  else {
    const alike = history.filter((each) => each.returnMs !== undefined && each.input.kind === input.kind);
    history[at] = { ...operation, output: alike[random.below(alike.length)]!.output };
  }
}
