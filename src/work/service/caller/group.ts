/**
 * The places of one version of a service, and the choice among them. The balancer is the one that the service names; where it names none,
 * two are drawn and the less busy one is taken, and this node comes first as long as it is not far busier: a call that stays costs no
 * hop, and a busy node gives work away. Who is ejected as an outlier, or has an open breaker, is passed over; breakers refuse even the last
 * one, ejections never do.
 */
import type { Random } from "../../../base/random.ts";
import type { MethodDescription, ServiceDescription } from "../../../process/service/index.ts";
import {
  BALANCER_NAMES,
  type Balancer,
  type BalancerName,
  createBalancer,
  OutlierDetector,
  type OutlierOptions,
} from "../../../protocol/balance/index.ts";
import type { BreakerOptions } from "../../../protocol/breaker/index.ts";
import { hasTags, type Route } from "../registry/index.ts";
import { EMPTY_PATIENCE_MS, LOCAL_LEAD } from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import type { ServiceState } from "./service-state.ts";
import type { MethodTally } from "./tally.ts";
import { Target, type TargetCounts } from "./target.ts";

const BALANCER_DEFAULT = "POWER_OF_TWO";

export interface Ask {
  readonly tags?: readonly string[] | undefined;
  readonly key?: string | undefined;
}

export interface Picked {
  readonly target: Target;
  /** Of its breaker; none when it was answered for. */
  ticket: number | undefined;
}

export interface GroupParts {
  readonly random: Random;
  readonly service: ServiceState;
  readonly breaker: BreakerOptions;
  readonly outliers: OutlierOptions;
  readonly balancer: BalancerName | undefined;
}

/** A method of this version; found once, then kept. */
export interface MethodEntry {
  readonly description: MethodDescription;
  readonly tally: MethodTally;
  /** For messages: `users.get`. */
  readonly what: string;
}

export class Group {
  readonly service: ServiceState;
  readonly #parts: GroupParts;
  readonly #detector: OutlierDetector;
  readonly #methods = new Map<string, MethodEntry>();
  #route: Route;
  #targets = new Map<string, Target>();
  #callable: readonly Target[] = [];
  #local: Target | undefined;
  /** Since when nobody can be called; undefined while somebody can. */
  #emptySinceMs: number | undefined;
  #balancer: Balancer;
  #balancerName: string | undefined;

  constructor(route: Route, parts: GroupParts, nowMs: number) {
    this.service = parts.service;
    this.#parts = parts;
    this.#detector = new OutlierDetector(parts.outliers, parts.random);
    this.#route = route;
    this.#balancerName = route.description.balancer;
    this.#balancer = this.#makeBalancer();
    this.#take(route, nowMs);
  }

  get description(): ServiceDescription {
    return this.#route.description;
  }

  update(route: Route, nowMs: number): void {
    if (route !== this.#route) this.#take(route, nowMs);
  }

  method(name: string): MethodEntry | undefined {
    const known = this.#methods.get(name);
    if (known) return known;
    const { methods, name: service } = this.description;
    const description = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!description) return undefined;
    const entry = { description, tally: this.service.tally(name), what: `${service}.${name}` };
    this.#methods.set(name, entry);
    return entry;
  }

  /** Somebody not in `tried` whose breaker lets it through. */
  pick(ask: Ask, tried: ReadonlySet<string> | undefined, nowMs: number): Picked | undefined {
    const { tags } = ask;
    const fitting = tags?.length ? this.#callable.filter((each) => hasTags(each.tags, tags)) : this.#callable;
    let exclude = this.#excluded(fitting, tried, nowMs);
    for (;;) {
      const target = this.#choose(fitting, ask, exclude, nowMs) ?? this.#chooseEjected(fitting, ask, exclude, nowMs);
      if (!target) return undefined;
      const ticket = target.admit(nowMs);
      if (ticket !== undefined) return { target, ticket };
      exclude = new Set(exclude).add(target.id);
    }
  }

  /** Whether somebody is left who has not been asked. */
  hasOthers({ tags = [] }: Ask, tried: ReadonlySet<string>, nowMs: number): boolean {
    return this.#callable.some((each) => !tried.has(each.id) && !each.isOpen(nowMs) && hasTags(each.tags, tags));
  }

  /** The last one has only just gone: where it is supervised it is back in a moment. */
  isJustEmpty(nowMs: number): boolean {
    return this.#emptySinceMs !== undefined && nowMs - this.#emptySinceMs < EMPTY_PATIENCE_MS;
  }

