/**
 * The table as callers and people look at it: by service, the preferred version first, with the places that offer it. Made anew
 * when the table has changed, and only as far as somebody asks: a call finds its route by one look-up.
 */
import type { ServiceDescription, ServicePlace } from "../../../process/service/index.ts";
import type { FoundEndpoint } from "../words/index.ts";
import type { OffersTable, Place } from "./table.ts";
import { comparePreference, fits, readSelector } from "./versions.ts";

/** Selectors that are remembered between changes: every version of every service that anybody names in a large program. */
const ROUTES_MAX = 4_096;

/** A version of a service, and who offers it. */
export interface Route {
  readonly description: ServiceDescription;
  /** All that are known, this node first; see `isCallable`. */
  readonly places: readonly Place[];
}

export function isCallable({ isReachable, offer }: Place): boolean {
  return isReachable && offer.healthy > 0;
}

export class Catalogue {
  readonly #table: OffersTable;
  #revision = -1;
  #services = new Map<string, readonly Route[]>();
  #routes = new Map<string, Route | undefined>();

  constructor(table: OffersTable) {
    this.#table = table;
  }

  get revision(): number {
    return this.#table.revision;
  }

  /** What a call of `users`, `users@1` or `users@1.2.0` reaches: the highest that fits and is callable, else the highest. */
  route(selector: string): Route | undefined {
    this.#refresh();
    const known = this.#routes.get(selector);
    if (known || this.#routes.has(selector)) return known;
    const fitting = this.fitting(selector);
    const route = fitting.find(({ places }) => places.some(isCallable)) ?? fitting[0];
    if (this.#routes.size >= ROUTES_MAX) this.#routes.clear();
    this.#routes.set(selector, route);
    return route;
  }

  /** All versions that it may mean, the preferred one first. */
  fitting(selector: string): readonly Route[] {
    this.#refresh();
    const wanted = readSelector(selector);
    if (!wanted) return [];
    return (this.#services.get(wanted.name) ?? []).filter(({ description }) => fits(description.version, wanted));
  }

  /** In the order of their names, each with its versions, the preferred one first. */
  routes(): readonly Route[] {
    this.#refresh();
    return [...this.#services.values()].flat();
  }

  names(): readonly string[] {
    this.#refresh();
    return [...this.#services.keys()];
  }

  list(): readonly ServiceDescription[] {
    return this.routes().map(({ description }) => description);
  }

  /** Where links stand. A place that is known and has no healthy process is told with 0. */
  discover({
    service,
    tags = [],
  }: {
    service?: string | undefined;
    tags?: readonly string[] | undefined;
  }): ServicePlace[] {
    const routes = service === undefined ? this.routes() : this.fitting(service);
    return routes
      .flatMap(({ places }) => places)
      .filter(({ isReachable, offer }) => isReachable && hasTags(offer.description.tags, tags))
      .map(({ node, offer: { description, healthy } }) => {
        return { node, service: description.name, version: description.version, tags: description.tags, healthy };
      });
  }

  /** Of the version of each service that a call without one reaches. */
  endpoints(): readonly FoundEndpoint[] {
    return this.names().flatMap((name) => {
      const description = this.route(name)?.description;
      return description ? endpointsOf(description) : [];
    });
  }

  #refresh(): void {
    if (this.#revision === this.#table.revision) return;
    this.#revision = this.#table.revision;
    this.#routes = new Map();
    this.#services = gather(this.#table.places());
  }
}

export function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((tag) => tags.includes(tag));
}

/** Where nodes describe one version differently, in the midst of a swap, the first place's word is told. */
function gather(places: Iterable<Place>): Map<string, readonly Route[]> {
  const services = new Map<string, Map<string, Place[]>>();
  for (const place of places) {
    const { name, version } = place.offer.description;
    const versions = services.get(name) ?? new Map<string, Place[]>();
    services.set(name, versions);
    const there = versions.get(version);
    if (there) there.push(place);
    else versions.set(version, [place]);
  }
  const sorted = [...services].sort(([left], [right]) => (left < right ? -1 : 1));
  return new Map(sorted.map(([name, versions]) => [name, routesOf(versions)]));
}

function routesOf(versions: ReadonlyMap<string, readonly Place[]>): readonly Route[] {
  return [...versions]
    .sort(([left], [right]) => comparePreference(left, right))
    .map(([, places]) => ({ description: places[0]!.offer.description, places })); // a version is there because of a place
}

function endpointsOf({ methods, name, version }: ServiceDescription): readonly FoundEndpoint[] {
  return Object.entries(methods).flatMap(([method, { endpoints }]) =>
    endpoints.map((endpoint) => ({ service: name, version, method, endpoint })),
  );
}
