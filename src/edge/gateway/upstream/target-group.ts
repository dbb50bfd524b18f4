/**
 * The targets of one route: which of them is asked, what is known of each, and what becomes of requests that fail. Connections are the
 * pools' matter (`Upstreams`), services, pipelines and tasks somebody else's (`NamedTargets`).
 */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { OutlierEffect } from "../../../protocol/balance/index.ts";
import type { HealthState } from "../../../protocol/health/index.ts";
import { RetryBudget } from "../../../protocol/retry/index.ts";
import type { BodySource } from "../../../wire/http/index.ts";
import type { HealthPlan, OriginTarget, TargetPlan, Upstreams } from "../words/index.ts";
import { Chooser } from "./chooser.ts";
import { GroupAsk } from "./group-ask.ts";
import type { GroupParts } from "./group-parts.ts";
import type {
  GroupCall,
  GroupCounts,
  GroupEvents,
  GroupRequest,
  GroupSettings,
  NamedTargets,
  TargetEvent,
  TargetHealth,
  TargetStanding,
} from "./group-words.ts";
import { HealthWatch } from "./health-watch.ts";
import { HedgeTimers } from "./hedge-timers.ts";
import { KeptBody } from "./kept-body.ts";
import { BUDGET_RESERVE, BUDGET_WINDOW_MS, KEPT_BODY_BYTES_MAX } from "./limits.ts";
import { Mirror } from "./mirror.ts";
import { TargetState } from "./target-state.ts";

export interface GroupPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly upstreams: Upstreams;
  readonly named: NamedTargets;
  readonly onEvent?: ((event: TargetEvent) => void) | undefined;
  /** Another process checks these targets, and this group is told (`hear`). */
  readonly isTold?: boolean | undefined;
}

const NO_COUNTS: GroupCounts = {
  ...{ requests: 0, retries: 0, hedges: 0, hedgesWon: 0, unbudgeted: 0, unkept: 0, noTarget: 0 },
  ...{ mirrored: 0, mirrorsSkipped: 0 },
};
const COUNTED = Object.keys(NO_COUNTS) as (keyof GroupCounts)[]; // it has no others

export class TargetGroup {
  readonly #settings: GroupSettings;
  readonly #ports: GroupPorts;
  readonly #states: readonly TargetState[];
  readonly #parts: GroupParts;
  readonly #mirror: Mirror | undefined;
  readonly #watches: readonly HealthWatch[];

