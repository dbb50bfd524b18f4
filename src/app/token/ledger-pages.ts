/** The list of tokens in pages, the newest first. A cursor names the last one shown, so that new tokens move no page. */
import { Failure } from "../../base/errors.ts";
import type { IssuedInfo } from "./auth-contract.ts";
import type { IssuedRecord, Ledger } from "./ledger-text.ts";

const LIMIT_DEFAULT = 100;

export interface Page {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export function pageOf(
  { issued, revoked }: Pick<Ledger, "issued" | "revoked">,
  { cursor, limit = LIMIT_DEFAULT }: Page,
): { readonly tokens: readonly IssuedInfo[]; readonly next?: string } {
  const ended = new Set(revoked.map(({ tokenId }) => tokenId));
  const sorted = issued.toSorted((one, other) => compare(placeOf(one), placeOf(other)));
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const rest = after === undefined ? sorted : sorted.filter((each) => compare(placeOf(each), after) > 0);
  const tokens = rest.slice(0, limit).map((each) => infoOf(each, isEnded(each, ended)));
  const last = rest[limit - 1];
  return { tokens, ...(rest.length > limit && last && { next: writeCursor(placeOf(last)) }) };
}

type Place = readonly [issuedAtMs: number, tokenId: string];

function placeOf({ issuedAtMs, tokenId }: IssuedRecord): Place {
  return [issuedAtMs, tokenId];
}

function compare([oneMs, one]: Place, [otherMs, other]: Place): number {
  if (oneMs !== otherMs) return otherMs - oneMs;
  return one < other ? -1 : Number(one > other);
}

function writeCursor([issuedAtMs, tokenId]: Place): string {
  return Buffer.from(`${issuedAtMs} ${tokenId}`).toString("base64url");
}

function readCursor(cursor: string): Place {
  const [, ms, tokenId] = /^(\d{1,15}) (.+)$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (ms !== undefined && tokenId !== undefined) return [Number(ms), tokenId];
  throw new Failure(
    "rpc.invalid_input",
    `cursor is ${JSON.stringify(cursor.slice(0, 40))}; "next" of a page is required`,
  );
}

function isEnded({ parents = [], tokenId }: IssuedRecord, ended: ReadonlySet<string>): boolean {
  return ended.has(tokenId) || parents.some((each) => ended.has(each));
}

function infoOf(
  { by, expiresAtMs, issuedAtMs, issuer, role, scopes, subject, tokenId }: IssuedRecord,
  isRevoked: boolean,
) {
  return { jti: tokenId, sub: subject, role, scopes, issuer, by, issuedAtMs, expiresAtMs, isRevoked };
}
