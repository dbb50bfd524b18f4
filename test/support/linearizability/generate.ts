/**
 * Histories for the checker's own tests: a simulated object that is right, clients that call it, random delays. Also small random histories,
 * right or wrong, and the second, dumb checker that tries every order.
 */
import type { Random } from "../../../src/base/random.ts";
import type { Model, Operation } from "./operation.ts";

export interface Workload<State, Input, Output> {
  readonly initial: State;
  /** The next input of a client; `last` is what it has seen last. */
  next(random: Random, serial: number, last: Output | undefined): Input;
  apply(state: State, input: Input): readonly [State, Output];
}

export interface Shape {
  readonly clients: number;
  readonly operationsPerClient: number;
  readonly keys: number;
  /** Between 0 and 1: outcomes that the client does not learn; half of them take effect, some much later. */
  readonly unknown: number;
  /** Between 0 and 1: how long an operation takes, against the pause between two of them. */
  readonly busy?: number;
}

interface Event {
  readonly atMs: number;
  readonly serial: number;
  run(): void;
}

/** What clients of a right object see. An operation takes effect at one moment between its call and its return. */
export function simulate<State, Input, Output>(
  random: Random,
  workload: Workload<State, Input, Output>,
  { clients, operationsPerClient, keys, unknown, busy = 1 }: Shape,
): Operation<Input, Output>[] {
  const states = new Map<string, State>();
  const history: Operation<Input, Output>[] = [];
  const events: Event[] = [];
  let serial = 0;
  const at = (atMs: number, run: () => void): void => void events.push({ atMs, serial: ++serial, run });
  const apply = (key: string, input: Input): Output => {
    const [state, output] = workload.apply(states.get(key) ?? workload.initial, input);
    states.set(key, state);
    return output;
  };
  const invoke = (client: number, left: number, callMs: number, last: Output | undefined): void => {
    const key = `key${random.below(keys)}`;
    const input = workload.next(random, history.length, last);
    const slot = history.push({ client, key, callMs, returnMs: undefined, input, output: undefined }) - 1;
    const delay = (): number => random.next() * 100 * busy;
    const pause = random.next() * 100 * (1 - busy);
    const goOn = (nowMs: number, seen: Output | undefined): void => {
      if (left > 1) at(nowMs + pause, () => invoke(client, left - 1, nowMs + pause, seen));
    };
    const effectMs = callMs + delay();
    if (random.next() < unknown) {
      const lateMs = effectMs + (random.below(3) === 0 ? random.next() * 1000 : 0);
      if (random.below(2) === 0) at(lateMs, () => void apply(key, input));
      goOn(effectMs + delay(), last);
      return;
    }
    at(effectMs, () => {
      const output = apply(key, input);
      const returnMs = effectMs + delay();
      history[slot] = { client, key, callMs, returnMs, input, output };
      goOn(returnMs, output);
    });
  };
  for (let client = 0; client < clients; client++) {
    const startMs = random.next() * 50;
    at(startMs, () => invoke(client, operationsPerClient, startMs, undefined));
  }
  drain(events);
  return history;
}

function drain(events: Event[]): void {
  while (events.length > 0) {
    let first = 0;
    for (const [index, { atMs, serial }] of events.entries()) {
      const best = events[first]!;
      if (atMs < best.atMs || (atMs === best.atMs && serial < best.serial)) first = index;
    }
    events.splice(first, 1)[0]!.run();
  }
}

/** Tries every order of every choice of unknown operations: for a handful of operations only. */
export function bruteForce<State, Input, Output>(
  model: Pick<Model<State, Input, Output>, "initial" | "step">,
  operations: readonly Operation<Input, Output>[],
): boolean {
  return [...Map.groupBy(operations, ({ key }) => key).values()].every((history) => {
    const go = (state: State, left: readonly Operation<Input, Output>[]): boolean => {
      if (left.every(({ returnMs }) => returnMs === undefined)) return true;
      return left.some((operation) => {
        if (left.some((other) => other !== operation && (other.returnMs ?? Infinity) < operation.callMs)) return false;
        const next = model.step(state, operation);
        const rest = left.filter((other) => other !== operation);
        return next !== undefined && go(next, rest);
      });
    };
    return go(model.initial, history);
  });
}
