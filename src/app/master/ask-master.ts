/** What the commands that talk to a master ask: each one call of the contract `pipelines`. */
import { systemClock } from "../../base/clock.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "../node/ask-node.ts";
import { type PipelinesClient, pipelinesContract } from "./pipelines-contract.ts";

export type { PipelineView, WorkerInfo } from "./pipelines-contract.ts";

/** A master of this machine, or whoever `--node` names. */
export function askMaster<T>(
  choices: AskChoices,
  question: (client: PipelinesClient) => Promise<T>,
): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askNode({ ...choices, access: "operate", commands: ["master"] }, (transport) =>
    question(createClient(pipelinesContract, transport, { clock: systemClock, timeoutMs })),
  );
}
