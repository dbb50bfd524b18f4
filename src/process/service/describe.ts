/** What a definition says of its service to those who have only plain data: schemas become JSON schema, defaults are filled in. */

import { Failure, messageOf } from "../../base/errors.ts";
import {
  type AnyMethod,
  type CacheOptions,
  durationMs,
  isCache,
  type Middleware,
  type ServicePackage,
  z,
} from "../../sdk/service/index.ts";
import { type DefinitionFault, definitionFaults } from "./definition-faults.ts";
import { endpointShape, readEndpoint } from "./endpoints.ts";
import { DESCRIPTION_BYTES_MAX } from "./limits.ts";
import type { CachePolicy, MethodDescription, ServiceDescription } from "./words.ts";

/** Fails with `service.definition`: every fault at once. */
export function describeService(file: string, value: unknown): ServiceDescription {
  refuse(file, definitionFaults(value));
  const definition = value as ServicePackage; // every field was looked at
  const faults: DefinitionFault[] = [];
  const methods: [string, MethodDescription][] = Object.entries(definition.methods).map(([name, method]) => {
    const settings: AnyMethod = typeof method === "function" ? { handler: method } : method;
    return [name, describeMethod(name, settings, definition.middleware ?? [], faults)];
  });
  faults.push(...clashes(methods));
  refuse(file, faults);
  const description: ServiceDescription = {
    name: definition.name,
    version: definition.version,
    about: definition.about ?? "",
    tags: definition.tags ?? [],
    instances: definition.instances ?? 1,
    isExclusive: definition.exclusive === true,
    hasHealth: definition.health !== undefined,
    balancer: definition.balancer,
    methods: Object.fromEntries(methods),
  };
  const bytes = Buffer.byteLength(JSON.stringify(description));
  if (bytes > DESCRIPTION_BYTES_MAX)
    refuse(file, [
      { path: "", message: `it says ${bytes} bytes of itself; at most ${DESCRIPTION_BYTES_MAX} are allowed` },
    ]);
  return description;
}

function refuse(file: string, faults: readonly DefinitionFault[]): void {
  if (faults.length === 0) return;
  const told = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  throw new Failure("service.definition", `${file} is not a service: ${told}`, { data: { faults } });
}

function describeMethod(
  name: string,
  method: AnyMethod,
  around: readonly Middleware[],
  faults: DefinitionFault[],
): MethodDescription {
  const endpoints = listOf(method.http).map(readEndpoint);
  const onlyGets = endpoints.length > 0 && endpoints.every(({ verb }) => verb === "GET");
  const onlyLooks = (onlyGets || method.access === "read") && method.invalidates === undefined;
  const cache = method.stream ? undefined : cacheOf(method, around, onlyLooks);
  const isReading = cache !== undefined || onlyGets;
  return {
    about: method.about ?? "",
    isPublic: method.public === true,
    access: method.access ?? (isReading ? "read" : "operate"),
    isIdempotent: method.idempotent ?? isReading,
    isStream: method.stream === true,
    timeoutMs: method.timeout === undefined ? undefined : durationMs(method.timeout),
    concurrency: method.concurrency,
    queue: method.queue,
    retries: method.retries,
    cache: cache && policyOf(cache),
    invalidates: method.invalidates === undefined ? undefined : listOf(method.invalidates),
    fallback: method.fallback,
    endpoints,
    input: jsonSchema(`methods.${name}.input`, method.input, "input", faults),
    output: jsonSchema(`methods.${name}.output`, method.output, "output", faults),
  };
}

/** The method's own says more than what stands around it; the service's is for methods that only look. */
function cacheOf(method: AnyMethod, around: readonly Middleware[], onlyLooks: boolean): CacheOptions | undefined {
  return (
    method.cache ??
    method.middleware?.findLast(isCache)?.cache ??
    (onlyLooks ? around.findLast(isCache)?.cache : undefined)
  );
}

function policyOf({ key, negativeTtl, perCaller, tags, ttl }: CacheOptions): CachePolicy {
  const ttlMs = durationMs(ttl) ?? 0;
  return {
    ttlMs,
    key,
    tags,
    negativeTtlMs: negativeTtl === undefined ? undefined : durationMs(negativeTtl),
    perCaller,
  };
}

function jsonSchema(
  path: string,
  schema: z.ZodType | undefined,
  io: "input" | "output",
  faults: DefinitionFault[],
): unknown {
  if (schema === undefined) return undefined;
  try {
    return z.toJSONSchema(schema, { io, unrepresentable: "any" });
  } catch (thrown) {
    faults.push({ path, message: `it has no JSON schema: ${messageOf(thrown)}` });
    return undefined;
  }
}

function clashes(methods: readonly [string, MethodDescription][]): DefinitionFault[] {
  const owners = new Map<string, string>();
  const faults: DefinitionFault[] = [];
  for (const [name, { endpoints }] of methods) {
    for (const endpoint of endpoints) {
      const shape = endpointShape(endpoint);
      const owner = owners.get(shape);
      const what = `${endpoint.verb} ${endpoint.path}`;
      if (owner !== undefined)
        faults.push({ path: `methods.${name}.http`, message: `${what} is what ${owner} answers` });
      owners.set(shape, name);
    }
  }
  return faults;
}

function listOf<T>(one: T | readonly T[] | undefined): readonly T[] {
  if (one === undefined) return [];
  return Array.isArray(one) ? one : [one as T]; // Array.isArray does not narrow readonly lists
}
