/**
 * A lock with fencing tokens. Whoever acquires it gets a token above every token before. A release tells whether the token still held.
 * Tokens are used by those who were told them: nobody guesses the token of an acquire with an unknown outcome.
 *
 * Expiry: a lease ends by itself at a moment that no history shows, so the model may end it at any moment from which on it can be over:
 * `leaseMs` after the call of the acquire or of its last renewal (the server's lease begins no earlier), measured in the history's own
 * numbers. With `leaseMs: undefined` a lease never ends and exclusion is strict. With `leaseMs: 0` it may end at once: then only
 * the order of tokens and the answers to releases are checked. Histories from a `HistoryRecorder` have no real times: use one of these two.
 */
import type { Model, Operation } from "../operation.ts";

export type LockInput =
  | { readonly kind: "acquire" }
  | { readonly kind: "renew"; readonly token: number }
  | { readonly kind: "release"; readonly token: number };

/** acquire: the token, or null when it was refused because somebody holds the lock. renew, release: whether the token held. */
export type LockOutput = number | boolean | null;

export interface LockState {
  /** The highest token known to be given; who gets one without learning it gets something above. */
  readonly last: number;
  /** `"somebody"`: an acquire with an unknown outcome. */
  readonly holder: number | "somebody" | undefined;
  /** From then on the holder's lease may be over. */
  readonly untilMs: number;
}

export interface LockOptions {
  readonly leaseMs: number | undefined;
}

type LockOperation = Operation<LockInput, LockOutput>;

export function lockModel({ leaseMs }: LockOptions): Model<LockState, LockInput, LockOutput> {
  const until = ({ callMs }: LockOperation): number => {
    if (leaseMs === undefined) return Infinity;
    return leaseMs === 0 ? -Infinity : callMs + leaseMs;
  };
  const isTimeless = leaseMs === undefined || leaseMs === 0;
  return {
    name: "lock",
    initial: { last: 0, holder: undefined, untilMs: 0 },
    step: (state, operation) => stepOf(state, operation, until(operation)),
    stateKey: ({ last, holder, untilMs }) => `${last} ${holder} ${untilMs}`,
    isReadOnly: ({ input: { kind }, output, returnMs }) => {
      if (returnMs === undefined) return kind === "renew" && isTimeless;
      if (kind === "acquire") return output === null;
      return output === false ? leaseMs === undefined : kind === "renew" && isTimeless;
    },
    /** With leases the times count as well. */
    twinKey: ({ input, output, returnMs }) =>
      isTimeless ? JSON.stringify([input, returnMs === undefined ? null : output]) : undefined,
    order: tokenOrder,
    refute: repeatedTokens,
  };
}

function stepOf(state: LockState, operation: LockOperation, untilMs: number): LockState | undefined {
  const { input, output, returnMs } = operation;
  const mayBeOver = (returnMs ?? Infinity) >= state.untilMs;
  const isFree = state.holder === undefined || mayBeOver;
  if (input.kind === "acquire") {
    if (returnMs === undefined) return isFree ? { last: state.last, holder: "somebody", untilMs } : undefined;
    if (output === null) return state.holder === undefined ? undefined : state;
    return isFree && Number(output) > state.last
      ? { last: Number(output), holder: Number(output), untilMs }
      : undefined;
  }
  const holds = state.holder === input.token;
  if (returnMs !== undefined && output === false) {
    if (!holds) return state;
    return mayBeOver ? { ...state, holder: undefined, untilMs: 0 } : undefined;
  }
  if (!holds) return undefined;
  return input.kind === "renew" ? { ...state, untilMs } : { ...state, holder: undefined, untilMs: 0 };
}

/** Tokens only rise, so those that were told come in their order; what a token was good for comes between it and the next. */
function tokenOrder(operations: readonly LockOperation[]): [number, number][] {
  const given = grants(operations).sort((a, b) => Number(operations[a]!.output) - Number(operations[b]!.output));
  const pairs = given.slice(1).map((index, at): [number, number] => [given[at]!, index]);
  const places = new Map(given.map((index, at) => [Number(operations[index]!.output), at]));
  for (const [index, { input, output, returnMs }] of operations.entries()) {
    if (input.kind === "acquire" || returnMs === undefined || output !== true) continue;
    const at = places.get(input.token);
    if (at === undefined) continue;
    pairs.push([given[at]!, index]);
    if (given[at + 1] !== undefined) pairs.push([index, given[at + 1]!]);
  }
  return pairs;
}

function repeatedTokens(operations: readonly LockOperation[]) {
  for (const culprits of Map.groupBy(grants(operations), (index) => operations[index]!.output).values()) {
    if (culprits.length > 1) return { why: "these got the same token", culprits };
  }
  return undefined;
}

function grants(operations: readonly LockOperation[]): number[] {
  return [...operations.keys()].filter((index) => {
    const { input, output, returnMs } = operations[index]!;
    return input.kind === "acquire" && returnMs !== undefined && output !== null;
  });
}
