/** Histories of what clients did, and the checker's verdict as a judgement. */
import {
  checkLinearizable,
  HistoryRecorder,
  type Model,
  type Operation,
  printVerdict,
  type Recording,
} from "../linearizability/index.ts";
import type { Judgement } from "./workload.ts";

/** Faults told in full; a broken group gives hundreds, and the first ones tell as much. */
const TOLD_MAX = 3;

export function judgeHistory<State, Input, Output>(
  workload: string,
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Judgement {
  const faults: string[] = [];
  let undecided = 0;
  for (const history of Map.groupBy(operations, ({ key }) => key).values()) {
    const verdict = checkLinearizable(model, history);
    if (verdict.ok === false) faults.push(printVerdict(verdict));
    if (verdict.ok === "unknown") undecided++;
  }
  return { workload, faults: shortened(faults), undecided };
}

export function shortened(faults: readonly string[]): readonly string[] {
  const more = faults.length - TOLD_MAX;
  return more > 0 ? [...faults.slice(0, TOLD_MAX), `and ${more} more`] : faults;
}

/** A recorder whose operations bear the time, for what ends by itself after a time. */
export class TimedRecorder<Input, Output> {
  readonly #recorder = new HistoryRecorder<Input, Output>();
  /** By the recorder's own numbers: each call and each answer takes the next one. */
  readonly #times: number[] = [0];

  invoke(client: string, key: string, input: Input): Recording<Output> {
    const recording = this.#recorder.invoke(client, key, input);
    this.#times.push(performance.now());
    return {
      ...recording,
      ok: (output) => {
        recording.ok(output);
        this.#times.push(performance.now());
      },
    };
  }

  operations(): Operation<Input, Output>[] {
    const timeOf = (number: number): number => this.#times[number]!;
    return this.#recorder.operations().map(({ callMs, returnMs, ...operation }) => ({
      ...operation,
      callMs: timeOf(callMs),
      returnMs: returnMs === undefined ? undefined : timeOf(returnMs),
    }));
  }
}
