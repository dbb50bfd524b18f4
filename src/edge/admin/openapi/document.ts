/**
 * The OpenAPI 3.1 document of a node: made of the route table, the contracts and the services that are offered now. Nothing in it is
 * written twice: paths come from the table, schemas from the contracts. What is the node's own is made once, when it is first asked
 * for; what services offer again when they change. Both piece by piece: nobody waits for a reader of documents.
 */
import { type Breath, breather } from "../breath.ts";
import type { MethodTable } from "../methods.ts";
import type { AdminPorts, Route } from "../types.ts";
import { builtInPaths, type PathOperation } from "./built-in-paths.ts";
import { callOperation, type Operation, PROBLEM_SCHEMA, routeOperation } from "./operations.ts";
import { Components } from "./schemas.ts";
import { servicePaths } from "./service-paths.ts";

export interface OpenApiSource {
  /** As JSON. */
  text(): Promise<string>;
}

type Paths = Record<string, Record<string, Operation>>;

interface Parts {
  readonly paths: Paths;
  /** What is said of each. */
  readonly tags: Map<string, string>;
  readonly components: Components;
}

export function openApiSource(ports: AdminPorts, methods: MethodTable): OpenApiSource {
  let own: Promise<Parts> | undefined;
  let made: { readonly revision: number | undefined; readonly text: Promise<string> } | undefined;
  const make = async (): Promise<string> => {
    const breath = breather(ports.clock);
    own ??= ownParts(ports.routes, methods, breath);
    const document = documentOf(ports, await withServices(await own, ports, breath));
    await breath();
    return JSON.stringify(document);
  };
  return {
    text() {
      const revision = ports.services?.revision;
      if (!made || made.revision !== revision) made = { revision, text: make() };
      return made.text;
    },
  };
}

function documentOf({ version }: AdminPorts, { components, paths, tags }: Parts): unknown {
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

async function ownParts(routes: readonly Route[], methods: MethodTable, breath: Breath): Promise<Parts> {
  const parts: Parts = {
    paths: {},
    tags: new Map([["node", "This node itself."]]),
    components: new Components(),
  };
  for (const { path, verb, operation } of builtInPaths()) put(parts.paths, path, verb, operation);
  await addRoutes(parts, routes, methods, breath);
  await addCalls(parts, methods, breath);
  return parts;
}

async function addRoutes(
  { paths, tags, components }: Parts,
  routes: readonly Route[],
  methods: MethodTable,
  breath: Breath,
): Promise<void> {
  for (const route of routes) {
    const found = methods.find(route);
    if (!found) continue;
    if (!tags.has(route.tag)) tags.set(route.tag, `Paths of ${route.tag}.`);
    put(paths, route.path, route.verb, routeOperation(route, found, components));
    await breath();
  }
}

async function addCalls({ paths, tags, components }: Parts, methods: MethodTable, breath: Breath): Promise<void> {
  for (const { name, about, methods: own } of await methods.listing()) {
    const tag = `rpc: ${name}`;
    tags.set(tag, `${about}.`);
    for (const [method, { about: what, access, idempotent, input, output }] of Object.entries(own)) {
      const description = `Needs \`${access}\`. ${idempotent ? "Asking twice does no more than asking once." : "Not idempotent."}`;
      const call = { title: `${name}.${method}`, about: what, description, tag, input, output };
      put(paths, `/rpc/${name}/${method}`, "POST", callOperation(call, components));
      await breath();
    }
  }
}

/** Where the node itself answers, no service does; of two services the first one. */
async function withServices(own: Parts, { services }: AdminPorts, breath: Breath): Promise<Parts> {
  if (!services) return own;
  const components = new Components(own.components.schemas);
  const paths = Object.fromEntries(Object.entries(own.paths).map(([path, verbs]) => [path, { ...verbs }]));
  const tags = new Map(own.tags).set(
    "services",
    "What services offer under addresses of their own, and their methods.",
  );
  const known = new Set(
    Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => shapeOf({ path, verb }))),
  );
  for (const each of servicePaths(services, components)) {
    await breath();
    if (known.has(shapeOf(each))) continue;
    known.add(shapeOf(each));
    put(paths, each.path, each.verb, each.operation);
  }
  return { paths, tags, components };
}

function shapeOf({ path, verb }: Pick<PathOperation, "path" | "verb">): string {
  return `${verb.toLowerCase()} ${path.replaceAll(/\{[^}]+\}/g, "{}")}`;
}

function put(paths: Paths, path: string, verb: string, operation: Operation): void {
  paths[path] ??= {};
  paths[path][verb.toLowerCase()] = operation;
}
