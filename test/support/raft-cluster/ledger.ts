/**
 * The plainest promise: what was acknowledged is there. Each entry is put once under a key of its own; each addition to a counter counts
 * once. Whoever has put something looks for it every now and then, on whichever node answers.
 */
import { shortened } from "./histories.ts";
import { attempt, insist, type Judgement, timeoutOf, type Worker, type Workload } from "./workload.ts";

const MAP = "chaos-ledger";
const COUNTER = "chaos-counter";
const LISTED_MAX = 1_000;

export interface LedgerRecord {
  readonly key: string;
  readonly value: string;
  outcome: "ok" | "failed" | "unknown";
}

export class Ledger implements Workload {
  readonly name = "ledger";
  readonly records: LedgerRecord[] = [];
  readonly #sums = { told: [] as number[], unknown: 0 };
  readonly #faults: string[] = [];

  async step(worker: Worker): Promise<void> {
    const dice = worker.random.below(4);
    if (dice === 0) await this.#look(worker);
    else if (dice === 1) await this.#count(worker);
    else await this.#put(worker);
  }

  async finish(worker: Worker): Promise<void> {
    const found = await insist(worker, async () => {
      const map = new Map<string, string>();
      const pages = worker.data.map(MAP).entries({ limit: LISTED_MAX, ...timeoutOf(worker) });
      for await (const { key, value } of pages) map.set(key, String(value));
      return map;
    });
    const sum = await insist(worker, () => worker.data.counter(COUNTER).get());
    this.#faults.push(...judgeLedger(this.records, found), ...judgeSums(this.#sums.told, this.#sums.unknown, sum));
  }

  judge(): Judgement {
    return { workload: this.name, faults: shortened(this.#faults), undecided: 0 };
  }

  async #put(worker: Worker): Promise<void> {
    const serial = this.records.length;
    const record: LedgerRecord = { key: `k${serial}`, value: `${worker.name}-${serial}`, outcome: "unknown" };
    this.records.push(record);
    const put = () => worker.data.map(MAP).put(record.key, record.value, timeoutOf(worker));
    record.outcome = (await attempt(worker, put)).kind;
  }

  async #look(worker: Worker): Promise<void> {
    const record = this.records[worker.random.below(Math.max(1, this.records.length))];
    if (record?.outcome !== "ok") return;
    const outcome = await attempt(worker, () => worker.data.map(MAP).get(record.key, timeoutOf(worker)));
    if (outcome.kind !== "ok" || outcome.answer?.value === record.value) return;
    this.#faults.push(`${record.key} was acknowledged as ${record.value}; a read gave ${outcome.answer?.value}`);
  }

  async #count(worker: Worker): Promise<void> {
    const outcome = await attempt(worker, () => worker.data.counter(COUNTER).add(1, timeoutOf(worker)));
    if (outcome.kind === "ok") this.#sums.told.push(outcome.answer);
    else if (outcome.kind === "unknown") this.#sums.unknown++;
  }
}

export function judgeLedger(records: readonly LedgerRecord[], found: ReadonlyMap<string, string>): string[] {
  const known = new Set(records.map(({ key }) => key));
  const strangers = [...found.keys()]
    .filter((key) => !known.has(key))
    .map((key) => `${key} is there, and nobody put it`);
  return strangers.concat(
    records.flatMap(({ key, outcome, value }) => {
      const there = found.get(key);
      if (there !== undefined && there !== value) return [`${key} holds ${there}, and only ${value} was ever put`];
      if (outcome === "ok" && there === undefined) return [`${key} was acknowledged, and is lost`];
      return outcome === "failed" && there !== undefined ? [`${key} was refused, and is there`] : [];
    }),
  );
}

/** Additions of one: every sum is told to one client at most, and counts. */
export function judgeSums(told: readonly number[], unknown: number, sum: number): string[] {
  const faults: string[] = [];
  const twice = told.length - new Set(told).size;
  if (twice > 0) faults.push(`${twice} additions were answered with a sum that another one had`);
  if (sum < told.length) faults.push(`the counter is at ${sum}, and ${told.length} additions were acknowledged`);
  if (sum > told.length + unknown) {
    faults.push(`the counter is at ${sum}; ${told.length} additions were acknowledged and ${unknown} are unknown`);
  }
  return faults;
}
