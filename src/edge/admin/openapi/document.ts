/**
 * The OpenAPI 3.1 document of a node: made of the route table, the contracts and the services that are offered now. Nothing in it is
 * written twice: paths come from the table, schemas from the contracts. Made when it is asked for, and again when services change.
 */
import type { MethodTable } from "../methods.ts";
import type { AdminPorts, Route } from "../types.ts";
import { builtInPaths, type PathOperation } from "./built-in-paths.ts";
import { callOperation, type Operation, PROBLEM_SCHEMA, routeOperation } from "./operations.ts";
import { Components } from "./schemas.ts";
import { servicePaths } from "./service-paths.ts";

export interface OpenApiSource {
  /** As JSON. */
  text(): string;
}

type Paths = Record<string, Record<string, Operation>>;
type Tags = Map<string, string>;

export function openApiSource(ports: AdminPorts, methods: MethodTable): OpenApiSource {
  let made: { readonly revision: number | undefined; readonly text: string } | undefined;
  return {
    text() {
      const revision = ports.services?.revision;
      if (!made || made.revision !== revision) made = { revision, text: JSON.stringify(documentOf(ports, methods)) };
      return made.text;
    },
  };
}

function documentOf({ routes, services, version }: AdminPorts, methods: MethodTable): unknown {
  const components = new Components();
  const tags: Tags = new Map([["node", "This node itself."]]);
  const paths: Paths = {};
  for (const { path, verb, operation } of builtInPaths()) put(paths, path, verb, operation);
  addRoutes({ paths, tags, components }, routes, methods);
  addCalls({ paths, tags, components }, methods);
  if (services) {
    tags.set("services", "What services offer under addresses of their own, and their methods.");
    addServices(paths, servicePaths(services, components));
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "distributed_system",
      version,
      summary: "One executable that runs data pipelines, every plugin in its own supervised process.",
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The node that was asked." }],
    security: [{ bearer: [] }],
    tags: [...tags].map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Problem: PROBLEM_SCHEMA, ...components.schemas },
    },
  };
}

const DESCRIPTION = [
  "Each path stands for a method of a contract; all of them can also be called under `/rpc/{service}/{method}`, with the input as",
  'the body, or in the envelope `{"method", "params", "id"}`, which is answered by `{"id", "result"}`.',
  "Every failure is a problem (RFC 9457) with a `code`. Lists come in pages: `limit`, `cursor`, and `Link: rel=next`.",
  "`deadline-ms` says how long the caller goes on waiting, `traceparent` to which trace the call belongs.",
].join(" ");

interface Parts {
  readonly paths: Paths;
  readonly tags: Tags;
  readonly components: Components;
}

function addRoutes({ paths, tags, components }: Parts, routes: readonly Route[], methods: MethodTable): void {
  for (const route of routes) {
    const found = methods.find(route);
    if (!found) continue;
    if (!tags.has(route.tag)) tags.set(route.tag, `Paths of ${route.tag}.`);
    put(paths, route.path, route.verb, routeOperation(route, found, components));
  }
}

function addCalls({ paths, tags, components }: Parts, { listing }: MethodTable): void {
  for (const { name, about, methods } of listing) {
    const tag = `rpc: ${name}`;
    tags.set(tag, `${about}.`);
    for (const [method, { about: what, access, idempotent, input, output }] of Object.entries(methods)) {
      const description = `Needs \`${access}\`. ${idempotent ? "Asking twice does no more than asking once." : "Not idempotent."}`;
      const call = { title: `${name}.${method}`, about: what, description, tag, input, output };
      put(paths, `/rpc/${name}/${method}`, "POST", callOperation(call, components));
    }
  }
}

/** Where the node itself answers, no service does; of two services the first one. */
function addServices(paths: Paths, all: readonly PathOperation[]): void {
  const shape = (path: string, verb: string): string => `${verb.toLowerCase()} ${path.replaceAll(/\{[^}]+\}/g, "{}")}`;
  const known = new Set(
    Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => shape(path, verb))),
  );
  for (const { path, verb, operation } of all) {
    if (known.has(shape(path, verb))) continue;
    known.add(shape(path, verb));
    put(paths, path, verb, operation);
  }
}

function put(paths: Paths, path: string, verb: string, operation: Operation): void {
  paths[path] ??= {};
  paths[path][verb.toLowerCase()] = operation;
}
