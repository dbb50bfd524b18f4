/**
 * A client of the replicated data for a process that is no node: asks masters by their addresses, or those of this machine, and
 * goes on to the next one when one does not answer.
 */
import { randomInt, randomUUID } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { DataClient, type Way } from "../../data/client/index.ts";
import { transportsTo } from "../node/ask-node.ts";

export interface DataChoices {
  /** `host:port` of masters, any of them will do; without it those that run on this machine with this data directory. */
  readonly nodes?: readonly string[] | undefined;
  /** A directory made by `init`, where the nodes go by one; DISTRIBUTED_SYSTEM_SECRETS unless told. */
  readonly secrets?: string | undefined;
  /** DISTRIBUTED_SYSTEM_DATA_DIR unless told. */
  readonly dataDir?: string | undefined;
  /** What each call may take unless it says otherwise (15 s). */
  readonly timeoutMs?: number | undefined;
}

/** Fails with `usage.node` and `cluster.no_node`; that nobody answers comes out with the first call. */
export async function connectData(choices: DataChoices = {}): Promise<DataClient> {
  const { env } = process; // as commands and nodes have it
  const { dataDir = env.DISTRIBUTED_SYSTEM_DATA_DIR, nodes, timeoutMs } = choices;
  const secrets = choices.secrets ?? (env.DISTRIBUTED_SYSTEM_SECRETS || undefined);
  const node = nodes && nodes.length > 0 ? nodes.join(",") : undefined;
  const found = await transportsTo({ node, secrets, dataDir, timeoutMs: 0, access: "operate", commands: ["master"] });
  const ways = found.map((way): Way => ({ ...way, node: way.name })); // `host:port`, when they were named so
  return dataClient(() => ways, timeoutMs);
}

/** A name that nobody else has ever had: of a session, a holder, a transaction. */
export function newId(): string {
  return randomUUID();
}

/** Over whatever ways there are at each moment. */
export function dataClient(ways: () => readonly Way[], timeoutMs?: number): DataClient {
  return new DataClient({
    clock: systemClock,
    random: seededRandom(randomInt(2 ** 32)),
    newId,
    ways,
    timeoutMs,
  });
}
