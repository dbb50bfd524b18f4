/** The command line of the Raft benchmark. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chosenNames } from "../common/chosen-names.ts";
import { wholeNumber } from "../common/whole-number.ts";

export const NAMES = ["kv", "failover", "queue", "log"] as const;
export type Name = (typeof NAMES)[number];

export const PEERS = ["ours", "etcd", "bullmq", "nats"] as const;
export type PeerName = (typeof PEERS)[number];

export interface Options {
  readonly only: readonly Name[];
  readonly peers: readonly PeerName[];
  readonly runs: number;
  readonly stepMs: number;
  readonly kills: number;
  readonly messages: number;
  /** Of everybody's data. */
  readonly directory: string;
  readonly isProfile: boolean;
}

export const USAGE = `npm run bench:raft -- [options]
  --only A,B       these measurements alone: ${NAMES.join(", ")}
  --peers A,B      these take part alone: ${PEERS.join(", ")}
  --runs N         of everybody, in turn; medians count (default 3)
  --step-ms N      each step of kv, after half as long to warm up (default 4,000)
  --kills N        of leaders, in failover (default 200)
  --messages N     through each queue (default 20,000)
  --directory DIR  where everybody's data lie, on a disk and not in memory (default: the temporary directory)
  --profile        kv and queue with the CPU profile of each of our masters and of the load instead of the comparison`;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean" },
      only: { type: "string" },
      peers: { type: "string" },
      runs: { type: "string" },
      "step-ms": { type: "string" },
      kills: { type: "string" },
      messages: { type: "string" },
      directory: { type: "string" },
      profile: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  return {
    only: chosenNames(values.only, NAMES),
    peers: chosenNames(values.peers, PEERS),
    runs: wholeNumber("runs", values.runs, 3),
    stepMs: wholeNumber("step-ms", values["step-ms"], 4_000),
    kills: wholeNumber("kills", values.kills, 200),
    messages: wholeNumber("messages", values.messages, 20_000),
    directory: resolve(values.directory ?? tmpdir()),
    isProfile: values.profile ?? false,
  };
}
