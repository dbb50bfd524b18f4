/** Keys of a map: put and get, or compare-and-swap, delete and get. Each write has a value of its own. */
import type { Consistency } from "../../../src/data/client/index.ts";
import {
  casRegisterModel,
  HistoryRecorder,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from "../linearizability/index.ts";
import { judgeHistory } from "./histories.ts";
import {
  attempt,
  eachAtOnce,
  insist,
  type Judgement,
  Keys,
  recorded,
  timeoutOf,
  type Worker,
  type Workload,
} from "./workload.ts";

/** Of one key: several clients at once, long enough for some deaths to fall into it. */
const OPERATIONS_MAX = 120;
const READERS = 4;
/** One swap in so many expects a value that is most likely not there. */
const WRONG_ONE_IN = 6;
const RECENT = 8;

abstract class Registers implements Workload {
  abstract readonly name: string;
  readonly history = new HistoryRecorder<RegisterInput, RegisterOutput>();
  readonly #keys: Keys;
  readonly #consistencies: readonly Consistency[];
  #values = 0;

  constructor(map: string, consistencies: readonly Consistency[]) {
    this.#keys = new Keys(map, OPERATIONS_MAX);
    this.#consistencies = consistencies;
  }

  abstract step(worker: Worker): Promise<void>;
  abstract judge(): Judgement;

  async finish(worker: Worker): Promise<void> {
    await eachAtOnce(this.#keys.all, READERS, async (key) => {
      await insist(worker, () => this.get(worker, key, "linearizable"));
    });
  }

  protected key(): string {
    return this.#keys.take();
  }

  protected newValue(): string {
    return `v${++this.#values}`;
  }

  protected anyRecentValue({ random }: Worker): string {
    return `v${Math.max(1, this.#values - random.below(RECENT))}`;
  }

  protected get map(): string {
    return `chaos-${this.name}`;
  }

  protected anyConsistency({ random }: Worker): Consistency {
    return this.#consistencies[random.below(this.#consistencies.length)]!;
  }

  /** Fails when there is no answer; the history knows then. */
  protected async get(worker: Worker, key: string, consistency: Consistency): Promise<RegisterValue> {
    const recording = this.history.invoke(worker.name, key, { kind: "get" });
    try {
      const entry = await worker.data.map(this.map).get(key, { consistency, ...timeoutOf(worker) });
      const value = entry ? String(entry.value) : null;
      recording.ok(value);
      return value;
    } catch (thrown) {
      recording.fail();
      throw thrown;
    }
  }

  /** Undefined: no answer. */
  protected async read(worker: Worker): Promise<{ readonly key: string; readonly value: RegisterValue } | undefined> {
    const key = this.key();
    const outcome = await attempt(worker, () => this.get(worker, key, this.anyConsistency(worker)));
    return outcome.kind === "ok" ? { key, value: outcome.answer } : undefined;
  }
}

export class PutsAndGets extends Registers {
  readonly name = "register";

  async step(worker: Worker): Promise<void> {
    if (worker.random.below(2) === 0) {
      await this.read(worker);
      return;
    }
    const [key, value] = [this.key(), this.newValue()];
    const recording = this.history.invoke(worker.name, key, { kind: "put", value });
    const put = (): Promise<number> => worker.data.map(this.map).put(key, value, timeoutOf(worker));
    await recorded(worker, recording, put, () => null);
  }

  judge(): Judgement {
    return judgeHistory(this.name, registerModel(), this.history.operations());
  }
}

export class Swaps extends Registers {
  readonly name = "cas";
  readonly #seen = new Map<string, RegisterValue>();

  async step(worker: Worker): Promise<void> {
    const dice = worker.random.below(8);
    if (dice < 3) {
      const seen = await this.read(worker);
      if (seen) this.#seen.set(seen.key, seen.value);
    } else if (dice === 3) await this.#delete(worker);
    else await this.#swap(worker);
  }

  judge(): Judgement {
    return judgeHistory(this.name, casRegisterModel(), this.history.operations());
  }

  async #swap(worker: Worker): Promise<void> {
    const [key, value] = [this.key(), this.newValue()];
    const isWrong = worker.random.below(WRONG_ONE_IN) === 0;
    const expected = isWrong ? this.anyRecentValue(worker) : (this.#seen.get(key) ?? null);
    const recording = this.history.invoke(worker.name, key, { kind: "cas", expected, value });
    const expectation = expected === null ? ({ absent: true } as const) : { value: String(expected) };
    const swap = () => worker.data.map(this.map).cas(key, expectation, value, timeoutOf(worker));
    const reply = await recorded(worker, recording, swap, ({ swapped }) => swapped);
    if (reply?.swapped) this.#seen.set(key, value);
    else if (reply) this.#seen.set(key, reply.current ? String(reply.current.value) : null);
  }

  async #delete(worker: Worker): Promise<void> {
    const key = this.key();
    const recording = this.history.invoke(worker.name, key, { kind: "delete" });
    const remove = (): Promise<boolean> => worker.data.map(this.map).delete(key, timeoutOf(worker));
    await recorded(worker, recording, remove, (wasThere) => wasThere);
    this.#seen.delete(key);
  }
}
