/** What is revoked, on disk: also what could not be written when it was revoked. */
import type { Clock } from "../../base/clock.ts";
import { type ApiTokens, CLOCK_TOLERANCE_MS } from "../../edge/token/index.ts";
import type { TokenLedger } from "./token-ledger.ts";

export interface KeepPorts {
  readonly tokens: Pick<ApiTokens, "revoked">;
  readonly ledger: Pick<TokenLedger, "state" | "revoke">;
  readonly clock: Pick<Clock, "now">;
}

/** Writes those that the list does not have. Fails as the list does; the next one who asks tries again. */
export async function keepRevocations({ clock, ledger, tokens }: KeepPorts): Promise<void> {
  const written = new Map(ledger.state.revoked.map(({ expiresAtMs, tokenId }) => [tokenId, expiresAtMs]));
  const fromMs = clock.now() - CLOCK_TOLERANCE_MS;
  const missing = tokens.revoked
    .list()
    .filter(({ expiresAtMs, tokenId }) => expiresAtMs > fromMs && (written.get(tokenId) ?? 0) < expiresAtMs);
  if (missing.length > 0) await ledger.revoke(missing);
}
