/**
 * Why a module's default export can not be a service: every fault at once, each with its place and what is allowed. The types
 * have said all this to who uses them; this is for those who do not, and for what types can not say.
 */
import { nearMiss } from "../../base/near-miss.ts";
import { DURATION_FORM, formatDurationMs } from "../../base/units.ts";
import { BALANCER_NAMES } from "../../protocol/balance/index.ts";
import { durationMs, isCache, SERVICE_API_VERSION } from "../../sdk/service/index.ts";
import { endpointFault } from "./endpoints.ts";
import { CACHED_MS_MAX, ENDPOINTS_MAX, INSTANCES_MAX, METHODS_MAX, TAGS_MAX, TIMEOUT_MS_MAX } from "./limits.ts";
import { VERSION_FORM } from "./version-form.ts";

export interface DefinitionFault {
  /** `methods.get.timeout`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;
/** What is wrong with a value, or undefined. It is not asked about what was left out. */
type Check = (value: unknown) => string | undefined;

export const SERVICE_NAME = /^[a-z][a-zA-Z0-9_-]{0,63}$/;
const METHOD_NAME = /^[a-z][a-zA-Z0-9_]{0,63}$/;
const TAG = /^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,63}$/;
const ABOUT_CHARS_MAX = 1_000;
/** More askings of one call than this would outlive its caller. */
const RETRIES_MAX = 10;
const WAITING_MAX = 100_000;
/** `accounts@1.2.0.find`. */
const TARGET_CHARS_MAX = 200;

const aBoolean: Check = (value) =>
  typeof value === "boolean" ? undefined : `${shown(value)} is neither true nor false`;
const aFunction: Check = (value) => (typeof value === "function" ? undefined : `${shown(value)} is no function`);
const aText: Check = (value) =>
  typeof value === "string" && value.length <= ABOUT_CHARS_MAX
    ? undefined
    : `${shown(value)} is no text of at most ${ABOUT_CHARS_MAX} characters`;
const aMiddleware: Check = (value) => aFunction(value) ?? (isCache(value) ? cacheFault(value.cache) : undefined);

const SERVICE: Readonly<Record<string, Check>> = {
  serviceApi: () => undefined,
  name: matching(SERVICE_NAME, "1 to 64 letters, digits, - and _, a lower-case letter first, are required"),
  version: matching(VERSION_FORM, "a semantic version such as 1.0.0 is required"),
  about: aText,
  tags: listOf(matching(TAG, "1 to 64 letters, digits and . _ : / = - are required"), TAGS_MAX),
  methods: () => undefined,
  init: aFunction,
  cleanup: aFunction,
  health: aFunction,
  middleware: listOf(aMiddleware, 100),
  instances: wholeNumber(1, INSTANCES_MAX),
  exclusive: aBoolean,
  balancer: oneOf(BALANCER_NAMES),
};

const METHOD: Readonly<Record<string, Check>> = {
  handler: aFunction,
  about: aText,
  public: aBoolean,
  access: oneOf(["read", "operate"]),
  idempotent: aBoolean,
  stream: aBoolean,
  timeout: durationUpTo(TIMEOUT_MS_MAX),
  concurrency: wholeNumber(1, WAITING_MAX),
  queue: wholeNumber(0, WAITING_MAX),
  retries: wholeNumber(0, RETRIES_MAX),
  cache: cacheFault,
  invalidates: oneOrMany(textUpTo(200), TAGS_MAX),
  fallback: fallbackFault,
  http: oneOrMany(endpointFault, ENDPOINTS_MAX),
  middleware: listOf(aMiddleware, 100),
  input: aSchema,
  output: aSchema,
};

export function definitionFaults(value: unknown): readonly DefinitionFault[] {
  if (!isFields(value)) return [{ path: "", message: "it has no default export made by defineService({ … })" }];
  if (value.serviceApi !== SERVICE_API_VERSION) return [{ path: "", message: apiFault(value.serviceApi) }];
  const faults = [...fieldFaults("", value, SERVICE)];
  for (const name of ["name", "version"]) {
    if (value[name] === undefined) faults.push({ path: name, message: "it is required" });
  }
  if (value.exclusive === true && typeof value.instances === "number" && value.instances > 1)
    faults.push({ path: "instances", message: `${value.instances} of a service that is exclusive; 1 is allowed` });
  return [...faults, ...methodsFaults(value.methods)];
}

function apiFault(made: unknown): string {
  const how = made === undefined ? "was not made by defineService" : `is for service API ${String(made)}`;
  return `its definition ${how}; this program serves service API ${SERVICE_API_VERSION}`;
}

function methodsFaults(methods: unknown): DefinitionFault[] {
  if (!isFields(methods)) return [{ path: "methods", message: "methods: { name: method({ … }) } is required" }];
  const entries = Object.entries(methods);
  if (entries.length === 0 || entries.length > METHODS_MAX)
    return [{ path: "methods", message: `there are ${entries.length}; 1 to ${METHODS_MAX} are allowed` }];
  return entries.flatMap(([name, method]) => methodFaults(name, method, methods));
}

