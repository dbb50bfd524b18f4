/** A port mapper's client put together: the system's clock and chance, and the user's own key. */
import { randomBytes } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { type PmdAuth, PmdClient } from "../../cluster/pmd/index.ts";
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

/** `revive` starts a port mapper where none runs. */
export function clientOf(port: number, auth: PmdAuth, revive?: () => Promise<void>): PmdClient {
  return new PmdClient({
    port,
    auth,
    clock: systemClock,
    random: seededRandom(randomBytes(4).readUInt32LE()),
    nonce: () => randomBytes(18).toString("base64url"),
    ...(revive && { revive }),
  });
}