  /** Why there is nobody to be asked, in words. */
  whyNobody({ tags = [] }: Ask): string {
    const { name, version } = this.description;
    const named = `${name}@${version}`;
    const nodes = [...this.#targets.keys()].join(", ");
    if (this.#callable.length === 0) return `no healthy process of ${named} can be reached (it is known at ${nodes})`;
    const fitting = this.#callable.filter((each) => hasTags(each.tags, tags));
    if (fitting.length === 0) return `no node offers ${named} with the tags ${tags.join(", ")}`;
    const [first] = fitting;
    return `${named} has failed at all of ${fitting.map(({ id }) => id).join(", ")} (${first!.breaker.lastFailure}) and is left alone for a moment`;
  }

  started({ target }: Picked, nowMs: number): void {
    target.outstanding++;
    this.#balancer.started?.(target.id, nowMs);
  }

  /** It has answered in part: as a probe that is enough. */
  flows(picked: Picked, nowMs: number): void {
    if (picked.ticket !== undefined) picked.target.answered(picked.ticket, undefined, nowMs);
    picked.ticket = undefined;
  }

  ended({ target, ticket }: Picked, outcome: Outcome | undefined, durationMs: number, nowMs: number): void {
    target.outstanding--;
    if (ticket !== undefined) target.answered(ticket, outcome, nowMs, durationMs);
    const ok = outcome?.verdict !== "failed";
    this.#balancer.ended?.(target.id, { ok, durationMs }, nowMs);
    if (this.#targets.size > 1) this.#detector.step({ type: "ended", id: target.id, ok }, nowMs);
  }

  counts(): readonly TargetCounts[] {
    const { name, version } = this.description;
    return [...this.#targets.values()].map(({ breaker, id, outstanding, weight }) => {
      const isEjected = this.#detector.ejected.has(id);
      const { opened } = breaker.counts();
      return {
        node: id,
        service: name,
        version,
        healthy: weight,
        outstanding,
        breaker: breaker.state,
        opened,
        isEjected,
      };
    });
  }

  /** Undefined, for the usual case, when nobody is. */
  #excluded(
    targets: readonly Target[],
    tried: ReadonlySet<string> | undefined,
    nowMs: number,
  ): ReadonlySet<string> | undefined {
    let exclude: Set<string> | undefined;
    for (const target of targets) {
      if (tried?.has(target.id) || target.isOpen(nowMs)) {
        exclude ??= new Set();
        exclude.add(target.id);
      }
    }
    return exclude;
  }

  #choose(
    targets: readonly Target[],
    ask: Ask,
    exclude: ReadonlySet<string> | undefined,
    nowMs: number,
  ): Target | undefined {
    if (targets.length === 1) return exclude?.has(targets[0]!.id) ? undefined : targets[0];
    const out = this.#withEjected(exclude, nowMs);
    const local = this.#preferred(targets, out);
    if (local && busyness(local) < LOCAL_LEAD) return local;
    const id = this.#balancer.pick(targets, { key: ask.key, exclude: out }, nowMs);
    const drawn = id === undefined ? undefined : this.#targets.get(id);
    return local && drawn && busyness(local) <= busyness(drawn) + LOCAL_LEAD ? local : drawn;
  }

  /** All that could be chosen are ejected: trouble that all share is not theirs. */
  #chooseEjected(
    targets: readonly Target[],
    ask: Ask,
    exclude: ReadonlySet<string> | undefined,
    nowMs: number,
  ): Target | undefined {
    if (this.#detector.ejected.size === 0) return undefined;
    const id = this.#balancer.pick(targets, { key: ask.key, exclude }, nowMs);
    return id === undefined ? undefined : this.#targets.get(id);
  }

  #withEjected(exclude: ReadonlySet<string> | undefined, nowMs: number): ReadonlySet<string> | undefined {
    this.#detector.step({ type: "tick" }, nowMs);
    const { ejected } = this.#detector;
    if (ejected.size === 0) return exclude;
    return exclude ? new Set([...exclude, ...ejected]) : ejected;
  }

  #preferred(targets: readonly Target[], out: ReadonlySet<string> | undefined): Target | undefined {
    const local = this.#local;
    if (!local || this.#balancerName !== undefined || this.#parts.balancer !== undefined) return undefined;
    return targets.includes(local) && !out?.has(local.id) ? local : undefined;
  }

  #take(route: Route, nowMs: number): void {
    const before = this.#route.description;
    this.#route = route;
    if (before !== route.description) this.#methods.clear();
    if (route.description.balancer !== this.#balancerName) {
      this.#balancerName = route.description.balancer;
      this.#balancer = this.#makeBalancer();
    }
    const targets = new Map<string, Target>();
    for (const place of route.places) {
      const known = this.#targets.get(place.node);
      const target = known?.instance === place.instance ? known : new Target(place, this.#parts.breaker);
      target.update(place, nowMs);
      targets.set(place.node, target);
    }
    for (const [id, target] of this.#targets) if (targets.get(id) !== target) this.#forget(id);
    this.#targets = targets;
    this.#callable = [...targets.values()].filter((each) => each.isCallable);
    this.#local = this.#callable.find(({ isSelf }) => isSelf);
    this.#emptySinceMs = this.#callable.length > 0 ? undefined : (this.#emptySinceMs ?? nowMs);
    this.#detector.step({ type: "seen", ids: [...targets.keys()] }, nowMs);
  }

  #forget(id: string): void {
    this.#detector.forget(id);
    this.#balancer.forget?.(id);
  }

  #makeBalancer(): Balancer {
    const named = BALANCER_NAMES.find((name) => name === this.#balancerName && name !== "CUSTOM");
    return createBalancer(named ?? this.#parts.balancer ?? BALANCER_DEFAULT, { random: this.#parts.random });
  }
}

function busyness({ outstanding, weight }: Target): number {
  return outstanding / weight;
}
