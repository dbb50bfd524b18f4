/** What the tests of API tokens share: nodes with keys by seed, clocks that stand, tokens made by hand. */
import { createHmac, createPrivateKey, sign } from "node:crypto";
import {
  ApiKeyRing,
  ApiTokens,
  type ApiTokensPorts,
  LIFETIME_MS_DEFAULT,
  type SigningKey,
} from "../../../../src/edge/token/index.ts";
import { SetClock, seededEntropy } from "../../../support/auth.ts";

export const AUDIENCE = "distributed_system/0011223344556677";
export const HOUR_MS = 3_600_000;

export interface NodeOptions extends Partial<ApiTokensPorts> {
  readonly seed?: number;
}

export function nodeOf({ seed = 1, ...ports }: NodeOptions = {}): { tokens: ApiTokens; clock: SetClock } {
  const clock = (ports.clock as SetClock | undefined) ?? new SetClock();
  const tokens = new ApiTokens({
    issuer: "alpha",
    audiences: [AUDIENCE],
    keys: ApiKeyRing.generate(seededEntropy(seed), clock.now()),
    entropy: seededEntropy(seed + 10_000),
    askKeys: async () => undefined,
    ...ports,
    clock,
  });
  return { tokens, clock };
}

export const VIEWER = { subject: "client-1", role: "viewer", scopes: [], lifetimeMs: LIFETIME_MS_DEFAULT } as const;

export function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export function readPart(token: string, at: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[at]!, "base64url").toString()) as Record<string, unknown>;
}

/** Any head and payload, truly signed. */
export function signed(key: SigningKey, payload: unknown, head: object = {}): string {
  const body = `${part({ alg: "EdDSA", typ: "JWT", kid: key.id, ...head })}.${part(payload)}`;
  const signature = sign(null, Buffer.from(body), createPrivateKey({ key: { ...key.reveal() }, format: "jwk" }));
  return `${body}.${signature.toString("base64url")}`;
}

export function hmacSigned(secret: string | Uint8Array, payload: unknown, head: object = {}): string {
  const body = `${part({ alg: "HS256", typ: "JWT", ...head })}.${part(payload)}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** Claims that are good at the clock's time. */
export function claimsAt(clock: SetClock, more: object = {}): Record<string, unknown> {
  const now = clock.now() / 1000;
  return {
    iss: "alpha",
    sub: "x",
    aud: AUDIENCE,
    iat: now,
    nbf: now,
    exp: now + 60,
    jti: "j-1",
    role: "viewer",
    ...more,
  };
}
