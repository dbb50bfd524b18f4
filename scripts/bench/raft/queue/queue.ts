/** Durable messages: sent, taken and acknowledged, everybody in turn, the median of each figure. Half of the messages first, to warm up. */
import { median } from "../../common/statistics.ts";
import { table } from "../../common/table.ts";
import { inTurn, present } from "../contestant.ts";
import type { Options } from "../options.ts";
import type { Site } from "../site.ts";
import { bullmq } from "./bullmq.ts";
import { nats } from "./nats.ts";
import { ours } from "./ours.ts";
import type { QueueResult, QueueWork } from "./work.ts";

const SIZE_BYTES = 256;
const AT_ONCE = 64;

export function queueWork(messages: number): QueueWork {
  return { messages, sizeBytes: SIZE_BYTES, atOnce: AT_ONCE };
}

/** False when somebody has lost or doubled a message. */
export async function measureQueue(site: Site, { messages, peers, runs }: Options): Promise<boolean> {
  const contestants = present([
    ...(peers.includes("ours") ? ours(site) : []),
    ...(peers.includes("bullmq") ? await bullmq(site) : []),
    ...(peers.includes("nats") ? await nats(site) : []),
  ]);
  const results = await inTurn(contestants, queueWork(messages), runs);
  const rows = contestants.map(({ label }, index) => row(label, results[index]!));
  const title = `messages of ${SIZE_BYTES} bytes, ${AT_ONCE} producers, ${AT_ONCE} being worked on`;
  console.log(`${table([title, "a second", "from", "to", "send p50", "p99"], rows)}\n`);
  return results.flat().every(({ done }) => done === messages);
}

function row(label: string, runs: readonly QueueResult[]): string[] {
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
