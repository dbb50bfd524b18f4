/**
 * What makes a port mapper one user's: tokens under the cluster key of the user's state directory, whatever keys a node is
 * given for its cluster. So all of a user's processes on a host share one port mapper, and nobody else's do.
 */
import { systemClock } from "../../base/clock.ts";
import type { PmdAuth } from "../../cluster/pmd/index.ts";
import { Tokens } from "../../wire/auth/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { layoutOf } from "../secrets/layout.ts";
import { ownKeyring } from "../secrets/own-key.ts";
import { type KeyWatch, watchKeys } from "../secrets/watch-keys.ts";
import { stateDirectory } from "../self.ts";

export interface OwnPmdAuth extends PmdAuth {
  /** For processes that stay: takes over a key file that changes. To be closed. */
  followKeys(warn: (text: string) => void): KeyWatch;
}

/** Makes the key when there is none. Fails as reading it does. */
export function ownPmdAuth(dataDir: string | undefined): OwnPmdAuth {
  const { keyFile } = layoutOf(stateDirectory(dataDir));
  const keyring = ownKeyring(keyFile, systemEntropy);
  const tokens = new Tokens({ keyring, clock: systemClock, entropy: systemEntropy });
  const sub = `process-${process.pid}`;
  return {
    followKeys: (warn) =>
      watchKeys(keyFile, keyring, { clock: systemClock, rotated: (next) => tokens.rotate(next), warn }),
    token: (aud) => tokens.issue({ sub, aud, role: "client", access: "operate" }),
    verify: async (token, aud) => {
      const { id, access } = await tokens.verify(token, aud);
      return { name: id, access };
    },
  };
}
