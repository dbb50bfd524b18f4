/**
 * Which target gets a try: the one that was named; else the client's own by its cookie; else whom the balancer picks among those that
 * are healthy, not ejected, and whose breaker lets it through; where breakers keep back all of several, the likeliest of them. With a single
 * target there is nothing to pick.
 */
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import {
  type Balancer,
  type BalancerName,
  type Choice,
  createBalancer,
  OutlierDetector,
  type OutlierListener,
  type OutlierStanding,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../../protocol/balance/index.ts";
import type { TargetPlan } from "../words/index.ts";
import type { GroupRequest, GroupSettings } from "./group-words.ts";
import { stickyNames } from "./sticky-names.ts";
import type { TargetState } from "./target-state.ts";

export interface Chosen {
  readonly state: TargetState;
  readonly ticket: number;
}

export interface ChooserPorts {
  readonly random: Random;
  /** Of a target that is none of the route's: a rule has made it. */
  readonly foreign: (plan: TargetPlan) => TargetState;
  readonly report: OutlierListener;
}

const ANY: Choice = {};

export class Chooser {
  readonly #states: readonly TargetState[];
  readonly #ports: ChooserPorts;
  readonly #balancer: Balancer;
  readonly #detector: OutlierDetector | undefined;
  readonly #byCookie = new Map<string, TargetState>();
  readonly #byPlan = new Map<TargetPlan, TargetState>();
  #available: readonly TargetState[] = [];

  constructor(states: readonly TargetState[], settings: GroupSettings, ports: ChooserPorts) {
    this.#states = states;
    this.#ports = ports;
    const balancer = createBalancer(nameFor(settings.balancer, states), { random: ports.random });
    this.#detector =
      settings.outliers && states.length > 1 ? new OutlierDetector(smallClusterOutliers, ports.random) : undefined;
    this.#balancer = this.#detector ? withOutlierEjection(balancer, this.#detector, ports.report) : balancer;
    const names = stickyNames(settings.targets);
    for (const state of states) {
      const name = names.get(state.plan);
      if (name !== undefined) this.#byCookie.set(name, state);
      this.#byPlan.set(state.plan, state);
    }
    this.healthChanged();
  }

  healthChanged(): void {
    this.#available = this.#states.filter(({ isHealthy, weight }) => isHealthy && weight > 0);
  }

  isEjected(state: TargetState): boolean {
    return this.#detector?.ejected.has(state.id) ?? false;
  }

  ejections(): readonly OutlierStanding[] {
    return this.#detector?.explain() ?? [];
  }

  /** `tried` is passed over as long as there is another one. Fails with `gateway.no_target`. */
  choose(request: GroupRequest, tried: ReadonlySet<string> | undefined, nowMs: number): Chosen | Failure {
    if (request.target !== undefined) return this.#named(request.target, nowMs);
    const sticky = request.sticky === undefined ? undefined : this.#sticky(request.sticky, tried, nowMs);
    return sticky ?? this.#only(nowMs) ?? this.#pick(request.hashKey, tried, nowMs);
  }

  /** Another one than those: none is no fault. */
  another(request: GroupRequest, tried: ReadonlySet<string>, nowMs: number): Chosen | undefined {
    if (request.target !== undefined) return undefined;
    return this.#balanced(request.hashKey, tried, nowMs);
  }

  started(state: TargetState, nowMs: number): void {
    state.outstanding++;
    state.asked++;
    this.#balancer.started?.(state.id, nowMs);
  }

  ended(state: TargetState, ok: boolean, durationMs: number, nowMs: number): void {
    state.outstanding--;
    this.#balancer.ended?.(state.id, { ok, durationMs }, nowMs);
  }

  #named(plan: TargetPlan, nowMs: number): Chosen | Failure {
    const state = this.#byPlan.get(plan) ?? this.#ports.foreign(plan);
    const ticket = state.isHealthy ? state.admit(nowMs) : undefined;
    return ticket === undefined ? noTarget([state], nowMs) : { state, ticket };
  }

  #sticky(name: string, tried: ReadonlySet<string> | undefined, nowMs: number): Chosen | undefined {
    const state = this.#byCookie.get(name);
    if (state === undefined || !state.isHealthy || tried?.has(state.id) || this.isEjected(state)) return undefined;
    const ticket = state.admit(nowMs);
    return ticket === undefined ? undefined : { state, ticket };
  }

  #only(nowMs: number): Chosen | Failure | undefined {
    if (this.#states.length !== 1) return undefined;
    const state = this.#available[0];
    const ticket = state?.admit(nowMs);
    return state === undefined || ticket === undefined ? noTarget(this.#states, nowMs) : { state, ticket };
  }

  #pick(key: string | undefined, tried: ReadonlySet<string> | undefined, nowMs: number): Chosen | Failure {
    const fresh = this.#balanced(key, tried, nowMs);
    const chosen =
      fresh ?? (tried === undefined || tried.size === 0 ? undefined : this.#balanced(key, undefined, nowMs));
    return chosen ?? this.#lastResort(nowMs) ?? noTarget(this.#states, nowMs);
  }

  /**
   * Breakers keep back all who are not unhealthy, and one of them may well be back: first those that pass health checks, then whoever was
   * left alone longest. A target whose checks fail is not asked: whoever has checks made means what they say.
   */
  #lastResort(nowMs: number): Chosen | undefined {
    const hope = (state: TargetState): number =>
      state.health === "healthy" ? Number.NEGATIVE_INFINITY : (state.retryAfterMs(nowMs) ?? Number.POSITIVE_INFINITY);
    for (const state of this.#available.toSorted((left, right) => hope(left) - hope(right) || 0)) {
      const ticket = state.admitAnyway(nowMs);
      if (ticket !== undefined) return { state, ticket };
    }
    return undefined;
  }

  /** Whom a breaker keeps back is passed over. */
  #balanced(key: string | undefined, tried: ReadonlySet<string> | undefined, nowMs: number): Chosen | undefined {
    let exclude = tried;
    for (let left = this.#available.length; left > 0; left--) {
      const choice = key === undefined && exclude === undefined ? ANY : { key, exclude };
      const id = this.#balancer.pick(this.#available, choice, nowMs);
      const state = id === undefined ? undefined : this.#available.find((each) => each.id === id);
      if (state === undefined) return undefined;
      const ticket = state.admit(nowMs);
      if (ticket !== undefined) return { state, ticket };
      exclude = new Set([...(exclude ?? []), state.id]);
    }
    return undefined;
  }
}

/** Weights that differ are meant. */
function nameFor(name: BalancerName, states: readonly TargetState[]): BalancerName {
  const isEven = states.every(
    ({ weight }) => weight === 0 || weight === states.find((each) => each.weight > 0)?.weight,
  );
  return name === "ROUND_ROBIN" && !isEven ? "WEIGHTED_ROUND_ROBIN" : name;
}

function noTarget(states: readonly TargetState[], nowMs: number): Failure {
  const told = states.map(
    (state) => `${state.plan.text}: ${state.isHealthy ? `breaker ${state.breaker}` : state.healthReason}`,
  );
  const waits = states.flatMap((state) => (state.isHealthy ? (state.retryAfterMs(nowMs) ?? []) : []));
  const message = `choosing a target: none can be asked now (${told.join("; ").slice(0, 500)}); a healthy one is required`;
  return new Failure("gateway.no_target", message, {
    retryable: true,
    ...(waits.length > 0 && { data: { retryAfterMs: Math.min(...waits) } }),
  });
}
