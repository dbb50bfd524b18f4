/** What the tests of the contract `auth` share: nodes that tell each other, over a net that can be cut, with lists that can fail. */
import { type AuthClient, authContract, type TokenWish } from "../../../../src/app/token/auth-contract.ts";
import { type AuthPeer, AuthPeers } from "../../../../src/app/token/auth-peers.ts";
import { authService } from "../../../../src/app/token/auth-service.ts";
import { EMPTY_LEDGER, type Ledger } from "../../../../src/app/token/ledger-text.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { type ApiTokens, accessOf, type SharedSecret, SigningKey } from "../../../../src/edge/token/index.ts";
import { type Caller, createClient, Dispatcher, type Transport } from "../../../../src/wire/rpc/index.ts";
import { seededEntropy } from "../../../support/auth.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { AUDIENCE, HOUR_MS, nodeOf } from "../../edge/token/support.ts";

export const ADMIN: Caller = { name: "root", access: "admin" };
export const START_MS = Date.UTC(2030, 0, 1);

export class Net {
  readonly clock = new SteppedClock();
  readonly nodes = new Map<string, TestNode>();
  /** Nobody gets through to these. */
  readonly cut = new Set<string>();

  constructor() {
    this.clock.advance(START_MS);
  }

  add(id: string, secret?: SharedSecret): TestNode {
    const node = new TestNode(id, this, this.nodes.size + 1, secret);
    this.nodes.set(id, node);
    return node;
  }
}

export class TestNode {
  readonly tokens: ApiTokens;
  readonly peers: AuthPeers;
  ledger: Ledger = EMPTY_LEDGER;
  /** So many times its disk is full. */
  failures = 0;
  readonly #dispatcher: Dispatcher;
  #came: (id: string) => void = () => {};

  constructor(
    readonly id: string,
    readonly net: Net,
    readonly seed: number,
    secret?: SharedSecret,
  ) {
    const { clock } = net;
    const askKeys = async (issuer: string) => this.peers.askKeys(issuer);
    this.tokens = nodeOf({ seed, issuer: id, clock: clock as never, askKeys, secret }).tokens;
    const random = seededRandom(seed);
    const ledger = this.#ledgerPort();
    this.peers = new AuthPeers({
      ...{ clock, ledger, random, tokens: this.tokens },
      others: () => this.#others(),
      onCame: (hear) => {
        this.#came = hear;
        return () => {};
      },
      logger: createLogger({ name: id, level: "silent", sink: () => {}, clock }),
    });
    const service = authService({
      ...{ clock, ledger, node: id, tokens: this.tokens, isTls: false, audience: () => AUDIENCE },
      rotate: async (forget) => {
        const { keys } = this.tokens;
        const nowMs = clock.now();
        const next = SigningKey.generate(seededEntropy(seed + 500));
        return (forget ? keys.forgetOlder() : keys).rotate(next, nowMs, forget ? nowMs : nowMs + HOUR_MS);
      },
      tell: (news) => this.peers.tell(news),
    });
    this.#dispatcher = new Dispatcher([service], { clock });
  }

  client(caller: Caller): AuthClient {
    return createClient(authContract, this.transportFor(caller), { clock: this.net.clock });
  }

  transportFor(caller: Caller): Transport {
    return ({ signal, ...call }) => this.#dispatcher.call({ ...call, caller, ...(signal && { signal }) });
  }

  meets(id: string): void {
    this.#came(id);
  }

  #others(): readonly AuthPeer[] {
    const { cut, nodes } = this.net;
    const others = [...nodes.values()].filter(({ id }) => id !== this.id);
    return others.map((node) => {
      const transport = node.transportFor({ name: this.id, access: "node" });
      return { id: node.id, transport: cut.has(node.id) ? () => Promise.reject(new Error("cut off")) : transport };
    });
  }

  #ledgerPort() {
    const self = this;
    return {
      get state(): Ledger {
        return self.ledger;
      },
      async record(issued: Ledger["issued"][number]): Promise<void> {
        self.ledger = { ...self.ledger, issued: [...self.ledger.issued, issued] };
      },
      async revoke(list: Ledger["revoked"]): Promise<void> {
        if (self.failures-- > 0) throw new Failure("secrets.write_failed", "the disk is full");
        self.ledger = { ...self.ledger, revoked: [...self.ledger.revoked, ...list] };
      },
    };
  }
}

/** Whoever has the token that `client` gives for that wish, as a node takes him. */
export async function callerWith(node: TestNode, wish: TokenWish, client = node.client(ADMIN)): Promise<Caller> {
  const { access_token } = await client.token(wish);
  const { expiresAtMs, parents, role, scopes, subject, tokenId } = await node.tokens.verify(access_token);
  return { name: subject, access: accessOf(role), scopes, token: { id: tokenId, expiresAtMs, parents } };
}
