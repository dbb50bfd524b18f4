/**
 * What a host says of its service, looked at before anybody believes it: the process runs somebody else's code, which can write
 * to the channel too. Names and numbers come out within their bounds, or nothing does.
 */
import { z } from "zod";
import { CACHED_MS_MAX, ENDPOINTS_MAX, INSTANCES_MAX, METHODS_MAX, TAGS_MAX, TIMEOUT_MS_MAX } from "./limits.ts";
import { VERSION_FORM } from "./version-form.ts";
import type { ServiceDescription } from "./words.ts";

const TEXT = z.string().max(1_000);
const WORDS = z.array(z.string().max(200)).max(TAGS_MAX);
const COUNT = z.number().int().min(0).max(100_000);
const DURATION = z.number().min(0).max(CACHED_MS_MAX);

const ENDPOINT = z.object({
  verb: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string().startsWith("/").max(200),
});

const CACHE = z.object({
  ttlMs: DURATION,
  key: WORDS.optional(),
  tags: WORDS.optional(),
  negativeTtlMs: DURATION.optional(),
  perCaller: z.boolean().optional(),
});

const METHOD = z.object({
  about: TEXT,
  isPublic: z.boolean(),
  access: z.enum(["read", "operate"]),
  isIdempotent: z.boolean(),
  isStream: z.boolean(),
  timeoutMs: z.number().min(0).max(TIMEOUT_MS_MAX).optional(),
  concurrency: COUNT.optional(),
  queue: COUNT.optional(),
  retries: COUNT.optional(),
  cache: CACHE.optional(),
  invalidates: WORDS.optional(),
  fallback: z
    .union([z.strictObject({ value: z.unknown() }), z.strictObject({ method: z.string().max(200) })])
    .optional(),
  endpoints: z.array(ENDPOINT).max(ENDPOINTS_MAX),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
});

const DESCRIPTION = z.object({
  name: z.string().regex(/^[a-z][a-zA-Z0-9_-]{0,63}$/),
  version: z.string().regex(VERSION_FORM),
  about: TEXT,
  tags: WORDS,
  instances: z.number().int().min(1).max(INSTANCES_MAX),
  isExclusive: z.boolean(),
  hasHealth: z.boolean(),
  balancer: z.string().max(64).optional(),
  methods: z
    .record(z.string().regex(/^[a-z][a-zA-Z0-9_]{0,63}$/), METHOD)
    .refine((methods) => Object.keys(methods).length <= METHODS_MAX),
});

/** The description, or undefined when it is none. */
export function readDescription(value: unknown): ServiceDescription | undefined {
  const result = DESCRIPTION.safeParse(value);
  return result.success ? result.data : undefined;
}
