/** Who asks, and what they may do. How somebody is recognised is the business of the way in. */
import type { Access } from "./contract.ts";

export interface Caller {
  /** For logs and messages. */
  readonly name: string;
  readonly access: Access;
}

const RANK: Readonly<Record<Access, number>> = { read: 0, operate: 1, node: 2 };

export function mayCall(caller: Caller, access: Access): boolean {
  return RANK[caller.access] >= RANK[access];
}
