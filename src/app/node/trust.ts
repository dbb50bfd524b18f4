/** What a node shows to others and asks of them: tokens and seals, which follow the key file while it changes. */
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { GossipSeal, Tokens } from "../../wire/auth/index.ts";
import type { LinkAuth } from "../../wire/link/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import type { Secrets } from "../secrets/load-secrets.ts";
import { watchKeys } from "../secrets/watch-keys.ts";

export interface Trust {
  readonly tokens: Tokens;
  readonly seal: GossipSeal;
  close(): void;
}

export function openTrust({ keyring, keyFile, identity, identities }: Secrets, logger: Logger): Trust {
  const ports = { keyring, clock: systemClock, entropy: systemEntropy };
  const tokens = new Tokens({ ...ports, ...(identity && { identity }), ...(identities && { identities }) });
  const seal = new GossipSeal(ports);
  const watch = watchKeys(keyFile, keyring, {
    clock: systemClock,
    rotated(next) {
      tokens.rotate(next);
      seal.rotate(next);
      logger.info("cluster keys replaced");
    },
    warn: (text) => logger.warn(text),
  });
  return { tokens, seal, close: () => watch.close() };
}

export function authOf(tokens: Tokens, id: string): LinkAuth {
  return {
    token: (audience) => tokens.issue({ sub: id, aud: audience }),
    verify: (token, audience) => tokens.verify(token, audience),
  };
}
