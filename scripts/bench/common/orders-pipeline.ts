/** The pipeline that the benchmarks run: five plugins over orders, one line each. */
import { join } from "node:path";
import type { BenchInput } from "./orders.ts";

/** Of the stages only group-sums keeps a state. */
export const STAGES = ["filter", "total", "category", "email-hash", "group-sums"] as const;

export const PLUGINS = join(import.meta.dir, "..", "pipeline", "plugins");

export interface OrdersPipeline {
  readonly input: BenchInput;
  readonly output: string;
  /** Policy and retries of each stage, as in the file. */
  readonly policy: string;
  /** For the `set` line. */
  readonly settings?: string;
  /** Further parameters of each stage, such as `standby=1`. */
  readonly params?: string;
}

export function pipelineText({ input, output, policy, settings, params }: OrdersPipeline): string {
  const own: Readonly<Record<string, string>> = { filter: "min_amount=150", category: `table=${input.products}` };
  const stages = STAGES.map((name) => {
    const words = [own[name], params].filter((text) => text !== undefined && text !== "").join(",");
    return `${name}|${join(PLUGINS, `${name}.ts`)}|${words}|true|${policy}|10000`;
  });
  const set = settings ? [`set|${settings}`] : [];
  const ends = { source: `orders|source:ndjson|path=${input.orders}`, sink: `sink|sink:ndjson|path=${output}` };
  return `${[...set, ends.source, ...stages, ends.sink].join("\n")}\n`;
}
