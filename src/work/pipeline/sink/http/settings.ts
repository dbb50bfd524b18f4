/** What a `sink:http` may be told, and what of it does not go together. Secrets come from environment variables only. */
import { isIPv4 } from "node:net";
import { Failure } from "../../../../base/errors.ts";
import { type ParamValues, param } from "../../../../sdk/index.ts";

export const httpSchema = {
  url: param.string("Where each batch is sent, http:// or https://", { required: true }),
  method: param.choice("Method of the requests", ["POST", "PUT", "PATCH"], { default: "POST" }),
  format: param.choice("ndjson: a line for each record; json: one array", ["ndjson", "json"], { default: "ndjson" }),
  concurrency: param.integer("Requests under way at the same time; with more than 1 the order is lost", {
    default: 1,
    min: 1,
    max: 64,
  }),
  timeout: param.duration("Longest time for one request and its answer", { default: 30_000, min: 10, max: 3_600_000 }),
  retry_for: param.duration(
    "How long a batch is tried again before the run fails. It can be resumed then, and a master does that by itself until it is cancelled",
    {
      default: 300_000,
      min: 0,
      max: 7 * 24 * 3_600_000,
    },
  ),
  headers: param.list("Further headers, each as name:value; no secrets, see header_env"),
  header_env: param.list("Headers whose values are in environment variables, each as name:VARIABLE"),
  token_env: param.string("Environment variable with a token, sent as authorization: Bearer", { min: 1 }),
  tls_ca: param.path("Certificates in PEM form that are trusted instead of the system's"),
} as const;

export interface HttpSettings {
  readonly url: string;
  /** The address is this machine's own: no proxy is asked. */
  readonly isLocal: boolean;
  readonly method: "POST" | "PUT" | "PATCH";
  readonly format: "ndjson" | "json";
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retryForMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly caPath: string | undefined;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** They say what the request is, and are made here. */
const OWN_HEADERS = ["connection", "content-length", "content-type", "host", "idempotency-key", "transfer-encoding"];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/;
const HEADER_VALUE = /^[\x20-\x7e]{1,4096}$/;

/** Fails with `sink.param`. */
export function httpSettings(values: ParamValues<typeof httpSchema>, variables: Variables): HttpSettings {
  const url = urlOf(values.url);
  const fromVariables = (values.header_env ?? []).map((text) => {
    const [name, variable] = headerOf("header_env", text);
    return [name, secretOf(name, variable, variables)];
  });
  const { token_env: tokenVariable } = values;
  const headers = Object.fromEntries([
    ...(values.headers ?? []).map((text) => headerOf("headers", text)),
    ...fromVariables,
    ...(tokenVariable === undefined
      ? []
      : [["authorization", `Bearer ${secretOf("authorization", tokenVariable, variables)}`]]),
  ]);
  return {
    url: url.href,
    isLocal: isLoopback(url.hostname),
    method: values.method,
    format: values.format,
    concurrency: values.concurrency,
    timeoutMs: values.timeout,
    retryForMs: values.retry_for,
    headers,
    caPath: values.tls_ca,
  };
}

function urlOf(text: string | undefined): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw wrong("url", text ?? "", "an address with http:// or https://");
  if (url.username !== "" || url.password !== "") {
    throw new Failure(
      "sink.param",
      "cannot open sink:http: the url= holds a name or password; header_env or token_env is for secrets",
    );
  }
  url.hash = "";
  return url;
}

function headerOf(key: "headers" | "header_env", text: string): readonly [name: string, value: string] {
  const [, name = "", value = ""] = /^([^:]*):\s*(.*)$/s.exec(text) ?? [];
  const lower = name.trim().toLowerCase();
  if (!HEADER_NAME.test(lower) || !HEADER_VALUE.test(value)) throw wrong(key, text, "name:value, in ASCII,");
  if (!OWN_HEADERS.includes(lower)) return [lower, value];
  throw wrong(key, text, `another header than ${OWN_HEADERS.join(", ")}`);
}

function secretOf(header: string, variable: string, variables: Variables): string {
  const value = variables[variable];
  if (value !== undefined && HEADER_VALUE.test(value)) return value;
  const found = value === undefined || value === "" ? "is not set" : "holds what no header can";
  throw new Failure("sink.param", `cannot open sink:http: the environment variable ${variable} for ${header} ${found}`);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIPv4(hostname) && hostname.startsWith("127."));
}

function wrong(key: string, value: string, required: string): Failure {
  return new Failure("sink.param", `cannot open sink:http: ${key}=${value}; ${required} is required`);
}
