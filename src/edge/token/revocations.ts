/** Tokens that are good no longer, by their ids, each until it would have ended by itself. */
import { createHash } from "node:crypto";
import { Failure } from "../../base/errors.ts";
import { type ApiClaims, isTokenId } from "./claims.ts";
import { CLOCK_TOLERANCE_MS, LIFETIME_MS_MAX, REVOCATIONS_MAX } from "./limits.ts";

export interface Revocation {
  readonly tokenId: string;
  /** When the token ends: then nobody needs to remember it. */
  readonly expiresAtMs: number;
}

export class Revocations {
  readonly #until = new Map<string, number>();
  #digest: string | undefined;

  get size(): number {
    return this.#until.size;
  }

  has(tokenId: string): boolean {
    return this.#until.has(tokenId);
  }

  /** The token, or one that it came from. */
  hasEnded({ parents, tokenId }: Pick<ApiClaims, "parents" | "tokenId">): boolean {
    return this.#until.has(tokenId) || (parents?.some((each) => this.#until.has(each)) ?? false);
  }

  /** What of these was not known. Fails with `auth.revocations_full` when there is no room, having taken what there was room for. */
  add(list: readonly Revocation[], nowMs: number): readonly Revocation[] {
    const added: Revocation[] = [];
    for (const { tokenId, expiresAtMs } of list) {
      const untilMs = Math.min(expiresAtMs, nowMs + LIFETIME_MS_MAX);
      const isOver = !(untilMs + CLOCK_TOLERANCE_MS > nowMs);
      if (!isTokenId(tokenId) || isOver || (this.#until.get(tokenId) ?? 0) >= untilMs) continue;
      if (!this.#until.has(tokenId) && this.#until.size >= REVOCATIONS_MAX) this.drop(nowMs);
      if (!this.#until.has(tokenId) && this.#until.size >= REVOCATIONS_MAX) throw revocationsFull();
      this.#until.set(tokenId, untilMs);
      this.#digest = undefined;
      added.push({ tokenId, expiresAtMs: untilMs });
    }
    return added;
  }

  /** Those of tokens that have ended. */
  drop(nowMs: number): void {
    for (const [tokenId, untilMs] of this.#until) {
      if (untilMs + CLOCK_TOLERANCE_MS > nowMs) continue;
      this.#until.delete(tokenId);
      this.#digest = undefined;
    }
  }

  list(): readonly Revocation[] {
    return [...this.#until].map(([tokenId, expiresAtMs]) => ({ tokenId, expiresAtMs }));
  }

  /** The same where the same tokens are revoked. */
  get digest(): string {
    this.#digest ??= createHash("sha256")
      .update([...this.#until.keys()].sort().join("\n"))
      .digest("base64url");
    return this.#digest;
  }
}

export function revocationsFull(): Failure {
  const message = `${REVOCATIONS_MAX} tokens are revoked and have not ended, which is the most; replacing the key (token rotate --forget) ends all that were issued before`;
  return new Failure("auth.revocations_full", message);
}
