/** What the commands `nodes` and `cluster` ask: each one call of the contract `cluster`. */
import { systemClock } from "../../base/clock.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "./ask-node.ts";
import {
  type ClusterClient,
  type ClusterStatus,
  clusterContract,
  type MemberInfo,
  type MemberWhy,
} from "./cluster-contract.ts";

export type { ClusterStatus, MemberInfo, MemberWhy } from "./cluster-contract.ts";

export function askNodes(choices: AskChoices): Promise<Asked<{ readonly nodes: readonly MemberInfo[] }>> {
  return ask(choices, (client) => client.nodes({}));
}

export function askStatus(choices: AskChoices): Promise<Asked<ClusterStatus>> {
  return ask(choices, (client) => client.status({}));
}

export function askWhy(choices: AskChoices, node: string): Promise<Asked<MemberWhy>> {
  return ask(choices, (client) => client.explain({ node }));
}

function ask<T>(choices: AskChoices, question: (client: ClusterClient) => Promise<T>): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askNode(choices, (transport) =>
    question(createClient(clusterContract, transport, { clock: systemClock, timeoutMs })),
  );
}
