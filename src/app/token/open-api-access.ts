/**
 * API tokens of a node put together: keys and list from their files, which are followed while they change; the contract `auth`;
 * who sends a request; what nodes tell each other. It can be asked as soon as it is open, and meets other nodes with `join`.
 */
import { dirname } from "node:path";
import { type Clock, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import { type ApiTokenCounts, ApiTokens, Lockout } from "../../edge/token/index.ts";
import type { Keyring, Tokens } from "../../wire/auth/index.ts";
import type { LinkPool } from "../../wire/link/index.ts";
import type { Service } from "../../wire/rpc/index.ts";
import { transportTo } from "../node/node-data.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { watchKeys } from "../secrets/watch-keys.ts";
import { stateDirectory } from "../self.ts";
import { watchFiles } from "../watch-files.ts";
import { AuthPeers, type AuthPeersPorts } from "./auth-peers.ts";
import { authService, type News, NOBODY_TOLD } from "./auth-service.ts";
import { type Authenticate, authenticator } from "./authenticate.ts";
import { audienceOf } from "./cluster-audience.ts";
import { secretFrom } from "./jwt-secret.ts";
import { ownKeyRing, readKeyRing, rotateKeyFile } from "./key-file.ts";
import { tokenPlaces } from "./places.ts";
import { TokenLedger } from "./token-ledger.ts";

export interface ApiAccessOptions {
  /** Of this node. */
  readonly id: string;
  readonly isTls: boolean;
  readonly keyring: Keyring;
  /** Of the cluster key: API keys lie beside it. */
  readonly keyFile: string;
  readonly dataDir: string | undefined;
  readonly clusterTokens: Pick<Tokens, "verify">;
  /** To whom tokens under the cluster's key have to be addressed. */
  readonly audiences: () => readonly string[];
  readonly logger: Logger;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** Seldom does a command change these files beside a running node, and each look wakes a process that has nothing to do. */
const LEDGER_LOOK_MS = 1_000;

export interface AuthCounts extends ApiTokenCounts {
  /** How often an address was locked out. */
  readonly locks: number;
  readonly lockAddresses: number;
}

/** How it reaches the other nodes. */
export type PeerPorts = Pick<AuthPeersPorts, "others" | "onCame" | "random">;

export interface ApiAccess {
  /** Fails with `rpc.unauthenticated` or `auth.locked_out`; the address is the sender's. */
  readonly authenticate: Authenticate;
  /** The contract `auth`. */
  readonly service: Service;
  readonly tokens: ApiTokens;
  counts(): AuthCounts;
  /** From now on it tells other nodes, and asks them. */
  join(peers: PeerPorts): void;
  close(): void;
}

/** Makes the keys on the first run. Fails with `auth.jwt_secret_weak`, `auth.key_file`, `auth.token_file`, `auth.file_not_private`. */
export function openApiAccess(options: ApiAccessOptions): ApiAccess {
  const { audiences, clusterTokens, clock = systemClock, env = process.env, id, isTls, keyFile, logger } = options;
  const secret = secretFrom(env);
  const places = tokenPlaces(keyFile, stateDirectory(options.dataDir));
  const keys = ownKeyRing(places.keys, clock);
  const ledger = new TokenLedger(places.tokens, clock);
  let keyring = options.keyring;
  let peers: AuthPeers | undefined;
  const tokens = new ApiTokens({
    issuer: id,
    audiences: keyring.keys.map(audienceOf),
    keys,
    ...(secret && { secret }),
    clock,
    entropy: systemEntropy,
    askKeys: async (issuer) => peers?.askKeys(issuer),
  });
  tokens.revoke(ledger.state.revoked);
  const follow = new FileFollower({ tokens, ledger, keysPath: places.keys, clock, logger, tell: (news) => tell(news) });
  const watches = [
    watchFiles([{ path: places.keys }, { path: places.tokens }], clock, () => follow.look(), LEDGER_LOOK_MS),
    watchKeys(keyFile, keyring, {
      clock,
      rotated(next) {
        keyring = next;
        tokens.readdress(next.keys.map(audienceOf));
      },
      warn: () => {}, // whoever opens links tells it
    }),
  ];
  const tell = async (news: News) => (await peers?.tell(news)) ?? NOBODY_TOLD;
  const lockout = new Lockout(clock);
  const warn = warnOnceAWhile(logger, clock);
  return {
    tokens,
    authenticate: authenticator({
      ...{ audiences, clusterTokens, lockout, tokens },
      refused: ({ code, message }, address) => warn(`a request was refused: ${code}`, { address, why: message }),
      lockedOut: (address, waitMs) => warn("an address is locked out: too many wrong tokens", { address, waitMs }),
    }),
    service: authService({
      ...{ clock, isTls, ledger, node: id, tell, tokens },
      audience: () => audienceOf(keyring.first),
      rotate: (forget) =>
        rotateKeyFile(places.keys, clock, { forget, lastExpiry: (keyId) => ledger.refresh().lastExpiry[keyId] ?? 0 }),
    }),
    counts() {
      const { addresses, locks } = lockout.counts();
      return { ...tokens.counts(), locks, lockAddresses: addresses };
    },
    join(ports) {
      peers?.close();
      peers = new AuthPeers({ ...ports, tokens, ledger, logger, clock });
    },
    close() {
      for (const watch of watches) watch.close();
      peers?.close();
    },
  };
}

/** Over the links of a node that is a member. */
export function peersOverLinks(
  membership: Pick<Membership, "self" | "members" | "on">,
  links: Pick<LinkPool, "byId" | "get">,
  random: Random,
): PeerPorts {
  const isThere = (state: string): boolean => state === "alive" || state === "suspect";
  return {
    random,
    others: () =>
      membership
        .members()
        .filter(({ id, state }) => id !== membership.self.id && isThere(state))
        .map((member) => ({ id: member.id, transport: transportTo(member, links) })),
    onCame: (hear) =>
      membership.on((event) => {
        if (event.kind === "join" || event.kind === "alive") hear(event.member.id);
      }),
  };
}

interface FollowParts {
  readonly tokens: ApiTokens;
  readonly ledger: TokenLedger;
  readonly keysPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tell: (news: News) => Promise<unknown>;
}

/** Takes over what another process has changed: a command, or a node that shares the directory. What cannot be used changes nothing. */
class FileFollower {
  readonly #parts: FollowParts;

  constructor(parts: FollowParts) {
    this.#parts = parts;
  }

  look(): void {
    const { clock, keysPath, ledger, logger, tell, tokens } = this.#parts;
    try {
      const ring = readKeyRing(keysPath);
      const isNew = !ring.sameAs(tokens.keys);
      if (isNew) tokens.rotate(ring);
      const revoked = tokens.revoke(ledger.refresh().revoked);
      const keys = ring.publicKeys(clock.now()).map((key) => ({ ...key }));
      if (isNew || revoked.length > 0) void tell({ ...(isNew && { keys }), revoked });
      if (isNew) logger.info("API keys replaced");
    } catch (thrown) {
      logger.warn(`API keys and revoked tokens in ${dirname(keysPath)} stay as they were: ${messageOf(thrown)}`);
    }
  }
}
