/**
 * Offers as they travel: JSON bytes, made once for all who get them. What comes from another node is put to this form, with bounds on
 * names and numbers; keys that are not known are left out, so that a newer node may say more. Schemas of methods pass as they are:
 * nobody here carries them out.
 */
import { z } from "zod";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { ServiceDescription } from "../../../process/service/index.ts";
import type { NodeOffers, ServiceOffer } from "../words/index.ts";
import {
  ENDPOINTS_MAX,
  METHODS_MAX,
  NAME_CHARS_MAX,
  OFFERS_BYTES_MAX,
  SERVICES_MAX,
  TAGS_MAX,
  TEXT_CHARS_MAX,
} from "./limits.ts";
import { isVersion } from "./versions.ts";

const NAME = new RegExp(`^[a-zA-Z][\\w-]{0,${NAME_CHARS_MAX - 1}}$`);
/** Of a call, in milliseconds: what a timer holds. */
const MS_MAX = 2 ** 31 - 1;
const COUNT_MAX = 1_000_000;

const name = z.string().regex(NAME);
const text = z.string().max(TEXT_CHARS_MAX);
const texts = z.array(text).max(TAGS_MAX);
const count = z.int().min(0).max(COUNT_MAX);
const ms = z.number().min(0).max(MS_MAX);

const endpoint = z.object({ verb: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]), path: text });
const cache = z.object({
  ttlMs: ms,
  key: texts.optional(),
  tags: texts.optional(),
  negativeTtlMs: ms.optional(),
  perCaller: z.boolean().optional(),
});
const method = z.object({
  about: text,
  isPublic: z.boolean(),
  access: z.enum(["read", "operate"]),
  isIdempotent: z.boolean(),
  isStream: z.boolean(),
  timeoutMs: ms.optional(),
  concurrency: count.optional(),
  queue: count.optional(),
  retries: count.optional(),
  cache: cache.optional(),
  invalidates: texts.optional(),
  fallback: z.union([z.object({ method: text }), z.object({ value: z.unknown() })]).optional(),
  endpoints: z.array(endpoint).max(ENDPOINTS_MAX),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
});
const description = z.object({
  name,
  version: z.string().refine(isVersion, "a semantic version is required"),
  about: text,
  tags: texts,
  instances: count,
  isExclusive: z.boolean(),
  hasHealth: z.boolean(),
  balancer: z.string().max(NAME_CHARS_MAX).optional(),
  methods: z.record(name, method).refine((methods) => Object.keys(methods).length <= METHODS_MAX, "too many methods"),
});
const offers = z.object({
  instance: z.string().min(1).max(NAME_CHARS_MAX),
  revision: z.int().min(1),
  services: z
    .array(z.object({ description, healthy: count }))
    .max(SERVICES_MAX)
    .refine((all) => new Set(all.map(keyOf)).size === all.length, "a version of a service is offered twice"),
});

/** Of a service of this node: why other nodes would not take it; undefined when they do. */
export function faultOfDescription(told: ServiceDescription): string | undefined {
  const { error } = description.safeParse(told);
  return error && faultsOf(error);
}

/** Where all of it is too large, the schemas are left out: one can be called without. */
export function writeOffers({ instance, revision, services }: Omit<NodeOffers, "node">): Uint8Array {
  const whole = encode({ instance, revision, services });
  return whole.byteLength <= OFFERS_BYTES_MAX
    ? whole
    : encode({ instance, revision, services: services.map(withoutSchemas) });
}

/** Fails with `service.offers.malformed`. A node speaks for itself alone: whose link it came over is whose offers they are. */
export function readOffers(node: string, bytes: unknown): NodeOffers {
  if (!(bytes instanceof Uint8Array)) throw malformed(node, `${typeof bytes}; bytes are required`);
  if (bytes.byteLength > OFFERS_BYTES_MAX)
    throw malformed(node, `${bytes.byteLength} bytes; at most ${OFFERS_BYTES_MAX} are allowed`);
  const { data, error } = offers.safeParse(parsed(node, bytes));
  if (!data) throw malformed(node, faultsOf(error));
  return { node, ...data };
}

function parsed(node: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw malformed(node, messageOf(thrown));
  }
}

function malformed(node: string, why: string): Failure {
  return new Failure("service.offers.malformed", `the offers of node ${node} are not taken: ${why}`);
}

function faultsOf(error: z.ZodError): string {
  const [first, ...others] = error.issues;
  const at = first?.path.join(".") ?? "";
  return `${at}: ${first?.message ?? "malformed"}${others.length > 0 ? `, and ${others.length} more` : ""}`;
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function keyOf({
  description: { name: service, version },
}: {
  description: { name: string; version: string };
}): string {
  return `${service}@${version}`;
}

function withoutSchemas({ description: whole, healthy }: ServiceOffer): ServiceOffer {
  const methods = Object.entries(whole.methods).map(
    ([each, { input: _, output: __, ...rest }]) => [each, rest] as const,
  );
  return { healthy, description: { ...whole, methods: Object.fromEntries(methods) } };
}
