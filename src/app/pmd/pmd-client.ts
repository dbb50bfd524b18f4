/** A port mapper's client put together: the user's own key, the system's clock and chance. */
import { randomBytes } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { type PmdAuth, PmdClient, type Registration } from "../../cluster/pmd/index.ts";
import { startTicksOf } from "../../process/limits/index.ts";
import { ownPmdAuth } from "./pmd-auth.ts";

export interface PmdPlace {
  readonly port: number;
  /** Where the user's key lies; undefined for the user's state directory. */
  readonly dataDir: string | undefined;
}

/** For commands: asks, and starts nothing. */
export function openPmdClient({ port, dataDir }: PmdPlace): PmdClient {
  return clientOf(port, ownPmdAuth(dataDir));
}

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

function clientOf(port: number, auth: PmdAuth, revive?: () => Promise<void>): PmdClient {
  return new PmdClient({
    port,
    auth,
    clock: systemClock,
    random: seededRandom(randomBytes(4).readUInt32LE()),
    nonce: () => randomBytes(18).toString("base64url"),
    ...(revive && { revive }),
  });
}
