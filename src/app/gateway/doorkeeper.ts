/**
 * Who asks a route that wants to know: whoever has a token of the cluster, a JWT of an issuer that the file names, or a certificate.
 * What was found out about a token is remembered, so that most requests cost a look and no signature.
 */
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import type { CheckedCaller, Doorkeeper, PassageCaller } from "../../edge/gateway/core/index.ts";
import type { GatewaySettings, Peer, RoutePlan } from "../../edge/gateway/words/index.ts";
import { covers } from "../../edge/token/index.ts";
import type { RequestHead } from "../../wire/http/index.ts";
import type { Caller } from "../../wire/rpc/index.ts";
import type { Authenticate } from "../token/authenticate.ts";

/** Verified JWTs: 8,192 as API tokens have it, each some hundred bytes. */
const REMEMBERED_MAX = 8_192;
/** Between clocks, at both ends; as API tokens have it. */
const CLOCK_TOLERANCE_S = 30;
/** Of a JWT; a header may be longer. */
const TOKEN_CHARS_MAX = 8_192;
const ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
/** Of jose's codes those for which whoever made the token is to blame; all else keeps us from looking at it. */
const TOKEN_FAULTS: ReadonlySet<unknown> = new Set([
  "ERR_JWT_EXPIRED",
  "ERR_JWT_CLAIM_VALIDATION_FAILED",
  "ERR_JWT_INVALID",
  "ERR_JWS_INVALID",
  "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  "ERR_JOSE_ALG_NOT_ALLOWED",
  "ERR_JOSE_NOT_SUPPORTED",
  "ERR_JWKS_NO_MATCHING_KEY",
  "ERR_JWKS_MULTIPLE_MATCHING_KEYS",
]);
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

export interface DoorkeeperPorts {
  readonly settings: Pick<GatewaySettings, "jwks" | "jwtIssuer" | "jwtAudience">;
  readonly authenticate: Authenticate;
  nowMs(): number;
  /** Tokens cannot be looked at: told with each request, as keys are asked for with each. */
  warn(text: string): void;
}

/** Fails with `gateway.jwks` when the key file cannot be read. */
export function openDoorkeeper(ports: DoorkeeperPorts): Doorkeeper {
  const { authenticate, settings } = ports;
  const jwt = settings.jwks === undefined ? undefined : new JwtCheck(ports, settings.jwks);
  return {
    check(route, head, peer, client) {
      const { auth, scopes } = route.options;
      if (auth === "mtls") return byCertificate(peer);
      const written = authorizationOf(head);
      if (written === undefined) return unauthenticated();
      if (auth !== "jwt") return byToken(authenticate, written, client, scopes);
      const token = BEARER.exec(written)?.[1];
      return jwt && token !== undefined ? jwt.check(token, scopes) : unauthenticated();
    },
  };
}

/** Fails with `gateway.jwks` when the key file cannot be used; what is behind a URL is asked for when a token comes. */
export function checkKeySet({ jwks }: DoorkeeperPorts["settings"]): void {
  if (jwks !== undefined) keysFrom(jwks);
}

/** As it is written. Of two of them nobody knows which one others believe. */
function authorizationOf({ headers }: RequestHead): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== "authorization") continue;
    if (found !== undefined) return undefined;
    found = headers[at + 1];
  }
  return found;
}

function byCertificate({ tls }: Peer): CheckedCaller {
  if (!tls?.certificate) return new Failure("gateway.certificate_required", "a client certificate is required");
  const { fingerprint256, subject } = tls.certificate;
  return { name: subject, claims: { sub: subject, fingerprint256 } };
}

/** What is written is read where tokens are: once. */
function byToken(
  authenticate: Authenticate,
  written: string,
  client: string,
  scopes: RoutePlan["options"]["scopes"],
): CheckedCaller | Promise<CheckedCaller> {
  const headers = { get: (name: string) => (name === "authorization" ? written : null) };
  try {
    const found = authenticate({ headers }, { address: client });
    if (!(found instanceof Promise)) return permitted(found, scopes);
    return found.then((caller) => permitted(caller, scopes), refused);
  } catch (thrown) {
    return refused(thrown);
  }
}

