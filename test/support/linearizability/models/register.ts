/**
 * One value under a key: put, get, delete, compare-and-swap. `null` is "no value". A `cas` that was refused tells only that the value was not
 * the expected one. Histories are checked fastest, and most sharply, when each write has a value of its own.
 */
import type { Effect, Model, Operation } from "../operation.ts";

export type RegisterValue = string | number | null;

export type RegisterInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: RegisterValue }
  | { readonly kind: "delete" }
  /** `expected: null` creates. */
  | { readonly kind: "cas"; readonly expected: RegisterValue; readonly value: RegisterValue };

/** get: the value. cas: whether it was done. delete: whether there was a value, or null when that is not told. put: null. */
export type RegisterOutput = RegisterValue | boolean;

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

const keyOf = (value: RegisterValue): string => JSON.stringify(value);

function effectOf({ input, output, returnMs }: RegisterOperation): Effect {
  const isKnown = returnMs !== undefined;
  switch (input.kind) {
    case "get":
      return isKnown ? { needs: keyOf(output as RegisterValue) } : {};
    case "put":
      return { makes: keyOf(input.value) };
    case "delete":
      if (!isKnown || typeof output !== "boolean") return { makes: keyOf(null) };
      return output ? { avoids: keyOf(null), makes: keyOf(null) } : { needs: keyOf(null) };
    case "cas":
      if (isKnown && output !== true) return { avoids: keyOf(input.expected) };
      return { needs: keyOf(input.expected), makes: keyOf(input.value) };
  }
}

function stepOf(state: RegisterValue, operation: RegisterOperation): RegisterValue | undefined {
  const { needs, avoids } = effectOf(operation);
  if (needs !== undefined && needs !== keyOf(state)) return undefined;
  if (avoids !== undefined && avoids === keyOf(state)) return undefined;
  const { input, output, returnMs } = operation;
  if (input.kind === "put" || (input.kind === "cas" && (output === true || returnMs === undefined))) return input.value;
  return input.kind === "delete" ? null : state;
}

/** put, get, delete and cas; see `registerModel` for one that starts with a value. */
export function casRegisterModel(initial: RegisterValue = null): Model<RegisterValue, RegisterInput, RegisterOutput> {
  return {
    name: "cas register",
    initial,
    step: stepOf,
    stateKey: keyOf,
    effect: effectOf,
    isReadOnly: (operation) => {
      const { needs, makes } = effectOf(operation);
      return makes === undefined || makes === needs;
    },
    twinKey: ({ input, output, returnMs }) => JSON.stringify([input, returnMs === undefined ? null : output]),
  };
}

/** The same object for clients that put and get only: anything else in the history is a mistake of the test. */
export function registerModel(initial: RegisterValue = null): Model<RegisterValue, RegisterInput, RegisterOutput> {
  const step = (state: RegisterValue, operation: RegisterOperation): RegisterValue | undefined => {
    const { kind } = operation.input;
    if (kind !== "put" && kind !== "get") throw new Error(`checking a register: it has no ${kind}, put and get only`);
    return stepOf(state, operation);
  };
  return { ...casRegisterModel(initial), name: "register", step };
}
