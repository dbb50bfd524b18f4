/** A node's side of the port mapper: registers and watches through restarts, and starts a port mapper where none runs. */
import type { PmdClient, Registration } from "../../cluster/pmd/index.ts";
import { startTicksOf } from "../../process/limits/index.ts";
import { clientOf, type PmdPlace } from "./open-pmd.ts";
import { ownPmdAuth } from "./pmd-auth.ts";

export interface NodePmd {
  readonly client: PmdClient;
  /** Unregisters and ends what is watched. */
  close(): Promise<void>;
}

export interface NodePmdOptions {
  readonly warn: (text: string) => void;
  /** How to start this program, where it is not the one that runs now. */
  readonly program?: readonly string[];
}

/** For nodes: starts a port mapper where none runs, and goes with the user's key when that changes. */
export function openNodePmd(place: PmdPlace, { warn, program }: NodePmdOptions): NodePmd {
  const auth = ownPmdAuth(place.dataDir);
  const keys = auth.followKeys(warn);
  const client = clientOf(place.port, auth, async () => {
    const { ensurePmd } = await import("./ensure-pmd.ts");
    await ensurePmd(place, program);
  });
  return {
    client,
    close: async () => {
      keys.close();
      await client.close();
    },
  };
}

/** What a registration says of this process. */
export function ownProcess(): Pick<Registration, "pid" | "startTime"> {
  const startTime = startTicksOf("self");
  return { pid: process.pid, ...(startTime !== undefined && { startTime }) };
}
