/**
 * Says whether a history is linearizable: whether its operations can be put in one order that a sequential object could have
 * seen, in which each takes effect between its call and its return. Keys are checked apart. Every `ok` is replayed on the model before
 * it is given; every refusal comes with the longest order found and the operations that break it.
 */
import type { CheckOptions, Failed, Model, Operation, Verdict } from "./operation.ts";
import { buildProblem, type Problem } from "./problem.ts";
import { search } from "./search.ts";
import { searchInTurns } from "./turns.ts";

/**
 * Remembered for one key before the checker gives up, at up to a kilobyte each. Registers, locks and banks of 50 clients × 30
 * operations need a few thousand (see their tests); one that needs a hundred times that will hardly ever end.
 */
export const CONFIGURATIONS_MAX = 100_000;

/** Spent on showing how far a history goes that has been refuted without a search. */
const ILLUSTRATION_CONFIGURATIONS = 200;

export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  options: CheckOptions = {},
): Verdict<Input, Output> {
  let configurations = 0;
  let undecided: Verdict<Input, Output> | undefined;
  for (const [key, history] of partition(operations)) {
    const verdict = checkKey(model, key, history, options.configurationsMax ?? CONFIGURATIONS_MAX);
    configurations += verdict.configurations;
    if (verdict.ok === false) return { ...verdict, configurations };
    if (verdict.ok === "unknown") undecided ??= verdict;
  }
  return undecided ? { ...undecided, configurations } : { ok: true, configurations };
}

function partition<O extends Operation>(operations: readonly O[]): ReadonlyMap<string, readonly O[]> {
  for (const { client, key, callMs, returnMs } of operations) {
    if (!(callMs <= (returnMs ?? callMs))) {
      throw new Error(
        `reading the history of ${key}: client ${client} called at ${callMs} and had returned at ${returnMs}`,
      );
    }
  }
  return Map.groupBy(operations, ({ key }) => key);
}

function checkKey<State, Input, Output>(
  general: Model<State, Input, Output>,
  key: string,
  history: readonly Operation<Input, Output>[],
  configurationsMax: number,
): Verdict<Input, Output> {
  const pick = (indexes: readonly number[]): Operation<Input, Output>[] => indexes.map((index) => history[index]!);
  const model = general.specialise?.(history) ?? general;
  const problem = buildProblem(model, history);
  if ("why" in problem) {
    const { why, culprits } = problem;
    return {
      ok: false,
      key,
      why,
      culprits: pick(culprits),
      longest: pick(illustrate(model, history)),
      configurations: 0,
    };
  }
  const guesses = guessedProblems(model, history);
  const { outcome, order, open, configurations } = searchInTurns(problem, guesses, configurationsMax);
  const longest = pick(order.map((index) => problem.source[index]!));
  if (outcome === "stopped") return { ok: "unknown", key, configurations, longest };
  if (outcome === "found") {
    replay(general, history, longest);
    return { ok: true, configurations };
  }
  const culprits = pick(open.map((index) => problem.source[index]!));
  return { ok: false, key, why: "none of these can be the next", culprits, longest, configurations } satisfies Failed<
    Input,
    Output
  >;
}

/** The history with more pairs in order than are certain; an order found for it is one all the same. */
function guessedProblems<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Problem[] {
  if (!model.guess) return [];
  const order = (operations: readonly Operation<Input, Output>[]) => [
    ...(model.order?.(operations) ?? []),
    ...(model.guess?.(operations) ?? []),
  ];
  const problems = (model.eager ?? []).map((isEager) => buildProblem({ ...model, order }, history, isEager));
  return problems.filter((problem): problem is Problem => !("why" in problem));
}

/** How far the search comes without what has been refuted already. */
function illustrate<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): number[] {
  const { effect: _effect, order: _order, refute: _refute, ...plain } = model;
  const problem = buildProblem<State, Input, Output>(plain, history);
  if ("why" in problem) return [];
  return search(problem, ILLUSTRATION_CONFIGURATIONS).order.map((index) => problem.source[index]!);
}

/** The checker's own check: the order that it has found, step by step and against the times. */
function replay<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  order: readonly Operation<Input, Output>[],
): void {
  const placed = new Set(order);
  const missing = history.find((each) => each.returnMs !== undefined && !placed.has(each));
  if (missing || placed.size !== order.length) throw wrong(model.name, missing ?? order[0]!, "is not placed once");
  let state = model.initial;
  let latest = -Infinity;
  for (const operation of order) {
    latest = Math.max(latest, operation.callMs);
    if ((operation.returnMs ?? Infinity) < latest)
      throw wrong(model.name, operation, "returned before one placed earlier was called");
    const next = model.step(state, operation);
    if (next === undefined) throw wrong(model.name, operation, `is impossible in state ${model.stateKey(state)}`);
    state = next;
  }
}

function wrong(model: string, operation: Operation, what: string): Error {
  return new Error(
    `replaying the order found for ${model}: ${JSON.stringify(operation)} ${what}; the checker or the model is wrong`,
  );
}
