/** API tokens that a node has to refuse, made as somebody with the keys, with other keys, or with none at all would. */
import { dirname, join } from "node:path";
import { systemEntropy } from "../../src/app/secrets/entropy.ts";
import { loadSecrets } from "../../src/app/secrets/load-secrets.ts";
import { audienceOf } from "../../src/app/token/cluster-audience.ts";
import { readKeyRing } from "../../src/app/token/key-file.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ApiTokens, OFFLINE_ISSUER } from "../../src/edge/token/index.ts";

const HOUR_MS = 3_600_000;

/** Signed with the cluster's own key, an hour long, two hours ago. */
export async function expiredToken(dataDir: string): Promise<string> {
  const { keyFile, keyring } = loadSecrets({ dir: undefined, dataDir, address: { host: "127.0.0.1" }, role: "client" });
  const tokens = new ApiTokens({
    issuer: OFFLINE_ISSUER,
    audiences: keyring.keys.map(audienceOf),
    keys: readKeyRing(join(dirname(keyFile), "api-keys.json")),
    clock: { now: () => systemClock.now() - 2 * HOUR_MS, monotonic: () => systemClock.monotonic() },
    entropy: systemEntropy,
    askKeys: async () => undefined,
  });
  const request = { subject: "late", role: "admin", scopes: [], lifetimeMs: HOUR_MS } as const;
  return (await tokens.issue(request)).token;
}

/** The token's claims with another role, under the old signature. */
export function promoted(token: string): string {
  const [head, payload, signature] = token.split(".") as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
  const raised = Buffer.from(JSON.stringify({ ...claims, role: "admin" })).toString("base64url");
  return `${head}.${raised}.${signature}`;
}

/** What says of itself that nobody signed it. */
export function unsigned(token: string): string {
  const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
  return `${head}.${token.split(".")[1]}.`;
}
