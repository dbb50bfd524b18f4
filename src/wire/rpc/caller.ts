/** Who asks, and what they may do. How somebody is recognised is the business of the way in. */
import type { Access } from "./contract.ts";

export interface Caller {
  /** For logs and messages. */
  readonly name: string;
  /** `none` for who may call services by name and nothing else. */
  readonly access: Access | "none";
  /** Services and methods that it may call whatever their access: `users`, `users.get`, `*`. */
  readonly scopes?: readonly string[] | undefined;
  /** The token that shows it, where that may be used again: by its id it is revoked, and nothing it gives outlives it. */
  readonly token?: CallerToken | undefined;
}

export interface CallerToken {
  readonly id: string;
  readonly expiresAtMs: number;
  /** The tokens that it came from, by their ids: it ends with each of them, and so does what it gives. */
  readonly parents?: readonly string[] | undefined;
}

const RANK: Readonly<Record<Caller["access"], number>> = { none: -1, read: 0, operate: 1, admin: 2, node: 3 };

export function mayCall(caller: Caller, access: Access): boolean {
  return RANK[caller.access] >= RANK[access];
}
