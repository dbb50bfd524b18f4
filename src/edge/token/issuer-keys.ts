/**
 * The public keys of other nodes. One that is not known makes this node ask the issuer, which has to be a member, and at most
 * once in a while, whatever tokens claim: nobody makes us ask for each one that he invents. A key of one node is good for
 * tokens of that node only.
 */
import type { Clock } from "../../base/clock.ts";
import { ASK_PAUSE_MS, ISSUERS_MAX, KEYS_MAX } from "./limits.ts";
import { type PublicJwk, readPublicJwk } from "./signing-key.ts";

/** The keys that a member signs with; undefined when it is no member. Whatever goes wrong is its business to tell. */
export type AskKeys = (issuer: string) => Promise<readonly unknown[] | undefined>;

interface Known {
  readonly keys: ReadonlyMap<string, PublicJwk>;
}

export class IssuerKeys {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #ask: AskKeys;
  readonly #forgotten: () => void;
  readonly #known = new Map<string, Known>();
  readonly #askedMs = new Map<string, number>();
  readonly #asking = new Map<string, Promise<void>>();
  /** How often issuers were asked. */
  asked = 0;

  /** `forgotten` hears it when an issuer does not sign with a key any longer: what was verified by it is good no more. */
  constructor(clock: Pick<Clock, "monotonic">, ask: AskKeys, forgotten: () => void) {
    this.#clock = clock;
    this.#ask = ask;
    this.#forgotten = forgotten;
  }

  /** Asks the issuer when it is not known, and it was not asked just now. */
  async find(issuer: string, keyId: string): Promise<PublicJwk | undefined> {
    const found = this.#keyOf(issuer, keyId);
    if (found) return found;
    const asking = this.#asking.get(issuer) ?? (this.#mayAsk(issuer) ? this.#askOnce(issuer) : undefined);
    await asking;
    return this.#keyOf(issuer, keyId);
  }

  /** Whoever's it is; asks nobody. */
  anyKnown(keyId: string): PublicJwk | undefined {
    for (const { keys } of this.#known.values()) if (keys.has(keyId)) return keys.get(keyId);
    return undefined;
  }

  /** All that the issuer signs with now: keys that it does not name any longer are forgotten. */
  replace(issuer: string, given: readonly unknown[]): void {
    const keys = new Map<string, PublicJwk>();
    for (const value of given.slice(0, KEYS_MAX)) {
      const jwk = readPublicJwk(value);
      if (jwk) keys.set(jwk.kid, jwk);
    }
    const before = [...(this.#known.get(issuer)?.keys.keys() ?? [])];
    this.#known.delete(issuer);
    if (this.#known.size >= ISSUERS_MAX) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(issuer, { keys });
    if (before.some((id) => !keys.has(id))) this.#forgotten();
  }

  /** With the issuers: for whoever shows them. */
  all(): readonly { readonly issuer: string; readonly key: PublicJwk }[] {
    return [...this.#known].flatMap(([issuer, { keys }]) => [...keys.values()].map((key) => ({ issuer, key })));
  }

  #keyOf(issuer: string, keyId: string): PublicJwk | undefined {
    return this.#known.get(issuer)?.keys.get(keyId);
  }

  /** All that want a key of one issuer wait for one question. */
  #askOnce(issuer: string): Promise<void> {
    const asking = this.#askNow(issuer).finally(() => this.#asking.delete(issuer));
    this.#asking.set(issuer, asking);
    return asking;
  }

  #mayAsk(issuer: string): boolean {
    const askedMs = this.#askedMs.get(issuer);
    return askedMs === undefined || this.#clock.monotonic() - askedMs >= ASK_PAUSE_MS;
  }

  async #askNow(issuer: string): Promise<void> {
    this.#askedMs.delete(issuer);
    if (this.#askedMs.size >= ISSUERS_MAX) this.#askedMs.delete(this.#askedMs.keys().next().value!);
    this.#askedMs.set(issuer, this.#clock.monotonic());
    const keys = await this.#ask(issuer);
    if (keys === undefined) return;
    this.asked++;
    this.replace(issuer, keys);
  }
}
