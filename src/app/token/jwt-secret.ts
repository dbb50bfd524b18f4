/** The shared secret for API tokens, where the environment has one. There is no default. */
import { SharedSecret } from "../../edge/token/index.ts";

const NAMES = ["DISTRIBUTED_SYSTEM_JWT_SECRET", "P2P_JWT_SECRET"] as const;

/** Undefined when none is set. Fails with `auth.jwt_secret_weak`: a node with such a secret must not start. */
export function secretFrom(env: Readonly<Record<string, string | undefined>>): SharedSecret | undefined {
  const name = NAMES.find((each) => env[each]);
  return name && new SharedSecret(env[name]!, name);
}
