/** Who may give what: a token grants what its giver has, or less. */
import { Failure } from "../../base/errors.ts";
import type { Caller } from "../../wire/rpc/index.ts";
import type { TokenRole } from "./claims.ts";
import { covers } from "./scopes.ts";

const ACCESS = { viewer: "read", operator: "operate", admin: "admin", node: "node", service: "none" } as const;
const RANK = { none: 0, read: 1, operate: 2, admin: 3, node: 4 } as const;

/** What a role may do. */
export function accessOf(role: TokenRole): Caller["access"] {
  return ACCESS[role];
}

/** The role that may do as much. */
export function roleOf(access: Caller["access"]): TokenRole {
  return (Object.keys(ACCESS) as TokenRole[]).find((role) => ACCESS[role] === access)!; // each access has a role
}

/** Who decides who may do what gives tokens that outlive his own. */
export function mayOutlive({ access }: Pick<Caller, "access">): boolean {
  return RANK[access] >= RANK.admin;
}

/** Whether what a token of that role has given may be good when it has ended itself. */
export function giftsMayOutlive(role: TokenRole): boolean {
  return mayOutlive({ access: accessOf(role) });
}

/**
 * Fails with `rpc.forbidden`. A scope lets its bearer call a service's public methods whatever access they want, and services ask
 * for scopes of their own beside it (`auth({ scope })`): so it is given by who has it, or by an admin.
 */
export function requireMayGrant(caller: Caller, role: TokenRole, scopes: readonly string[]): void {
  if (RANK[accessOf(role)] > RANK[caller.access]) {
    const message = `${caller.name} may ${caller.access}; a token of the role ${role} has to be issued by somebody who may ${accessOf(role)}`;
    throw new Failure("rpc.forbidden", message);
  }
  if (mayOutlive(caller)) return;
  const beyond = scopes.find((scope) => !covers(caller.scopes ?? [], scope));
  if (beyond === undefined) return;
  const message = `${caller.name} may ${caller.access} and does not have the scope ${beyond}; only scopes that one has can be given, and any by an admin`;
  throw new Failure("rpc.forbidden", message);
}
