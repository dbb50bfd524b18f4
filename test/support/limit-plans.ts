/** Limits as the gateway file's parser would make them. */
import { countedNames } from "../../src/edge/gateway/limit/counted-names.ts";
import type { LimitPlan } from "../../src/edge/gateway/words/index.ts";

export function limitPlan(over: Partial<LimitPlan> = {}): LimitPlan {
  const limit = over.limit ?? 10;
  return {
    id: "one",
    line: 1,
    key: { kind: "client_ip" },
    limit,
    windowMs: 1_000,
    algorithm: "token_bucket",
    burst: limit,
    action: "REJECT",
    delayMsMax: 0,
    routes: [],
    isShared: false,
    missing: "allow",
    ipv6Prefix: 64,
    keysMax: 1_000,
    ...over,
  };
}

/** The name that messages have for a limit. */
export function countedName({ plan }: { readonly plan: LimitPlan }): string {
  return countedNames([plan])[0]!;
}
