/** Asks the masters that run here, with this data directory, how their groups are. */
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { raftContract } from "../../data/contract/index.ts";
import { createClient, unixTransport } from "../../wire/rpc/index.ts";
import { type InstanceEntry, surveyEntries } from "../control/entries.ts";
import type { Diagnosis } from "./check.ts";
import { judgeMasters, type MasterFacts } from "./judge-masters.ts";

/** Within the time of the whole look: what is silent for so long is told as silent, and the others as they are. */
const ANSWER_MS_MAX = 1_500;

export async function probeMasters(dataDir: string): Promise<Diagnosis> {
  const masters = surveyEntries(dataDir).entries.filter(({ command }) => command === "master");
  return judgeMasters(await Promise.all(masters.map(ask)));
}

async function ask({ pid, pipeline: id, socket }: InstanceEntry): Promise<MasterFacts> {
  const name = `${id} (process ${pid})`;
  try {
    const { status } = createClient(raftContract, unixTransport(socket), { clock: systemClock });
    return { name, groups: (await status({}, { timeoutMs: ANSWER_MS_MAX })).groups };
  } catch (thrown) {
    return { name, groups: { failure: messageOf(thrown) } };
  }
}
