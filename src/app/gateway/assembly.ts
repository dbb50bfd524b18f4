/**
 * A plan put together: connections, groups of targets, conversions, rules, limits, guards, chosen and bound to this process. A reload
 * makes another one, which takes over what goes on (limits, firewalls whose lines have not changed); the one before is retired (formers.ts).
 */
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Tracer } from "../../base/trace.ts";
import type { CoreParts, Doorkeeper, RouteGuards } from "../../edge/gateway/core/index.ts";
import { ClientViews, GatewayLimits } from "../../edge/gateway/limit/index.ts";
import { groupSettings, type NamedTargets, TargetGroup, UpstreamPools } from "../../edge/gateway/upstream/index.ts";
import type { GatewayPlan, RoutePlan, RouteRules, Upstreams } from "../../edge/gateway/words/index.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import type { Authenticate } from "../token/authenticate.ts";
import type { CertificateTime } from "./certificate-times.ts";
import { openDoorkeeper } from "./doorkeeper.ts";
import { openConversions } from "./open-conversions.ts";
import { type Firewalls, openGuards } from "./open-guards.ts";
import { openRules } from "./open-rules.ts";
import { ownRoutes } from "./own-routes.ts";
import { shownToPeople } from "./shown-text.ts";
import { tellTargets } from "./tell-targets.ts";
import { upstreamMaterial } from "./tls-files.ts";
import { tracedNamed, tracedUpstreams } from "./traced-targets.ts";

export interface AssemblyPorts {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly random: Random;
  readonly named: NamedTargets;
  readonly authenticate: Authenticate;
  /** Of this gateway, for `via`. */
  readonly pseudonym: string;
  readonly newId: () => string;
  /** The main process checks the targets, and tells. */
  readonly isToldHealth?: boolean | undefined;
  /** By its checks a target has become another than it was. */
  readonly healthChanged?: (() => void) | undefined;
  /** Where it listens. */
  readonly server: () => { readonly address: string; readonly port: number };
}

export interface Assembly {
  readonly parts: CoreParts;
  readonly limits: GatewayLimits;
  readonly firewalls: Firewalls;
  readonly pools: UpstreamPools;
  /** Of what routes show their upstreams, and believe of them. */
  readonly certificates: readonly CertificateTime[];
  groupOf(route: string): TargetGroup | undefined;
  /** Of the newest assembly: whoever is told of health by a former one hears how it is now. */
  readonly newest: { groupOf: Assembly["groupOf"] };
  /** Another one has taken its place, and only requests that are under way ask it: checks of targets end, and idle connections go. */
  retire(next: Assembly): void;
  /** None of them will ask a rule. */
  closeRules(): Promise<void>;
  /** Its last request has ended, or is to be cut off. */
  close(): Promise<void>;
}

/**
 * Fails with what is wrong with a file that the plan names: `gateway.tls`, `gateway.jwks`, `gateway.rule_syntax`, `gateway.proto`, `waf.load`.
 * It makes nothing itself: a function made in an async one that has waited holds all that this one had, here the assembly before, which
 * would hold the one before it.
 */
export async function assemble(plan: GatewayPlan, ports: AssemblyPorts, former?: Assembly): Promise<Assembly> {
  const opened = await open(plan, ports, former?.newest ?? { groupOf: () => undefined });
  try {
    const { logger, server } = ports;
    const firewalls = await openGuards(plan, { logger, server }, former?.firewalls);
    const limits = new GatewayLimits(plan.limits, systemClock, former?.limits); // last: nothing may fail behind it
    return assembled(plan, ports, { ...opened, firewalls, limits });
  } catch (thrown) {
    await opened.closing.disposeAsync();
    throw thrown;
  }
}

/** What nothing is taken over for. */
interface Opened {
  readonly doorkeeper: Doorkeeper;
  readonly pools: UpstreamPools;
  readonly certificates: readonly CertificateTime[];
  readonly groups: ReadonlyMap<string, TargetGroup>;
  /** Who says how targets are: these groups, or those of the newest file. */
  readonly standing: { readonly newest: Assembly["newest"]; isRetired: boolean };
  readonly conversions: Awaited<ReturnType<typeof openConversions>>;
  readonly rules: Awaited<ReturnType<typeof openRules>>;
  readonly closing: AsyncDisposableStack;
}

