/** What the command `metrics` asks: one running instance of this machine, whatever it does, or any node by its address. */
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { createClient, type Transport, unixTransport } from "../../wire/rpc/index.ts";
import { readEntries } from "../control/entries.ts";
import { type AskChoices, askNode } from "../node/ask-node.ts";
import { stateDirectory } from "../self.ts";
import { metricsContract } from "./metrics-contract.ts";

export interface MetricsChoices extends AskChoices {
  /** Of this machine: only this process. */
  readonly instance: number | undefined;
  readonly format: "prometheus" | "openmetrics";
}

/** Fails with `instance.not_found` when none runs here, `instance.ambiguous` when several do and none is named. */
export async function askMetrics({ format, instance, ...choices }: MetricsChoices): Promise<string> {
  const { timeoutMs } = choices;
  const ask = async (transport: Transport): Promise<string> => {
    const client = createClient(metricsContract, transport, { clock: systemClock, timeoutMs });
    return (await client.text({ format })).text;
  };
  if (choices.node !== undefined) return (await askNode(choices, ask)).answer;
  return ask(unixTransport(socketOf(stateDirectory(choices.dataDir), instance)));
}

function socketOf(dataDir: string, instance: number | undefined): string {
  const entries = readEntries(dataDir).filter(({ pid }) => instance === undefined || pid === instance);
  const [only, ...others] = entries;
  if (only === undefined) {
    const who = instance === undefined ? "no instance runs" : `process ${instance} is no instance that runs`;
    throw new Failure("instance.not_found", `${who} with the data directory ${dataDir}; --node HOST:PORT asks a node`);
  }
  if (others.length === 0) return only.socket;
  const all = entries.map(({ command, pid, pipeline }) => `${pid} (${command} ${pipeline})`).join(", ");
  throw new Failure("instance.ambiguous", `several instances run: ${all}; --instance PID is required`);
}
