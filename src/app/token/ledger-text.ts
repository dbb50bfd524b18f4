/** The text of the list of tokens: which were issued, which are revoked, until when each key is needed. No token is in it. */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import { CLOCK_TOLERANCE_MS, REVOCATIONS_MAX, type Revocation, TOKEN_ROLES } from "../../edge/token/index.ts";

const issuedToken = z.object({
  tokenId: z.string(),
  subject: z.string(),
  role: z.enum(TOKEN_ROLES),
  scopes: z.array(z.string()).readonly(),
  issuer: z.string(),
  /** Who asked for it. */
  by: z.string(),
  /** The tokens that it came from, by their ids. */
  parents: z.array(z.string()).readonly().optional(),
  keyId: z.string(),
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
});

export type IssuedRecord = z.output<typeof issuedToken>;

export interface Ledger {
  readonly issued: readonly IssuedRecord[];
  readonly revoked: readonly Revocation[];
  /** When the last token under each key ends: so long the key is believed after another one signs. */
  readonly lastExpiry: Readonly<Record<string, number>>;
}

export const EMPTY_LEDGER: Ledger = { issued: [], revoked: [], lastExpiry: {} };

/** Beyond it those that end soonest are listed no more; they stay valid, and can be revoked. At some 300 bytes 1.2 MB. */
const ISSUED_MAX = 4_096;
/** With as many scopes, parents and letters as may be a record has 3.2 KB; 16,384 revocations have 1.7 MB. */
export const LEDGER_BYTES_MAX = 16 * 1024 * 1024;

const FORM = "distributed_system-api-tokens";
const VERSION = 1;

const ledgerForm = z.object({
  form: z.literal(FORM),
  version: z.literal(VERSION),
  issued: z.array(issuedToken).max(ISSUED_MAX),
  revoked: z.array(z.object({ tokenId: z.string(), expiresAtMs: z.number() })).max(REVOCATIONS_MAX),
  lastExpiry: z.record(z.string(), z.number()),
});

/** Fails with `auth.token_file`, naming `source`. */
export function parseLedger(text: string, source: string): Ledger {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw damaged(source, "no JSON, or not whole", thrown);
  }
  const read = ledgerForm.safeParse(value);
  if (!read.success) throw damaged(source, `not a list of tokens: ${z.prettifyError(read.error).slice(0, 500)}`);
  const { issued, lastExpiry, revoked } = read.data;
  return { issued, lastExpiry, revoked };
}

/** Without what has ended. */
export function formatLedger(ledger: Ledger): string {
  return `${JSON.stringify({ form: FORM, version: VERSION, ...ledger })}\n`;
}

export function pruned({ issued, lastExpiry, revoked }: Ledger, nowMs: number): Ledger {
  const isNeeded = ({ expiresAtMs }: { readonly expiresAtMs: number }): boolean =>
    expiresAtMs + CLOCK_TOLERANCE_MS > nowMs;
  const listed = issued.filter(isNeeded);
  const kept = listed.length <= ISSUED_MAX ? listed : withoutSoonest(listed);
  const keys = Object.entries(lastExpiry).filter(([, expiresAtMs]) => isNeeded({ expiresAtMs }));
  return { issued: kept, revoked: revoked.filter(isNeeded), lastExpiry: Object.fromEntries(keys) };
}

function withoutSoonest(issued: readonly IssuedRecord[]): readonly IssuedRecord[] {
  const byEnd = issued.toSorted((one, other) => other.expiresAtMs - one.expiresAtMs).slice(0, ISSUED_MAX);
  const kept = new Set(byEnd);
  return issued.filter((each) => kept.has(each));
}

function damaged(source: string, what: string, cause?: unknown): Failure {
  const message = `${source} is ${what}; a copy of it is required, or its removal: then tokens that were revoked are good again`;
  return new Failure("auth.token_file", message, { cause });
}
