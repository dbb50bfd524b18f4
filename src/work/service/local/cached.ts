/**
 * Under what the answer of a method is kept, and what a success makes invalid. Keys are built from the service, its version, the method, the
 * params that tell answers apart, in one order whatever order they came in, and what the caller may; and who it is, where each has answers
 * of its own.
 */
import type { CachePolicy, Invalidation, ServiceCaller } from "../../../process/service/index.ts";
import type { Invocation } from "../words/index.ts";
import type { CachedUnder } from "./types.ts";

type Params = Readonly<Record<string, unknown>>;

export interface Cached {
  readonly key: string;
  readonly under: CachedUnder;
}

/** Longer texts are known by their hash: keys and tags stay small in memory and in Redis, whatever callers pass. */
const KEY_CHARS_MAX = 200;
const TAG_CHARS_MAX = 200;

/** Undefined when the params are no JSON object: such a call is not kept, and its method says what is wrong with them. */
export function cachedUnder(call: Invocation, policy: CachePolicy): Cached | undefined {
  const params = readParams(call.params);
  return params && keptUnder(call, policy, params);
}

function keptUnder(call: Invocation, policy: CachePolicy, params: Params): Cached {
  const { key, negativeTtlMs, perCaller, tags = [], ttlMs } = policy;
  const chosen = key === undefined ? params : Object.fromEntries(key.map((name) => [name, own(params, name)]));
  const text = canonical([chosen, allowedTo(call.caller), ...(perCaller ? [nameOf(call.caller)] : [])]);
  const tail = text.length > KEY_CHARS_MAX ? `#${hashOf(text)}` : text;
  return {
    key: `service:${call.service}@${call.version}.${call.method}:${tail}`,
    under: {
      ttlMs,
      tags: tags.map((tag) => tagOf(filled(tag, params))),
      ...(negativeTtlMs !== undefined && { negativeTtlMs }),
    },
  };
}

/** The tags that a success of the method drops. */
export function invalidatedBy(call: Pick<Invocation, "params">, invalidates: readonly string[]): Invalidation {
  const params = readParams(call.params) ?? {};
  return { tags: invalidates.map((tag) => tagOf(filled(tag, params))), keys: [] };
}

/** As caches know it: they take none that is empty or long, and params can make it either. */
export function tagOf(text: string): string {
  if (text === "") return "#";
  return text.length > TAG_CHARS_MAX ? `#${hashOf(text)}` : text;
}

/** JSON with the keys of every object in order: equal values have equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}

/** `user:{id}` with the params in their places; one that is missing leaves its place empty. */
function filled(tag: string, params: Params): string {
  return tag.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = own(params, name);
    if (value === undefined || value === null) return "";
    return typeof value === "object" ? canonical(value) : String(value);
  });
}

function own(params: Params, name: string): unknown {
  return Object.hasOwn(params, name) ? params[name] : undefined;
}

/** What middleware such as `auth` may have looked at: who may less does not get what was answered to somebody who may more. */
function allowedTo({ access, scopes }: ServiceCaller): readonly unknown[] {
  return [access, scopes.toSorted()];
}

function nameOf({ kind, name }: ServiceCaller): string {
  return `${kind}:${name}`;
}

function readParams(bytes: Uint8Array): Params | undefined {
  try {
    const value: unknown = bytes.length === 0 ? {} : JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    canonical(value); // too deep for this is too deep for the method
    return value as Params; // it is an object of JSON
  } catch {
    return undefined; // the method refuses it in words
  }
}

function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
