/** The head of a JSON Web Token, read before its signature is known: which key it names, and nothing that is believed. */
import { malformed } from "./claims.ts";
import { TOKEN_CHARS_MAX } from "./limits.ts";

export interface TokenHead {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

/** Three parts of base64url; the last one may not be empty, as it is for the algorithm "none". */
const FORM = /^([\w-]+)\.([\w-]+)\.[\w-]+$/;

/** Fails with `auth.token_malformed`. Extensions (`crit`), keys in the head (`jwk`, `x5c`) and links to some (`jku`, `x5u`) are refused. */
export function readHead(token: string): TokenHead {
  const { alg, kid, typ = "JWT", crit, jwk, x5c, jku, x5u } = part(token, 1);
  if (typeof alg !== "string" || alg.length > 16) throw malformed('has no usable "alg"');
  if (kid !== undefined && typeof kid !== "string") throw malformed('has no usable "kid"');
  if (typeof typ !== "string" || typ.toUpperCase() !== "JWT") throw malformed('is of another "typ"; JWT is required');
  if ([crit, jwk, x5c, jku, x5u].some((each) => each !== undefined)) {
    throw malformed("brings keys or extensions along; it may name a key by its id only");
  }
  return { algorithm: alg, keyId: kid };
}

/** Who says that it issued it, to know whom to ask for the key. */
export function readIssuer(token: string): string | undefined {
  const { iss } = part(token, 2);
  return typeof iss === "string" ? iss : undefined;
}

function part(token: string, at: 1 | 2): Readonly<Record<string, unknown>> {
  if (token.length > TOKEN_CHARS_MAX) {
    throw malformed(`has ${token.length} characters; at most ${TOKEN_CHARS_MAX} are allowed`);
  }
  const text = FORM.exec(token)?.[at];
  if (text === undefined) throw malformed("is no signed JSON Web Token");
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (thrown) {
    throw malformed("holds no JSON", thrown);
  }
  throw malformed("holds no object");
}