async function open(plan: GatewayPlan, ports: AssemblyPorts, newest: Assembly["newest"]): Promise<Opened> {
  const { authenticate, healthChanged, isToldHealth, logger, named, newId, random, tracer } = ports;
  await using opening = new AsyncDisposableStack();
  const doorkeeper = openDoorkeeper({
    settings: plan.settings,
    authenticate,
    nowMs: () => systemClock.now(),
    warn: warnOnceAWhile(logger, systemClock),
  });
  const warnOfDefect = warnOnceAWhile(logger, systemClock);
  const pools = new UpstreamPools({
    clock: systemClock,
    allowedPrivate: plan.settings.allowedPrivate,
    onDefect: (failure) => warnOfDefect(failure.message, { error: failure }),
  });
  opening.defer(() => pools.close(drained()));
  const asked = { named: tracedNamed(named, tracer), upstreams: tracedUpstreams(pools, tracer) };
  const groups = new Map<string, TargetGroup>();
  const warn = eachOnce((text) => logger.warn(text));
  const certificates: CertificateTime[] = [];
  const told = { logger, random, warn, certificates, healthChanged, isToldHealth };
  for (const route of plan.routes) groups.set(route.id, openGroup(route, { ...told, ...asked }));
  opening.defer(() => {
    for (const group of groups.values()) group.close();
  });
  const standing = { newest, isRetired: false };
  const groupOf = (route: string) => (standing.isRetired ? newest.groupOf(route) : groups.get(route));
  const conversions = await openConversions(plan, { groupOf, newId });
  opening.defer(() => conversions.close());
  const rules = await openRules(plan, logger);
  opening.defer(() => rules.close());
  return { doorkeeper, pools, certificates, groups, standing, conversions, rules, closing: opening.move() };
}

function assembled(
  plan: GatewayPlan,
  { newId, pseudonym, tracer }: AssemblyPorts,
  {
    doorkeeper,
    pools,
    certificates,
    groups,
    standing,
    conversions,
    rules,
    firewalls,
    limits,
    closing,
  }: Opened & Pick<Assembly, "firewalls" | "limits">,
): Assembly {
  const { settings } = plan;
  return {
    limits,
    firewalls,
    pools,
    certificates,
    newest: standing.newest,
    groupOf: (route) => groups.get(route),
    retire(next) {
      standing.isRetired = true;
      standing.newest.groupOf = next.groupOf;
      for (const [route, group] of groups) {
        next.groupOf(route)?.goOnFrom(group);
        group.close();
      }
      pools.drain();
    },
    closeRules: () => rules.close(),
    parts: {
      ...{ plan, tracer, limits, doorkeeper, pseudonym, newId },
      addresses: new ClientViews(settings.trustedProxies, settings.proxyHeader),
      groupFor: (route) => groups.get(route.id)!, // each route has one
      converterFor: (route) => conversions.of(route.id),
      rulesFor: (route): RouteRules | undefined => rules.of(route),
      guardsFor: (route): RouteGuards => firewalls.guardsFor(route),
      shown: (text, route, kind) => shownToPeople(text, kind, route, firewalls.maskLog),
      own: ownRoutes(plan, conversions.root),
      now: () => systemClock.monotonic(),
    },
    async close() {
      limits.stop();
      await closing.disposeAsync();
    },
  };
}

function drained(): Failure {
  return new Failure("gateway.drained", "it began by a gateway file that the gateway does not go by any more");
}

interface GroupPorts extends Pick<AssemblyPorts, "healthChanged" | "isToldHealth" | "logger" | "named" | "random"> {
  readonly upstreams: Upstreams;
  readonly warn: (text: string) => void;
  readonly certificates: CertificateTime[];
}

/** Routes share files. */
function eachOnce(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (!told.has(text)) tell(text);
    told.add(text);
  };
}

function openGroup(route: RoutePlan, ports: GroupPorts): TargetGroup {
  const { certificates, healthChanged, isToldHealth, logger, named, random, upstreams, warn } = ports;
  const log = logger.child({ component: "upstreams", route: route.id });
  return new TargetGroup(groupSettings(route, upstreamMaterial(route, warn, certificates)), {
    clock: systemClock,
    random,
    upstreams,
    named,
    isTold: isToldHealth,
    onEvent: (event) => {
      tellTargets(log, event);
      if (event.type === "health") healthChanged?.();
    },
  });
}
