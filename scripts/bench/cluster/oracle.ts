/**
 * What has to come out, worked out from the input alone and not by the program under test: each order has one fate, and the
 * output is held against all of them. Then the counts, and at last the bytes of an undisturbed run.
 */
import { readFileSync } from "node:fs";
import { BRITTLE_ONE_IN, MIN_AMOUNT, UNWANTED_ONE_IN } from "./chaos-pipeline.ts";

interface Order {
  readonly order_id: number;
  readonly amount: number;
  readonly quantity: number;
  readonly country: string;
  readonly product: string;
}

interface Group {
  orders: number;
  total_sum: number;
}

export type Fate = "out" | "filtered" | "dead" | "skipped";

export interface Obligations {
  readonly fates: ReadonlyMap<number, Fate>;
  readonly totals: ReadonlyMap<number, number>;
  /** What the numbering stage gives each order that comes by there. */
  readonly numbers: ReadonlyMap<number, number>;
  /** By category and country, in the order in which they come up. */
  readonly sums: ReadonlyMap<string, Group>;
  readonly counts: Readonly<Record<Fate, number>>;
}

/** Faults that are told one by one; the others are counted. */
const TOLD_MAX = 10;

export function obligationsOf(ordersPath: string, productsPath: string): Obligations {
  const categories = new Map(
    linesOf(productsPath)
      .slice(1)
      .map((line) => line.split(",") as [string, string]),
  );
  const fates = new Map<number, Fate>();
  const totals = new Map<number, number>();
  const numbers = new Map<number, number>();
  const sums = new Map<string, Group>();
  const counts = { out: 0, filtered: 0, dead: 0, skipped: 0 };
  for (const line of linesOf(ordersPath)) {
    const order = JSON.parse(line) as Order; // made by the benchmark
    const fate = fateOf(order);
    counts[fate]++;
    fates.set(order.order_id, fate);
    if (fate === "out" || fate === "filtered") numbers.set(order.order_id, numbers.size + 1);
    if (fate !== "out") continue;
    const total = order.amount * order.quantity;
    totals.set(order.order_id, total);
    const key = `${categories.get(order.product)}/${order.country}`;
    const group = sums.get(key) ?? { orders: 0, total_sum: 0 };
    group.orders++;
    group.total_sum += total;
    sums.set(key, group);
  }
  return { fates, totals, numbers, sums, counts };
}

function fateOf({ amount, order_id: id }: Order): Fate {
  if (id % UNWANTED_ONE_IN === 0) return "dead";
  if (id % BRITTLE_ONE_IN === 0) return "skipped";
  return amount < MIN_AMOUNT ? "filtered" : "out";
}

/** In words, every obligation that was not met. */
export function outputFaults({ counts, fates, numbers, sums, totals }: Obligations, path: string): string[] {
  const faults = new Faults();
  const seen = new Set<number>();
  const groups = new Set<string>();
  let last = 0;
  for (const line of linesOf(path)) {
    const record = parsed(line);
    if (!record) faults.add("no record", line.slice(0, 80));
    else if (record.order_id === undefined) {
      const key = `${record.category}/${record.country}`;
      const group = sums.get(key);
      if (groups.has(key)) faults.add("sums doubled", key);
      if (group?.orders !== record.orders || group?.total_sum !== record.total_sum) faults.add("sums wrong", line);
      groups.add(key);
    } else {
      const id = record.order_id as number;
      if (seen.has(id)) faults.add("doubled", id);
      if (fates.get(id) !== "out") faults.add(`${fates.get(id) ?? "unknown"}, but written`, id);
      else if (record.total !== totals.get(id)) faults.add("another payload", id);
      if (record.number !== undefined && record.number !== numbers.get(id)) faults.add("another number", id);
      if (id <= last) faults.add("out of order", `${id} after ${last}`);
      seen.add(id);
      last = id;
    }
  }
  if (seen.size < counts.out)
    for (const [id, fate] of fates) if (fate === "out" && !seen.has(id)) faults.add("lost", id);
  for (const key of sums.keys()) if (!groups.has(key)) faults.add("sums lost", key);
  return faults.told();
}

/** Each dead letter once. */
export function deadLetterFaults({ fates }: Obligations, path: string): string[] {
  const faults = new Faults();
  const seen = new Set<number>();
  for (const line of linesOf(path)) {
    const id = (parsed(line)?.record as { order_id?: number } | undefined)?.order_id;
    if (id === undefined) faults.add("no dead letter", line.slice(0, 120));
    else if (fates.get(id) !== "dead") faults.add(`${fates.get(id) ?? "unknown"}, but a dead letter`, id);
    else if (seen.has(id)) faults.add("dead letter doubled", id);
    else seen.add(id);
  }
  for (const [id, fate] of fates) if (fate === "dead" && !seen.has(id)) faults.add("dead letter lost", id);
  return faults.told();
}

/** The master's own last word on the pipeline. */
export interface Account {
  readonly read: number;
  readonly written: number;
  readonly deadLettered: number;
  readonly stages: readonly { readonly name: string; readonly in: number; readonly out: number }[];
}

export function accountFaults({ counts, fates, sums }: Obligations, account: Account): string[] {
  const stage = (name: string) => account.stages.find((each) => each.name === name);
  const drop = (name: string): number => (stage(name)?.in ?? 0) - (stage(name)?.out ?? 0);
  const rows: [string, number, number][] = [
    ["read", account.read, fates.size],
    ["written", account.written, counts.out + sums.size],
    ["dead letters", account.deadLettered, counts.dead],
    ["skipped", drop("brittle"), counts.skipped],
    ["filtered", drop("filter"), counts.filtered],
  ];
  return rows.flatMap(([what, told, due]) =>
    told === due ? [] : [`the master told of ${told} ${what}; it is ${due}`],
  );
}

class Faults {
  readonly #byKind = new Map<string, (string | number)[]>();

  add(kind: string, what: string | number): void {
    this.#byKind.set(kind, [...(this.#byKind.get(kind)?.slice(0, TOLD_MAX) ?? []), what]);
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  readonly #counts = new Map<string, number>();

  told(): string[] {
    return Array.from(
      this.#byKind,
      ([kind, some]) => `${this.#counts.get(kind)} ${kind}: ${some.slice(0, TOLD_MAX).join(", ")}`,
    );
  }
}

function linesOf(path: string): string[] {
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // told by who asks
  }
}
