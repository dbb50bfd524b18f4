/**
 * Health and reflection of the gateway as a whole, at the root where gRPC's tools ask for them. What is told follows the routes: a service is
 * what a client could call by its name at the host that it asks, and its health is that of the route which would take the call. Reflection
 * shows only what may be called without a token, and what its files import.
 */
import { Failure } from "../../../base/errors.ts";
import { codeOf, type DescriptorStore } from "../../../wire/protobuf/index.ts";
import type { Exchange, RoutePlan } from "../words/index.ts";
import { GrpcReply } from "./grpc-reply.ts";
import { HealthWatches } from "./health-watches.ts";
import { type OwnStore, ownMethodOf, serveOwn } from "./own-services.ts";

export interface RootHealth {
  /** Whether one of the route's targets may be asked; undefined: not known. */
  health(route: RoutePlan): boolean | undefined;
  /** Calls `look` from time to time, until the function that it gives back is called. */
  lookAgain(look: () => void): () => void;
}

/** An exchange of which it is known who stands behind it. */
export type OwnExchange = Exchange & { readonly client: string };

/** Which route takes a call of gRPC to this path. */
type RouteOf = (path: string) => RoutePlan | undefined;

/** Of a service whose methods are not known. */
const ANY_METHOD = "Check";

export class RootServices {
  readonly #routes: readonly RoutePlan[];
  readonly #stores: readonly { readonly route: string; readonly descriptors: DescriptorStore }[];
  readonly #ports: RootHealth;
  readonly #watches: HealthWatches;
  /** By service, all that a client could call. */
  readonly #paths = new Map<string, readonly string[]>();

  /** `stores`: of routes whose descriptors are given by files. */
  constructor(
    routes: readonly RoutePlan[],
    stores: readonly { readonly route: string; readonly descriptors: DescriptorStore }[],
    ports: RootHealth,
  ) {
    this.#routes = routes.filter(takesGrpc);
    this.#stores = stores;
    this.#ports = ports;
    this.#watches = new HealthWatches((look) => ports.lookAgain(look));
    for (const { methods, typeName } of stores.flatMap(({ descriptors }) => descriptors.services())) {
      const paths = methods.map(({ name }) => pathOf(typeName, name));
      this.#paths.set(typeName, [...new Set([...(this.#paths.get(typeName) ?? []), ...paths])]);
    }
  }

  serve(exchange: OwnExchange, routeOf: RouteOf): void {
    const { authority, scheme, target } = exchange.request;
    const method = ownMethodOf(target.split("?", 1)[0]!);
    if (method === undefined) return refuse(exchange, "UNIMPLEMENTED", "there is no such method");
    const watcher = method === "watch" ? this.#watches.admit(exchange.client) : undefined;
    if (method === "watch" && !watcher) return refuse(exchange, "RESOURCE_EXHAUSTED", "too many watch already");
    const taken = (path: string): RoutePlan | undefined => {
      const route = routeOf(path);
      return route && takesGrpc(route) ? route : undefined;
    };
    const health = (service: string): boolean | undefined => {
      const look = (): boolean | undefined => this.#healthOf(service, taken);
      return watcher ? watcher.health(JSON.stringify([scheme, authority, service]), look) : look();
    };
    serveOwn(method, exchange, {
      store: method === "reflection" ? this.#shown(taken) : NOTHING,
      health,
      watchHealth(tell) {
        if (watcher) watcher.tell = tell;
        return () => watcher?.leave();
      },
      onOver: () => watcher?.leave(),
    });
  }

  /** `""`: of the gateway: bad only when no route of gRPC has a target that is good. */
  #healthOf(service: string, taken: RouteOf): boolean | undefined {
    if (service === "") return this.#routes.some((route) => this.#ports.health(route) ?? true);
    for (const path of [...(this.#paths.get(service) ?? []), pathOf(service, ANY_METHOD)]) {
      const route = taken(path);
      if (route !== undefined) return this.#ports.health(route) ?? true;
    }
    return undefined;
  }

  #shown(taken: RouteOf): OwnStore {
    const shown = this.#stores.map(({ descriptors, route }) => ({
      descriptors,
      services: descriptors.services().filter(({ methods, typeName }) =>
        methods.some(({ name }) => {
          const found = taken(`/${typeName}/${name}`);
          return found?.id === route && found.options.auth === "none";
        }),
      ),
    }));
    return joined(shown.filter(({ services }) => services.length > 0).map(shownOf));
  }
}

const NOTHING: OwnStore = joined([]);

type Services = ReturnType<OwnStore["services"]>;

/** Of descriptors these services with what their files import: what else is there may be behind a token. */
function shownOf({
  descriptors,
  services,
}: {
  readonly descriptors: DescriptorStore;
  readonly services: Services;
}): OwnStore {
  const files = new Set(services.map(({ file }) => file));
  for (const file of files) for (const imported of file.dependencies) files.add(imported); // a set being walked also gives what is added
  const names = new Set(Array.from(files, ({ proto }) => proto.name));
  const unlessHidden = (file: string | undefined): string | undefined =>
    file !== undefined && names.has(file) ? file : undefined;
  return {
    services: () => services,
    message: (name) => (unlessHidden(descriptors.fileOf(name)) === undefined ? undefined : descriptors.message(name)),
    extensionsOf: (name) => descriptors.extensionsOf(name).filter(({ file }) => names.has(file.proto.name)),
    fileBytes: (name) => (names.has(name) ? descriptors.fileBytes(name) : undefined),
    fileOf: (symbol) => unlessHidden(descriptors.fileOf(symbol)),
  };
}

/** Where two have a file of one name, that of the first counts. */
function joined(stores: readonly OwnStore[]): OwnStore {
  const first = <T>(find: (store: OwnStore) => T | undefined): T | undefined => {
    for (const store of stores) {
      const found = find(store);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const services = new Map(stores.flatMap((store) => store.services()).map((service) => [service.typeName, service]));
  return {
    services: () => [...services.values()],
    message: (name) => first((store) => store.message(name)),
    extensionsOf: (name) => stores.flatMap((store) => store.extensionsOf(name)),
    fileBytes: (name) => first((store) => store.fileBytes(name)),
    fileOf: (symbol) => first((store) => store.fileOf(symbol)),
  };
}

function pathOf(service: string, method: string): string {
  return `/${encodeURIComponent(service)}/${method}`;
}

function refuse(exchange: Exchange, status: "UNIMPLEMENTED" | "RESOURCE_EXHAUSTED", message: string): void {
  exchange.body.cancel(new Failure("gateway.unwanted", message));
  new GrpcReply(exchange).end({ code: codeOf(status), message });
}

export function takesGrpc({ options, targets }: RoutePlan): boolean {
  if (options.convert.mode === "grpc-json") return true;
  return targets.some((target) => target.kind === "origin" && target.origin.scheme.startsWith("grpc"));
}