function methodFaults(name: string, method: unknown, all: Fields): DefinitionFault[] {
  const path = `methods.${name}`;
  const faults: DefinitionFault[] = [];
  if (!METHOD_NAME.test(name) || name === "then") {
    const allowed = "1 to 64 letters, digits and _, a lower-case letter first, and not then, are required";
    faults.push({ path, message: `${shown(name)} is no name of a method; ${allowed}` });
  }
  if (typeof method === "function") return faults;
  if (!isFields(method)) return [...faults, { path, message: "it is neither a function nor made by method({ … })" }];
  faults.push(...fieldFaults(`${path}.`, method, METHOD));
  if (method.handler === undefined) faults.push({ path: `${path}.handler`, message: "it is required" });
  return [...faults, ...togetherFaults(path, method, all)];
}

/** What is right alone and wrong with something else. */
function togetherFaults(path: string, method: Fields, all: Fields): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const say = (field: string, message: string) => faults.push({ path: `${path}.${field}`, message });
  if (method.queue !== undefined && method.concurrency === undefined) say("queue", "nobody waits without concurrency");
  if (method.stream === true && method.cache !== undefined) say("cache", "a stream can not be cached");
  if (method.cache !== undefined && method.invalidates !== undefined)
    say("invalidates", "a method whose answers are kept changes nothing");
  if (method.stream === true && method.fallback !== undefined) say("fallback", "a stream has no fallback");
  const other = isFields(method.fallback) ? method.fallback.method : undefined;
  if (typeof other === "string" && !other.includes(".") && !Object.hasOwn(all, other))
    say("fallback.method", `there is no method ${shown(other)} here${guess(other, Object.keys(all))}`);
  return faults;
}

function* fieldFaults(
  prefix: string,
  fields: Fields,
  checks: Readonly<Record<string, Check>>,
): Generator<DefinitionFault> {
  for (const [name, value] of Object.entries(fields)) {
    const path = `${prefix}${name}`;
    if (!Object.hasOwn(checks, name)) {
      const allowed = Object.keys(checks).filter((each) => each !== "serviceApi");
      yield { path, message: `there is no such field${guess(name, allowed)}; allowed are ${allowed.join(", ")}` };
    } else {
      const message = value === undefined ? undefined : checks[name]!(value);
      if (message !== undefined) yield { path, message };
    }
  }
}

function cacheFault(value: unknown): string | undefined {
  if (!isFields(value)) return "{ ttl, key?, tags?, negativeTtl?, perCaller? } is required";
  const checks: Readonly<Record<string, Check>> = {
    ttl: durationUpTo(CACHED_MS_MAX),
    key: listOf(textUpTo(64), 32),
    tags: listOf(textUpTo(200), TAGS_MAX),
    negativeTtl: durationUpTo(CACHED_MS_MAX),
    perCaller: aBoolean,
  };
  const faults = [...fieldFaults("", value, checks)].map(({ path, message }) => `${path}: ${message}`);
  if (value.ttl === undefined) faults.push("ttl: it is required");
  return faults.length === 0 ? undefined : faults.join("; ");
}

function fallbackFault(value: unknown): string | undefined {
  const isOne =
    isFields(value) &&
    Object.keys(value).length === 1 &&
    (value.value !== undefined || (typeof value.method === "string" && value.method.length <= TARGET_CHARS_MAX));
  return isOne ? undefined : '{ value: … } or { method: "name" } is required';
}

function aSchema(value: unknown): string | undefined {
  const isOne = isFields(value) && typeof value.safeParse === "function" && isFields(value._zod);
  return isOne ? undefined : 'it was not made by z, which "distributed-system/service" exports';
}

function matching(pattern: RegExp, required: string): Check {
  return (value) =>
    typeof value === "string" && pattern.test(value) ? undefined : `it is ${shown(value)}; ${required}`;
}

function textUpTo(chars: number): Check {
  return (value) =>
    typeof value === "string" && value.length > 0 && value.length <= chars
      ? undefined
      : `${shown(value)} is no text of 1 to ${chars} characters`;
}

function durationUpTo(mostMs: number): Check {
  return (value) => {
    const ms = typeof value === "number" || typeof value === "string" ? durationMs(value) : undefined;
    if (ms === undefined || ms === 0) return `${shown(value)} is no duration; required is ${DURATION_FORM}`;
    return ms <= mostMs ? undefined : `${shown(value)} is too long; at most ${formatDurationMs(mostMs)} are allowed`;
  };
}

function wholeNumber(least: number, most: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most
      ? undefined
      : `${shown(value)} is no whole number from ${least} to ${most}`;
}

function oneOf(allowed: readonly string[]): Check {
  return (value) =>
    allowed.includes(value as string) // of whatever type
      ? undefined
      : `${shown(value)} is not allowed${typeof value === "string" ? guess(value, allowed) : ""}; allowed are ${allowed.join(", ")}`;
}

function listOf(each: Check, most: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return `${shown(value)} is no list`;
    if (value.length > most) return `it has ${value.length} entries; at most ${most} are allowed`;
    const at = value.findIndex((entry) => each(entry) !== undefined);
    return at < 0 ? undefined : `[${at}]: ${each(value[at])}`;
  };
}

function oneOrMany(each: Check, most: number): Check {
  const many = listOf(each, most);
  return (value) => (Array.isArray(value) ? many(value) : each(value));
}

function guess(written: string, allowed: readonly string[]): string {
  const near = nearMiss(written, allowed);
  return near === undefined ? "" : `, did you mean ${near}?`;
}

function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80);
  } catch {
    return "a value that JSON can not say";
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
