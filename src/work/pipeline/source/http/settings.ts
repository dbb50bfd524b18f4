/** What a `source:http` may be told, and what of it does not go together. */
import { isIPv4 } from "node:net";
import { ADDRESS_FORM, type Address, formatAddress, parseAddress } from "../../../../base/address.ts";
import { Failure } from "../../../../base/errors.ts";
import { type ParamValues, param } from "../../../../sdk/index.ts";

const MIB = 1024 * 1024;

export const httpSchema = {
  listen: param.string(
    `Where requests are taken, as HOST:PORT; only addresses of this machine's own loopback unless token_env, tls_cert and tls_key are given`,
    { required: true },
  ),
  path: param.string("Path that records are posted to", { default: "/", min: 1 }),
  spool_bytes: param.size("Most bytes that are acknowledged and not yet committed; beyond it requests get 429", {
    default: 256 * MIB,
    min: MIB,
    max: 1024 * 1024 * MIB,
  }),
  max_body: param.size("Largest body, as sent and as inflated; a larger one gets 413", {
    default: 16 * MIB,
    min: 1024,
    max: 128 * MIB,
  }),
  max_requests: param.integer("Requests being received or waiting for the disk at the same time; more get 429", {
    default: 64,
    min: 1,
    max: 4096,
  }),
  request_timeout: param.duration("Longest time a request may take to arrive; a slower one gets 408", {
    default: 30_000,
    min: 100,
    max: 3_600_000,
  }),
  idempotency_keys: param.integer(
    "How many Idempotency-Key headers are remembered, the newest ones; a repeated one adds nothing",
    { default: 100_000, min: 0, max: 1_000_000 },
  ),
  linger: param.duration("How long a record may wait for its batch to fill", { default: 10, min: 0, max: 60_000 }),
  token_env: param.string("Environment variable with the bearer token that requests have to carry", { min: 1 }),
  tls_cert: param.path("Certificate chain in PEM form; with tls_key requests are taken by HTTPS only"),
  tls_key: param.path("Private key of the certificate in PEM form"),
} as const;

export interface HttpSettings {
  readonly address: Address;
  readonly path: string;
  readonly spoolBytes: number;
  readonly bodyBytes: number;
  readonly requestsMax: number;
  readonly requestTimeoutMs: number;
  readonly keysMax: number;
  readonly lingerMs: number;
  readonly token: string | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** A short secret can be guessed by asking often enough. */
const TOKEN_CHARS_MIN = 16;

/** Fails with `source.param` or `source.http.not_safe`. */
export function httpSettings(values: ParamValues<typeof httpSchema>, variables: Variables): HttpSettings {
  const address = addressOf(values.listen);
  const { path, tls_cert: cert, tls_key: key, max_body: bodyBytes, spool_bytes: spoolBytes } = values;
  if (!/^\/[^?#\s]*$/.test(path)) throw wrong("path", path, "a path that begins with / and has no ? and #");
  if ((cert === undefined) !== (key === undefined)) {
    throw new Failure("source.param", "cannot open source:http: tls_cert and tls_key are required together");
  }
  if (bodyBytes > spoolBytes) throw wrong("max_body", String(bodyBytes), `at most spool_bytes, ${spoolBytes},`);
  const tls = cert !== undefined && key !== undefined ? { cert, key } : undefined;
  const token = tokenOf(values.token_env, variables);
  if (!isLoopback(address.host) && (token === undefined || tls === undefined)) throw notSafe(address);
  return {
    address,
    path,
    spoolBytes,
    bodyBytes,
    requestsMax: values.max_requests,
    requestTimeoutMs: values.request_timeout,
    keysMax: values.idempotency_keys,
    lingerMs: values.linger,
    token,
    tls,
  };
}

function addressOf(listen: string | undefined): Address {
  const address = listen === undefined ? undefined : parseAddress(listen);
  if (address) return address;
  throw wrong("listen", listen ?? "", ADDRESS_FORM);
}

/** Only what surely cannot be reached from elsewhere. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function tokenOf(name: string | undefined, variables: Variables): string | undefined {
  if (name === undefined) return undefined;
  const token = variables[name];
  if (token === undefined || token === "") {
    throw wrong("token_env", name, "the name of an environment variable that holds the token");
  }
  if (token.length >= TOKEN_CHARS_MIN && /^[\x21-\x7e]+$/.test(token)) return token;
  const message = `cannot open source:http: the token in token_env=${name} has ${token.length} characters`;
  throw new Failure(
    "source.param",
    `${message}; at least ${TOKEN_CHARS_MIN} are required, without blanks, all of them ASCII`,
  );
}

function notSafe(address: Address): Failure {
  return new Failure(
    "source.http.not_safe",
    `cannot open source:http with listen=${formatAddress(address)}: others can reach it; token_env, tls_cert and tls_key are ` +
      "required there, or an address of the loopback such as 127.0.0.1",
  );
}

function wrong(key: string, value: string, required: string): Failure {
  return new Failure("source.param", `cannot open source:http: ${key}=${value}; ${required} is required`);
}
