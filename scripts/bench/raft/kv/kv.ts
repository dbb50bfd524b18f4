/** Puts and linearizable reads: three of each make on this machine, everybody in turn, the median of each figure. */

import type { Figures } from "../../common/figures.ts";
import { median } from "../../common/statistics.ts";
import { table } from "../../common/table.ts";
import { inTurn, present } from "../contestant.ts";
import type { Options } from "../options.ts";
import type { Site } from "../site.ts";
import { etcd } from "./etcd.ts";
import { ours } from "./ours.ts";
import type { KvWork, Step } from "./work.ts";

const KEYS = 2_000;
const VALUE_BYTES = 256;
const KINDS = [
  { op: "put", clients: 1 },
  { op: "put", clients: 64 },
  { op: "get", clients: 64 },
] as const;

export function kvWork(stepMs: number): KvWork {
  const steps = KINDS.map((kind): Step => ({ ...kind, warmMs: stepMs / 2, ms: stepMs }));
  return { keys: KEYS, valueBytes: VALUE_BYTES, steps };
}

export async function measureKv(site: Site, { peers, runs, stepMs }: Options): Promise<void> {
  const contestants = present([
    ...(peers.includes("ours") ? ours(site) : []),
    ...(peers.includes("etcd") ? [await etcd(site)] : []),
  ]);
  const results = await inTurn(contestants, kvWork(stepMs), runs);
  for (const [step, { clients, op }] of KINDS.entries()) {
    const title = `${op === "put" ? "puts" : "linearizable reads"}, ${clients} at once`;
    const rows = contestants.map(({ label }, index) =>
      row(
        label,
        results[index]!.map((run) => run[step]!),
      ),
    );
    console.log(`${table([title, "a second", "from", "to", "p50", "p99"], rows)}\n`);
  }
}

function row(label: string, runs: readonly Figures[]): string[] {
  const rates = runs.map(({ perSecond }) => perSecond);
  const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
  const ms = (values: readonly number[]): string => `${median(values).toFixed(2)} ms`;
  return [
    label,
    whole(median(rates)),
    whole(Math.min(...rates)),
    whole(Math.max(...rates)),
    ms(runs.map(({ p50Ms }) => p50Ms)),
    ms(runs.map(({ p99Ms }) => p99Ms)),
  ];
}
