/**
 * The words of the checker: what a client did and when, what an object may do, and what the checker says. An operation that has
 * never returned may take effect at any time after its call, or never.
 */

export interface Operation<Input = unknown, Output = unknown> {
  readonly client: number | string;
  /** Operations on different keys are checked apart. */
  readonly key: string;
  /** Any numbers that rise: one operation precedes another only when its return is below the other's call. */
  readonly callMs: number;
  /** Undefined: the outcome is unknown. */
  readonly returnMs: number | undefined;
  readonly input: Input;
  /** Means nothing when the outcome is unknown. */
  readonly output: Output | undefined;
}

/** What a state-setting operation asks of a single value and what it leaves there; see `Model.effect`. */
export interface Effect {
  /** The value before must be this one. */
  readonly needs?: string;
  /** The value before must not be this one. */
  readonly avoids?: string;
  /** The value after; the same as before when left out. */
  readonly makes?: string;
}

/** A sequential object, one for each key. Everything is pure; states are never changed in place. */
export interface Model<State, Input, Output> {
  readonly name: string;
  readonly initial: State;
  /**
   * The state after the operation, or undefined when it cannot have had its output here. Of an operation with an unknown outcome:
   * the state if it takes effect (undefined where it has none).
   */
  step(state: State, operation: Operation<Input, Output>): State | undefined;
  /** Equal for equal states, different for different ones: the checker compares nothing else. */
  stateKey(state: State): string;
  /** Changes no state, in whatever state it is possible: such operations are placed as soon as they fit. */
  isReadOnly?(operation: Operation<Input, Output>): boolean;
  /** Operations with one twin key can stand for each other in every state (but for their times). */
  twinKey?(operation: Operation<Input, Output>): string | undefined;
  /**
   * Pairs of indexes [a, b]: if the history is right at all, a has taken effect, and before b. `b` has returned, or has certainly taken
   * effect as well.
   */
  order?(operations: readonly Operation<Input, Output>[]): Iterable<readonly [number, number]>;
  /** A model for this one history: it refuses at once what this one would refuse only after more steps. */
  specialise?(operations: readonly Operation<Input, Output>[]): Model<State, Input, Output>;
  /** More pairs, which may be wrong: tried first, and forgotten when they lead nowhere. */
  guess?(operations: readonly Operation<Input, Output>[]): readonly (readonly [number, number])[] | undefined;
  /** Together with `guess`: operations that are placed at once where they fit. Tried in turn, each may be wrong. */
  readonly eager?: readonly ((operation: Operation<Input, Output>) => boolean)[];
  /** Why no order can exist, when that can be told without a search. */
  refute?(operations: readonly Operation<Input, Output>[]): Refutation | undefined;
  /** For objects that hold one value: `state` is the value's key, and every operation is described by its effect alone. */
  readonly effect?: (operation: Operation<Input, Output>) => Effect;
}

export interface Refutation {
  readonly why: string;
  /** The operations that contradict each other, as indexes. */
  readonly culprits: readonly number[];
}

export interface CheckOptions {
  /** For each key; see `CONFIGURATIONS_MAX`. */
  readonly configurationsMax?: number;
}

export type Verdict<Input = unknown, Output = unknown> =
  | { readonly ok: true; readonly configurations: number }
  | Failed<Input, Output>
  | {
      readonly ok: "unknown";
      readonly key: string;
      readonly configurations: number;
      readonly longest: readonly Operation<Input, Output>[];
    };

export interface Failed<Input = unknown, Output = unknown> {
  readonly ok: false;
  readonly key: string;
  readonly why: string;
  /** The longest order that was found. It need not be unique, and for `culprits` that were found without a search it may be short. */
  readonly longest: readonly Operation<Input, Output>[];
  /** Those that contradict each other, or those that were open where the longest order ends. */
  readonly culprits: readonly Operation<Input, Output>[];
  readonly configurations: number;
}
