/** Answers the contract `services` from the registry, the door to all services, and the services of this node. */
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { ServiceDescription } from "../../process/service/index.ts";
import { type CallContext, implement, type Service } from "../../wire/rpc/index.ts";
import type { ClusterServices } from "../../work/service/caller/index.ts";
import type { LocalServices } from "../../work/service/local/index.ts";
import { hasTags, type Route, type ServiceRegistry } from "../../work/service/registry/index.ts";
import type { DoorCall } from "../../work/service/words/index.ts";
import { askSystems, type EveryNode, isSystem } from "./broadcast-system.ts";
import { serviceCallerOf } from "./caller.ts";
import { CALL_TIMEOUT_MS } from "./limits.ts";
import { type ListedService, type LocalService, servicesContract } from "./services-contract.ts";

export interface ServicesParts {
  /** This node's id. */
  readonly self: string;
  readonly local: Pick<LocalServices, "statuses" | "swap" | "restart" | "rescan">;
  readonly registry: Pick<ServiceRegistry, "catalogue" | "counts">;
  readonly nodes: EveryNode;
  readonly door: Pick<ClusterServices, "call" | "broadcast" | "discover" | "find" | "counts" | "revision">;
}

interface Question {
  readonly service: string;
  readonly method: string;
  readonly params?: unknown;
  readonly timeoutMs?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

export function servicesService({ door, local, nodes, registry, self }: ServicesParts): Service {
  return implement(servicesContract, {
    list: ({ cursor, limit, tags = [] }) => page(registry.catalogue.routes(), { cursor, limit, tags }),
    describe: ({ service }) => {
      const description = door.find(service);
      if (!description) throw unknownService(service, registry.catalogue.names());
      const { name, version } = description;
      const places = door.discover({ service: `${name}@${version}` });
      return { description: { ...description }, places: [...places] };
    },
    discover: (query) => ({ places: [...door.discover(query)] }),
    local: () => ({ services: local.statuses().map(toldStatus) }),
    async call(question, context) {
      if (isStream(door.find(question.service), question.method)) throw streams(question);
      return { result: readJson(await door.call(callOf(question, context))) };
    },
    async broadcast(question, context) {
      const answers = isSystem(question.service)
        ? await askSystems(question, context, nodes)
        : await door.broadcast(callOf(question, context));
      return { answers };
    },
    swap: async ({ file, service }) => ({ service: await local.swap(service, file) }),
    restart: async ({ service }) => ({ service: await local.restart(service) }),
    rescan: () => local.rescan(),
    registry: () => ({
      self,
      revision: door.revision,
      places: registry.catalogue.routes().flatMap(placesOf),
      counts: { ...registry.counts() },
      targets: door.counts().targets.map((target) => ({ ...target })),
    }),
  });
}

interface PageQuery {
  readonly tags: readonly string[];
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** A cursor is the last label of a page: what came or went meanwhile makes no other entry appear twice or be left out. */
function page(routes: readonly Route[], { cursor, limit, tags }: PageQuery) {
  const all = routes
    .filter(({ description }) => hasTags(description.tags, tags))
    .map((route) => ({ label: labelOf(route.description), route }))
    .sort((left, right) => (left.label < right.label ? -1 : 1));
  const rest = cursor === undefined ? all : all.filter(({ label }) => label > cursor);
  const services = rest.slice(0, limit).map(({ route }) => toldRoute(route));
  const next = rest.length > limit ? rest[limit - 1]?.label : undefined;
  return { services, ...(next !== undefined && { next }) };
}

function toldRoute({ description, places }: Route): ListedService {
  const { about, methods, name, tags, version } = description;
  const nodes = places
    .filter(({ isReachable }) => isReachable)
    .map(({ node, offer }) => ({ node, healthy: offer.healthy }));
  return {
    service: name,
    version,
    about,
    tags,
    methods: Object.entries(methods).map(([method, { about: what, isPublic }]) => {
      return { name: method, about: what, isPublic };
    }),
    nodes,
    healthy: nodes.reduce((sum, { healthy }) => sum + healthy, 0),
  };
}

function placesOf({ description: { name, tags, version }, places }: Route) {
  return places.map(({ instance, isReachable, node, offer }) => {
    return { node, service: name, version, tags, healthy: offer.healthy, isReachable, instance };
  });
}

function toldStatus(status: ReturnType<LocalServices["statuses"]>[number]): LocalService {
  const { name, processes, ...rest } = status;
  return {
    ...rest,
    ...(name !== undefined && { service: name }),
    processes: processes.map(({ pid, ...more }) => ({ ...more, ...(pid !== undefined && { pid }) })),
  };
}

function callOf({ method, params = {}, service, tags, timeoutMs }: Question, context: CallContext): DoorCall {
  const { caller, signal, traceparent } = context;
  return {
    service,
    method,
    params: Buffer.from(JSON.stringify(params)),
    timeoutMs: timeoutMs ?? CALL_TIMEOUT_MS,
    caller: serviceCallerOf(caller),
    tags,
    traceparent,
    signal,
  };
}

function readJson(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  return text === "" ? null : JSON.parse(text); // a process that writes something else has been killed for it
}

function isStream(description: ServiceDescription | undefined, method: string): boolean {
  const { methods = {} } = description ?? {};
  return Object.hasOwn(methods, method) && methods[method]?.isStream === true;
}

function streams({ method, service }: Question): Failure {
  const message = `${service}.${method} gives a stream; POST /rpc/${service}/${method} is required, which gives its items one by one`;
  return new Failure("service.streams", message);
}

function unknownService(wanted: string, known: readonly string[]): Failure {
  const near = nearMiss(wanted, known);
  const hint = near === undefined ? `known are ${known.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
  return new Failure("service.not_found", `no service is ${JSON.stringify(wanted)}; ${hint}`);
}

function labelOf({ name, version }: ServiceDescription): string {
  return `${name}@${version}`;
}
