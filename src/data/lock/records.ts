/** What is kept of a lock, and how it stands in snapshots. */
import { byCodeUnits, type Due, inPieces, listOf, pieceFault, textOf, wholeOf } from "../structure/index.ts";
import { RECORD_BYTES } from "../words/index.ts";

/** Somebody who holds a lock or waits for it. Never changed: who asks again gets a new one in its place. */
export interface Claim extends Due {
  readonly lock: string;
  readonly holder: string;
  readonly ttlMs: number;
  /** When it is over. */
  readonly dueMs: number;
  /** By when it came to the line: unique. */
  readonly order: number;
}

export interface Lock {
  readonly name: string;
  /** Of the present grant. */
  token: number;
  /** Undefined only while the lock is passed on. */
  held: Claim | undefined;
  /** By holder, first come, first. */
  readonly waiting: Map<string, Claim>;
}

/** As it was when a snapshot was begun. */
export interface LockCopy {
  readonly name: string;
  readonly token: number;
  readonly claims: readonly Claim[];
}

export function bytesOf({ lock, holder }: Claim): number {
  return RECORD_BYTES + lock.length + holder.length;
}

export function* piecesOf(lastToken: number, lastOrder: number, locks: LockCopy[]): Generator<unknown> {
  yield [lastToken, lastOrder];
  locks.sort((left, right) => byCodeUnits(left.name, right.name));
  yield* inPieces(locks, rowOf, (lock) => lock.claims.reduce((bytes, claim) => bytes + bytesOf(claim), 16));
}

function rowOf({ name, token, claims }: LockCopy): unknown {
  return [name, token, claims.map(({ holder, ttlMs, dueMs, order }) => [holder, ttlMs, dueMs, order])];
}

/** The holder is the first of the claims. */
export function readLock(row: unknown, lastToken: number, lastOrder: number): Lock {
  const [nameRead, tokenRead, claimsRead] = listOf(row, "a lock", 3);
  const name = textOf(nameRead, "a lock's name");
  const token = wholeOf(tokenRead, "a lock's token", 1);
  const [held, ...waiting] = listOf(claimsRead, "a lock's claims").map((claim) => readClaim(name, claim));
  if (held === undefined) throw pieceFault(`lock ${name}`, claimsRead, "a holder");
  const orders = waiting.map(({ order }) => order);
  if (token > lastToken) throw pieceFault("a lock's token", token, `one up to the last one, ${lastToken}`);
  if (
    [held.order, ...orders].some((order) => order > lastOrder) ||
    orders.some((order, at) => at > 0 && order <= orders[at - 1]!)
  ) {
    throw pieceFault(`the line of lock ${name}`, claimsRead, `rising places up to ${lastOrder}`);
  }
  const line = new Map(waiting.map((claim) => [claim.holder, claim]));
  if (line.size < waiting.length || line.has(held.holder))
    throw pieceFault(`lock ${name}`, claimsRead, "each holder once");
  return { name, token, held, waiting: line };
}

function readClaim(lock: string, row: unknown): Claim {
  const [holder, ttlMs, dueMs, order] = listOf(row, "a claim", 4);
  return {
    lock,
    holder: textOf(holder, "a holder"),
    ttlMs: wholeOf(ttlMs, "a claim's time"),
    dueMs: wholeOf(dueMs, "a claim's end"),
    order: wholeOf(order, "a claim's place", 1),
    place: -1,
  };
}
