/** What a limit counts a request under. Undefined: the request has no such thing. */
import { createHash } from "node:crypto";
import { addressKey } from "../../../base/ip-address.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import type { LimitPlan } from "../words/index.ts";
import type { LimitRequest } from "./words.ts";

/** Longer texts are kept as their digest: what a client sends must not decide how much memory a key takes. */
const KEY_CHARS_MAX = 128;

/** Addresses of a busy minute; a flood of others costs what it costs without. */
const KNOWN_MAX = 4_096;

export type KeyReader = (request: LimitRequest) => string | undefined;

export function keyReader(plan: LimitPlan, route: string): KeyReader {
  const { ipv6Prefix, key } = plan;
  switch (key.kind) {
    case "client_ip":
      return addressReader(ipv6Prefix);
    case "header": {
      const name = key.name.toLowerCase();
      return (request) => headerKey(request, name, plan);
    }
    case "claim": {
      const { name } = key;
      return ({ claims }) => boundedKey(claimText(claims, name));
    }
    case "route":
      return () => route;
    case "global":
      return () => "";
  }
}

/** What was made of IPv6 addresses is remembered: to read one takes longer than all the rest. */
function addressReader(ipv6Prefix: number): KeyReader {
  const known = new Map<string, string>();
  return ({ client }) => {
    if (client.indexOf(":") < 0) return client;
    let key = known.get(client);
    if (key !== undefined) return key;
    key = addressKey(client, ipv6Prefix);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(client, key);
    return key;
  };
}

/** Of requests without their key, under `missing=client_ip`: nobody's header or claim begins like this. */
export function fallbackKey(request: LimitRequest, { ipv6Prefix }: LimitPlan): string {
  return `\0${addressKey(request.client, ipv6Prefix)}`;
}

/**
 * Of a header that comes twice nobody knows which one the upstream goes by: to count by either, or by both together, would let a client
 * choose a new key for each request. It is counted by who sends it; where requests without the header are refused, it is too.
 */
function headerKey(request: LimitRequest, name: string, plan: LimitPlan): string | undefined {
  const { headers } = request;
  const at = placeOf(headers, name, 0);
  if (at < 0) return undefined;
  if (placeOf(headers, name, at + 2) < 0) return boundedKey(headers[at + 1]);
  return plan.missing === "deny" ? undefined : fallbackKey(request, plan);
}

function placeOf(headers: HeaderList, name: string, from: number): number {
  for (let at = from; at < headers.length; at += 2) if (headers[at] === name) return at;
  return -1;
}

/**
 * Texts and numbers are keys; an empty text says nothing about who asks. A digest begins like no text that is a key by itself, so nobody can
 * send it; it is the same in each process, because gateways count together.
 */
function boundedKey(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (text.length <= KEY_CHARS_MAX && text.charCodeAt(0) !== 0) return text;
  return `\0sha256:${createHash("sha256").update(text).digest("base64")}`;
}

function claimText(claims: LimitRequest["claims"], name: string): string | undefined {
  if (claims === undefined || !Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
