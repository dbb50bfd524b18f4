/**
 * Fifth stage of the benchmark: counts and sums the totals by category and country. The records pass on; behind the last
 * one come the sums, a record each. The state travels with the checkpoint, so a crash neither loses nor doubles an order.
 */
import { definePlugin } from "distributed-system";

interface Group {
  readonly category: string;
  readonly country: string;
  orders: number;
  total_sum: number;
}

let groups = new Map<string, Map<string, Group>>();

function groupOf(category: string, country: string): Group {
  return groups.get(category)?.get(country) ?? newGroup(category, country);
}

function newGroup(category: string, country: string): Group {
  const group = { category, country, orders: 0, total_sum: 0 };
  const countries = groups.get(category) ?? new Map<string, Group>();
  countries.set(country, group);
  groups.set(category, countries);
  return group;
}

function allGroups(): Group[] {
  return [...groups.values()].flatMap((countries) => [...countries.values()]);
}

export default definePlugin({
  info: { name: "bench-group-sums", version: "1.0.0", description: "sums totals by category and country" },
  params: {},
  init() {
    groups = new Map();
  },
  processBatch(batch) {
    const categories = batch.column("category");
    const countries = batch.column("country");
    const totals = batch.column("total")?.numbers();
    if (categories === undefined || countries === undefined || totals === undefined) return;
    for (let row = 0; row < batch.length; row++) {
      if (!batch.isLive(row)) continue;
      const group = groupOf(categories.string(row) ?? "", countries.string(row) ?? "");
      group.orders++;
      group.total_sum += totals[row]!;
    }
  },
  finish(batch) {
    for (const group of allGroups()) batch.append({ ...group });
  },
  cleanup() {},
  snapshot() {
    return allGroups();
  },
  restore(snapshot) {
    groups = new Map();
    for (const { category, country, orders, total_sum } of snapshot as readonly Group[]) {
      Object.assign(groupOf(category, country), { orders, total_sum });
    }
  },
});
