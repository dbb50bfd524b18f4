/** Lets through who has the role or the scope, beyond what the method's `access` asks of tokens. */
import { assert, Failure } from "../../base/errors.ts";
import type { Middleware } from "./middleware.ts";
import type { Caller } from "./types.ts";

const RANKS: Readonly<Record<Caller["access"], number>> = { none: 0, read: 1, operate: 2, admin: 3, node: 4 };
const ROLES = { viewer: "read", operator: "operate", admin: "admin", node: "node" } as const;

export interface AuthOptions {
  /** This role or a higher one. */
  readonly role?: keyof typeof ROLES;
  /** The token has this scope, or `*`. With a role too, one of the two is enough. */
  readonly scope?: string;
}

export function auth({ role, scope }: AuthOptions): Middleware {
  assert(role !== undefined || scope !== undefined, "auth() needs a role or a scope");
  assert(
    role === undefined || Object.hasOwn(ROLES, role),
    `auth(): ${role} is none of ${Object.keys(ROLES).join(", ")}`,
  );
  const needed = [role && `the role ${role}`, scope && `the scope ${scope}`].filter(Boolean).join(" or ");
  return ({ context, method, service }, next) => {
    const { access, name, scopes } = context.caller;
    const hasRole = role !== undefined && RANKS[access] >= RANKS[ROLES[role]];
    const hasScope = scope !== undefined && (scopes.includes(scope) || scopes.includes("*"));
    if (hasRole || hasScope) return next();
    throw new Failure("rpc.forbidden", `${name} may not call ${service}.${method}: ${needed} is required`);
  };
}
