/**
 * From what a call names to the places that may take it: by one look-up, until the registry changes. Services that are gone are
 * remembered for a while: that nothing of them is left is no reason to tell callers that they never existed, nor to forget how to fall back.
 */
import { Failure } from "../../../base/errors.ts";
import { nearMiss } from "../../../base/near-miss.ts";
import type { ServiceDescription } from "../../../process/service/index.ts";
import { type Catalogue, isVersion, type Route, readSelector } from "../registry/index.ts";
import { type DoorCall, isStranger } from "../words/index.ts";
import { Group, type GroupParts } from "./group.ts";
import { GONE_MAX, GONE_MS } from "./limits.ts";
import { ServiceState } from "./service-state.ts";
import type { MethodTally } from "./tally.ts";
import type { TargetCounts } from "./target.ts";

/** Names that a message tells of. */
const TOLD_MAX = 8;

type Called = Pick<DoorCall, "caller" | "method" | "service">;

interface Gone {
  readonly description: ServiceDescription;
  readonly untilMs: number;
}

export interface GroupsParts extends Omit<GroupParts, "service"> {
  readonly catalogue: Catalogue;
  readonly callsInFlightMax: number;
}

export class Groups {
  readonly #parts: GroupsParts;
  /** By `name@version`. */
  readonly #groups = new Map<string, Group>();
  readonly #services = new Map<string, ServiceState>();
  readonly #gone = new Map<string, Gone>();
  /** What selectors mean, as of `#revision`. */
  #bySelector = new Map<string, Group>();
  #revision = -1;

  constructor(parts: GroupsParts) {
    this.#parts = parts;
  }

  /** Undefined when nothing that is known fits. */
  find(selector: string, nowMs: number): Group | undefined {
    if (this.#revision !== this.#parts.catalogue.revision) this.#refresh(nowMs);
    const known = this.#bySelector.get(selector);
    if (known) return known;
    const route = this.#parts.catalogue.route(selector);
    if (!route) return undefined;
    const group = this.#group(route, nowMs);
    this.#bySelector.set(selector, group);
    return group;
  }

  /** How it was described when it was last there, for as long as it is remembered. */
  lastKnown(selector: string, nowMs: number): ServiceDescription | undefined {
    const gone = this.#gone.get(readSelector(selector)?.name ?? "");
    return gone && nowMs < gone.untilMs ? gone.description : undefined;
  }

  /** Why nobody can be asked. What else there is, only who has a role hears. */
  missing({ caller, method, service: selector }: Called, nowMs: number): Failure {
    const what = `${selector}.${method}`;
    const wanted = readSelector(selector);
    if (!wanted) {
      const required = "NAME, NAME@1, NAME@1.2 or NAME@1.2.0 is required";
      return new Failure(
        "service.not_found",
        `calling ${what}: ${JSON.stringify(selector)} names no service, ${required}`,
      );
    }
    const others = this.#parts.catalogue.fitting(wanted.name).map(({ description }) => description.version);
    if (others.length > 0) {
      const there = others.slice(0, TOLD_MAX).join(", ");
      return new Failure(
        "service.not_found",
        `calling ${what}: of service ${wanted.name} there is ${there}, not this version`,
      );
    }
    if (this.lastKnown(selector, nowMs)) {
      const message = `calling ${what}: no node offers ${wanted.name} any more; it was there a moment ago`;
      return new Failure("service.unavailable", message, { retryable: true });
    }
    const names = isStranger(caller) ? [] : this.#parts.catalogue.names();
    const near = nearMiss(wanted.name, names);
    const known = names.length === 0 ? "" : `; known are ${names.slice(0, TOLD_MAX).join(", ")}`;
    const hint = near === undefined ? known : `; did you mean ${near}?`;
    return new Failure("service.not_found", `calling ${what}: no node offers a service ${wanted.name}${hint}`);
  }

  tallies(): readonly MethodTally[] {
    return [...this.#services.values()].flatMap(({ tallies }) => tallies);
  }

  targets(): readonly TargetCounts[] {
    return [...this.#groups.values()].flatMap((group) => group.counts());
  }

  #group(route: Route, nowMs: number): Group {
    const { name, version } = route.description;
    const key = `${name}@${version}`;
    const known = this.#groups.get(key);
    known?.update(route, nowMs);
    const group = known ?? new Group(route, { ...this.#parts, service: this.#service(name) }, nowMs);
    this.#groups.set(key, group);
    return group;
  }

  #service(name: string): ServiceState {
    const service = this.#services.get(name) ?? new ServiceState(name, this.#parts.callsInFlightMax);
    this.#services.set(name, service);
    return service;
  }

  /** Groups are brought up to date, or dropped, whether or not somebody calls them: what is held of places that are gone is let go. */
  #refresh(nowMs: number): void {
    const { catalogue } = this.#parts;
    this.#revision = catalogue.revision;
    this.#bySelector = new Map();
    for (const [key, group] of this.#groups) {
      const { name, version } = group.description;
      const route = isVersion(version) ? catalogue.route(key) : undefined;
      if (route) group.update(route, nowMs);
      else {
        this.#groups.delete(key);
        if (catalogue.fitting(name).length === 0) this.#remember(group.description, nowMs);
      }
    }
    for (const name of catalogue.names()) this.#gone.delete(name);
  }

  #remember(description: ServiceDescription, nowMs: number): void {
    this.#gone.delete(description.name);
    this.#gone.set(description.name, { description, untilMs: nowMs + GONE_MS });
    if (this.#gone.size <= GONE_MAX) return;
    const [oldest] = this.#gone.keys();
    this.#gone.delete(oldest!);
    if (this.#services.get(oldest!)?.isIdle) this.#services.delete(oldest!);
  }
}