  constructor(settings: GroupSettings, ports: GroupPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#states = settings.targets.map((plan, at) =>
      this.#newState(plan, idOf(settings.targets, at), settings.breaker),
    );
    const chooser = new Chooser(this.#states, settings, {
      random: ports.random,
      foreign: (plan) => this.#newState(plan, plan.text, false),
      report: (effect) => this.#ejection(effect),
    });
    const { clock, named, random, upstreams } = ports;
    this.#parts = {
      ...{ settings, clock, random, upstreams, named, chooser },
      budget: new RetryBudget({ share: settings.retryBudget, reserve: BUDGET_RESERVE, windowMs: BUDGET_WINDOW_MS }),
      hedges: settings.hedgeMs === undefined ? undefined : new HedgeTimers(clock, settings.hedgeMs),
      counts: { ...NO_COUNTS },
    };
    this.#mirror = this.#newMirror();
    this.#watches = this.#states.flatMap((state) => this.#newWatch(state) ?? []);
    for (const watch of this.#watches) watch.start();
  }

  ask(request: GroupRequest, events: GroupEvents): GroupCall {
    this.#parts.counts.requests++;
    const mirror = this.#mirror?.draws() ? this.#mirror : undefined;
    const body = this.#bodyOf(request, mirror !== undefined);
    const call = new GroupAsk(this.#parts, request, events, body);
    mirror?.copy(request, body instanceof KeptBody ? body : undefined);
    call.begin();
    return call;
  }

  standing(): readonly TargetStanding[] {
    const { chooser } = this.#parts;
    const ejections = new Map(chooser.ejections().map(({ id, why }) => [id, why]));
    return this.#states.map((state) => {
      const { asked, breaker, failed, health, healthReason, id, latency, outstanding: inflight, plan: target } = state;
      const ejection = ejections.get(id) ?? "";
      return {
        target,
        health,
        healthReason,
        isEjected: chooser.isEjected(state),
        ejection,
        breaker,
        inflight,
        asked,
        failed,
        latency,
      };
    });
  }

  /** The same route before a reload: its counts, and those of its targets, go on here. Once, when that group gets no more requests. */
  goOnFrom(former: TargetGroup): void {
    for (const state of this.#states) {
      const before = former.#states.find(({ id }) => id === state.id);
      if (before !== undefined) state.goOnFrom(before);
    }
    const { counts } = this.#parts;
    const before = former.counts();
    for (const name of COUNTED) counts[name] += before[name];
  }

  counts(): GroupCounts {
    const { counts } = this.#parts;
    const { sent = 0, skipped = 0 } = this.#mirror ?? {};
    return { ...counts, mirrored: counts.mirrored + sent, mirrorsSkipped: counts.mirrorsSkipped + skipped };
  }

  /** How the targets are that have active checks, for groups that are told. */
  checked(): readonly TargetHealth[] {
    const checked = this.#states.filter(({ plan }) => this.#checkOf(plan) !== undefined);
    return checked.map(({ health, healthReason: reason, id }) => ({ id, health, reason }));
  }

  /** What another process has found out. Of targets that are none of these nothing is kept. */
  hear(told: readonly TargetHealth[]): void {
    for (const { health, id, reason } of told) {
      const state = this.#states.find((each) => each.id === id);
      if (state !== undefined) this.#become(state, health, reason);
    }
  }

  /** Checks and timers end; requests under way go on. */
  close(): void {
    for (const watch of this.#watches) watch.stop();
    this.#parts.hedges?.stop();
  }

  /** Kept only where it may be needed again. */
  #bodyOf({ body }: GroupRequest, isMirrored: boolean): KeptBody | BodySource | undefined {
    if (body === undefined || body.length === 0) return undefined;
    const { hedgeMs, retries } = this.#settings;
    return retries > 0 || hedgeMs !== undefined || isMirrored ? new KeptBody(body, KEPT_BODY_BYTES_MAX) : body;
  }

  #newState(plan: TargetPlan, id: string, hasBreaker: boolean): TargetState {
    return new TargetState(plan, id, hasBreaker, ({ plan: target }, { reason, to }) =>
      this.#tell({ type: "breaker", target, to, reason }),
    );
  }

  #newMirror(): Mirror | undefined {
    const { mirror: target, mirrorShare: share, timeouts, tls, version } = this.#settings;
    if (target?.kind !== "origin" || share <= 0) return undefined;
    const { random, upstreams } = this.#ports;
    return new Mirror({
      ...{ target, share, random, upstreams, tls, version, connectMs: timeouts.connectMs },
      failed: (failure) => this.#tell({ type: "mirror_failed", target, failure }),
    });
  }

  #newWatch(state: TargetState): HealthWatch | undefined {
    const { host, tls, version } = this.#settings;
    const { clock, isTold, random, upstreams } = this.#ports;
    const checked = this.#checkOf(state.plan);
    if (checked === undefined || isTold) return undefined;
    const { health, target } = checked;
    return new HealthWatch(health, target, {
      ...{ clock, random, upstreams, host, tls, version },
      changed: (to, reason) => {
        this.#become(state, to, reason);
        this.#tell({ type: "health", target, to, reason });
      },
      passed: () => state.probe("a health check has passed", clock.monotonic()),
    });
  }

  /** Undefined: it has no active checks. */
  #checkOf(
    target: TargetPlan,
  ): { readonly health: HealthPlan; readonly target: TargetPlan & OriginTarget } | undefined {
    const { health } = this.#settings;
    return health === undefined || target.kind !== "origin" || target.isDynamic ? undefined : { health, target };
  }

  #become(state: TargetState, health: HealthState, reason: string): void {
    const isBack = state.health === "unhealthy" && health === "healthy";
    state.health = health;
    state.healthReason = reason;
    if (isBack) state.recovered(this.#ports.clock.monotonic());
    this.#parts.chooser.healthChanged();
  }

  #ejection(effect: OutlierEffect): void {
    const target = this.#states.find(({ id }) => id === effect.id)?.plan;
    if (target === undefined || effect.type === "spared") return;
    const { reason, type } = effect;
    this.#tell(type === "ejected" ? { type, target, reason, untilMs: effect.untilMs } : { type, target, reason });
  }

  #tell(event: TargetEvent): void {
    this.#ports.onEvent?.(event);
  }
}

/** The same in each gateway of a cluster, so that a key goes to the same target through each of them. */
function idOf(targets: readonly TargetPlan[], at: number): string {
  const { text } = targets[at]!;
  const before = targets.slice(0, at).filter((target) => target.text === text).length;
  return before === 0 ? text : `${text}#${before}`;
}