const callers = new WeakMap<Caller, PassageCaller>();

/** All scopes that the route names, as tokens of the cluster grant them: a service with all its methods, `*` all. Operators and above need none. */
function permitted(caller: Caller, scopes: readonly string[]): CheckedCaller {
  const { access, name, scopes: own = [] } = caller;
  const isAll = access === "operate" || access === "admin" || access === "node";
  if (!isAll && !scopes.every((scope) => covers(own, scope))) return forbidden(scopes);
  const known = callers.get(caller);
  if (known) return known;
  const made = { name, claims: { sub: name, scope: own.join(" "), access }, cluster: { access, scopes: own } };
  callers.set(caller, made);
  return made;
}

function refused(thrown: unknown): Failure {
  const failure = toFailure(thrown, "gateway.unauthenticated");
  return failure.code === "rpc.unauthenticated" ? unauthenticated() : failure;
}

class JwtCheck {
  readonly #keys: JWTVerifyGetKey;
  readonly #jwks: string;
  readonly #ports: DoorkeeperPorts;
  readonly #known = new LRUCache<string, { readonly caller: PassageCaller; readonly untilMs: number }>({
    max: REMEMBERED_MAX,
  });

  constructor(ports: DoorkeeperPorts, jwks: string) {
    this.#ports = ports;
    this.#jwks = jwks;
    this.#keys = keysFrom(jwks);
  }

  check(token: string, scopes: readonly string[]): CheckedCaller | Promise<CheckedCaller> {
    if (token.length > TOKEN_CHARS_MAX) return unauthenticated();
    const key = hash("sha256", token, "base64");
    const known = this.#known.get(key);
    if (known && known.untilMs > this.#ports.nowMs()) return scoped(known.caller, scopes);
    return this.#verify(token, key).then(
      (caller) => scoped(caller, scopes),
      (thrown) => this.#failure(thrown),
    );
  }

  #failure(thrown: unknown): Failure {
    if (thrown instanceof errors.JOSEError && TOKEN_FAULTS.has(thrown.code)) return unauthenticated();
    const message = `tokens cannot be checked: asking for the keys of ${this.#jwks}: ${messageOf(thrown)}; a JWK set is required`;
    this.#ports.warn(message);
    return new Failure("gateway.keys_unavailable", message, { retryable: true, cause: thrown });
  }

  async #verify(token: string, key: string): Promise<PassageCaller> {
    const { jwtAudience: audience, jwtIssuer: issuer } = this.#ports.settings;
    const { payload } = await jwtVerify(token, this.#keys, {
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["exp", "sub"],
      currentDate: new Date(this.#ports.nowMs()),
      ...(audience !== undefined && { audience }),
      ...(issuer !== undefined && { issuer }),
    });
    const caller = { name: payload.sub!, claims: payload }; // required above
    this.#known.set(key, { caller, untilMs: (payload.exp! + CLOCK_TOLERANCE_S) * 1_000 });
    return caller;
  }
}

function scoped(caller: PassageCaller, scopes: readonly string[]): CheckedCaller {
  if (scopes.length === 0) return caller;
  const { scope, scp } = caller.claims;
  const text = typeof scope === "string" ? scope : typeof scp === "string" ? scp : "";
  const own = Array.isArray(scp) ? scp : Array.isArray(scope) ? scope : text.split(" ");
  return scopes.every((each) => own.includes(each)) ? caller : forbidden(scopes);
}

function keysFrom(jwks: string): JWTVerifyGetKey {
  try {
    if (/^https?:\/\//.test(jwks)) return createRemoteJWKSet(new URL(jwks));
    return createLocalJWKSet(JSON.parse(readFileSync(jwks, "utf8")));
  } catch (thrown) {
    throw new Failure("gateway.jwks", `cannot use the keys of ${jwks}: ${messageOf(thrown)}; a JWK set is required`);
  }
}

function unauthenticated(): Failure {
  return new Failure("gateway.unauthenticated", "a good token is required");
}

function forbidden(scopes: readonly string[]): Failure {
  const which = scopes.length === 1 ? `the scope ${scopes[0]} is` : `the scopes ${scopes.join(", ")} are`;
  return new Failure("gateway.forbidden", `${which} required`);
}
