/**
 * Remembers tokens that were verified, and those that were refused for good: a look costs a hundredth of a signature. Tokens are
 * known by their SHA-256, so that none lies in memory. A verdict says nothing about time and revocation: these are looked at
 * each time.
 */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Failure } from "../../base/errors.ts";
import type { ApiClaims } from "./claims.ts";
import { REFUSED_MAX, REFUSED_MS, VERIFIED_MAX } from "./limits.ts";

export interface Belief {
  readonly claims: ApiClaims;
  /** The key that signed it is not believed after that. */
  readonly keyUntilMs: number;
}

export type Verdict =
  | (Belief & { readonly ok: true })
  | { readonly ok: false; readonly failure: Failure; readonly untilMs: number };

export class Verdicts {
  readonly #good = new LRUCache<string, Verdict>({ max: VERIFIED_MAX });
  readonly #bad = new LRUCache<string, Verdict>({ max: REFUSED_MAX });

  #generation = 0;

  get size(): number {
    return this.#good.size;
  }

  /** `nowMs` of the monotonic clock. */
  find(digest: string, nowMs: number): Verdict | undefined {
    const good = this.#good.get(digest);
    if (good) return good;
    const bad = this.#bad.get(digest);
    return bad?.ok === false && bad.untilMs > nowMs ? bad : undefined;
  }

  /** How often keys have changed. */
  get generation(): number {
    return this.#generation;
  }

  /** `generation` is that of before the look: what was found out by keys that have changed since is not remembered. */
  believe(digest: string, belief: Belief, generation: number): void {
    if (generation === this.#generation) this.#good.set(digest, { ok: true, ...belief });
  }

  refuse(digest: string, failure: Failure, nowMs: number): void {
    this.#bad.set(digest, { ok: false, failure, untilMs: nowMs + REFUSED_MS });
  }

  /** Keys have changed: what was good may not be, and the other way round. */
  clear(): void {
    this.#generation++;
    this.#good.clear();
    this.#bad.clear();
  }
}

export function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}
