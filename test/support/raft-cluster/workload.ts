/**
 * Clients of a group, each with a session of its own, doing one thing after the other for as long as they are told. What they did and what
 * they were answered is recorded; what each kind of work promises is judged afterwards. Whatever breaks off has an unknown outcome,
 * and whatever the client calls not done is taken at its word: had it been done, the judges would see it.
 */
import { Failure } from "../../../src/base/errors.ts";
import type { Random } from "../../../src/base/random.ts";
import type { DataClient } from "../../../src/data/client/index.ts";
import type { Recording } from "../linearizability/index.ts";
import type { Tally } from "./tally.ts";

export interface Worker {
  /** Unique among all of its workload. */
  readonly name: string;
  readonly data: DataClient;
  readonly random: Random;
  readonly tally: Tally;
  /** How long its calls may take: one of these each time. */
  readonly timeoutsMs: readonly number[];
}

export interface Judgement {
  readonly workload: string;
  /** What is wrong, each as a text for people; empty when every promise was kept. */
  readonly faults: readonly string[];
  /** Keys whose history the checker could not decide. */
  readonly undecided: number;
}

export interface Workload {
  readonly name: string;
  /** One thing, seconds at most. */
  step(worker: Worker): Promise<void>;
  /** When all is quiet and every node is well: looks at what is there. */
  finish(worker: Worker): Promise<void>;
  judge(): Judgement;
}

/** A call that ends soon leaves an unknown outcome when a node dies; one that waits gets its answer from the next leader. */
export const TIMEOUTS_MS: readonly number[] = [800, 2_500, 8_000, 8_000];

export function timeoutOf({ random, timeoutsMs }: Worker): { readonly timeoutMs: number } {
  return { timeoutMs: timeoutsMs[random.below(timeoutsMs.length)]! };
}

/** What became of a change. */
export type Attempt<T> = { readonly kind: "ok"; readonly answer: T } | { readonly kind: "failed" | "unknown" };

/** Fails as the test does when what is thrown is no `Failure`. */
export async function attempt<T>({ tally }: Worker, ask: () => Promise<T>): Promise<Attempt<T>> {
  tally.calls++;
  try {
    const answer = await ask();
    tally.answered++;
    return { kind: "ok", answer };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    tally.failed(thrown);
    return { kind: thrown.code === "data.unknown_outcome" ? "unknown" : "failed" };
  }
}

/** The same for what a history records. */
export async function recorded<T, Output>(
  worker: Worker,
  recording: Recording<Output>,
  ask: () => Promise<T>,
  output: (answer: T) => Output,
): Promise<T | undefined> {
  const outcome = await attempt(worker, ask);
  if (outcome.kind === "ok") recording.ok(output(outcome.answer));
  else if (outcome.kind === "unknown") recording.unknown();
  else recording.fail();
  return outcome.kind === "ok" ? outcome.answer : undefined;
}

/** Until it is answered: for what a workload needs to begin or to end. */
export async function insist<T>(worker: Worker, ask: () => Promise<T>, tries = 30): Promise<T> {
  for (let left = tries; ; left--) {
    const outcome = await attempt(worker, ask);
    if (outcome.kind === "ok") return outcome.answer;
    if (left <= 0) throw new Error(`${worker.name}: no answer in ${tries} tries: ${worker.tally.text()}`);
  }
}

/** Names the key that is worked on, and goes on to the next one: a history of one key stays as short as its checker likes it. */
export class Keys {
  readonly all: string[] = [];
  readonly #prefix: string;
  readonly #operationsMax: number;
  #used = 0;

  constructor(prefix: string, operationsMax: number) {
    this.#prefix = prefix;
    this.#operationsMax = operationsMax;
  }

  take(): string {
    if (this.#used++ % this.#operationsMax === 0) this.all.push(`${this.#prefix}-${this.all.length}`);
    return this.all.at(-1)!;
  }
}

/** A function for each, a few at a time. */
export async function eachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
