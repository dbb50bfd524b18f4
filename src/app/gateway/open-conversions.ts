/** The conversions of routes: descriptors read, health and reflection answered by what is known of their targets. */
import { readFileSync, statSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { type Converter, type ConvertPorts, openConverter, RootServices } from "../../edge/gateway/convert/index.ts";
import type { TargetGroup } from "../../edge/gateway/upstream/index.ts";
import type { GatewayPlan, RoutePlan } from "../../edge/gateway/words/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { hiddenRules, rawBodies, requireServing } from "./serving-descriptors.ts";

/** Descriptors of a large company are some megabytes. */
const DESCRIPTOR_BYTES_MAX = 32 * 1024 * 1024;
/** Whoever watches the health hears of a change this late. */
const HEALTH_LOOK_MS = 1_000;

export interface Conversions {
  of(route: string): Converter | undefined;
  /** For health and reflection of the gateway as a whole. */
  readonly root: RootServices;
  close(): void;
}

export interface ConversionPorts {
  readonly groupOf: (route: string) => TargetGroup | undefined;
  readonly newId: () => string;
}

/** Fails with `protobuf.*` where descriptors cannot be read, with `gateway.config.descriptors` where they serve nobody. */
export async function openConversions(plan: GatewayPlan, ports: ConversionPorts): Promise<Conversions> {
  const converters = new Map<string, Converter>();
  const watches = new Set<() => void>();
  for (const route of plan.routes) {
    if (!mayConvert(route)) continue;
    const converter = await openConverter(route, portsOf(route, ports, watches), systemClock);
    if (converter.descriptors) requireServing(route, converter.descriptors);
    converters.set(route.id, converter);
  }
  const stores = [...converters].flatMap(([route, { descriptors }]) => (descriptors ? [{ route, descriptors }] : []));
  const health = (route: RoutePlan): boolean | undefined => healthOf(ports.groupOf(route.id));
  const watching = { health, lookAgain: (look: () => void) => lookAgain(look, watches) };
  return {
    of: (route) => converters.get(route),
    root: new RootServices(plan.routes, stores, watching),
    close() {
      for (const end of [...watches]) end();
    },
  };
}

/** What may surprise in the descriptors of one route. Fails with `protobuf.*`, `gateway.config.descriptors` where they cannot serve. */
export async function descriptorNotes(plan: GatewayPlan, route: RoutePlan): Promise<readonly string[]> {
  const only = { ...plan, routes: [route] };
  const conversions = await openConversions(only, { groupOf: () => undefined, newId: () => "" });
  conversions.close();
  const store = conversions.of(route.id)?.descriptors;
  return store === undefined ? [] : [...hiddenRules(route, store), ...rawBodies(route, store)];
}

function mayConvert({ options, targets }: RoutePlan): boolean {
  return options.convert.mode !== "off" && (targets.some(({ kind }) => kind === "origin") || options.lua !== undefined);
}

function portsOf(route: RoutePlan, { groupOf, newId }: ConversionPorts, watches: Set<() => void>): ConvertPorts {
  const health = (): boolean | undefined => healthOf(groupOf(route.id));
  return {
    readFile,
    health,
    watchHealth: (listener) => watch(health, listener, watches),
    nextId: newId,
    randomBytes: (count) => systemEntropy(count),
  };
}

function healthOf(group: TargetGroup | undefined): boolean | undefined {
  return group
    ?.standing()
    .some(({ breaker, health, isEjected }) => health !== "unhealthy" && !isEjected && breaker !== "open");
}

/** Tells of each change, until the function that it gives back is called. */
function watch(look: () => boolean | undefined, tell: () => void, watches: Set<() => void>): () => void {
  let last = look();
  return lookAgain(() => {
    const now = look();
    if (now === last) return;
    last = now;
    tell();
  }, watches);
}

function lookAgain(look: () => void, watches: Set<() => void>): () => void {
  const again = (): void => {
    timer = systemClock.after(HEALTH_LOOK_MS, again);
    look();
  };
  let timer = systemClock.after(HEALTH_LOOK_MS, again);
  const end = (): void => {
    timer.cancel();
    watches.delete(end);
  };
  watches.add(end);
  return end;
}

function readFile(path: string): Uint8Array | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() && found.size <= DESCRIPTOR_BYTES_MAX ? readFileSync(path) : undefined;
}
