/**
 * The gateway itself: exchanges in, each led along its route. What it goes by is one `Course` (a plan put together); a reload puts
 * another one in its place, and requests that are under way end on the one that they began with.
 */
import type { Span } from "../../../base/trace.ts";
import { headerOf, type RequestHead } from "../../../wire/http/index.ts";
import type { CompiledRoute, RouteHit, RouteMiss } from "../route/index.ts";
import { RouteTable } from "../route/index.ts";
import type { Exchange, ExchangeHandler, GatewayPlan, RoutePlan } from "../words/index.ts";
import { replyBound } from "./bounded-reply.ts";
import { compressing } from "./compress.ts";
import { CrossOrigin, preflightStep } from "./cross-origin.ts";
import { refusalOf } from "./failures.ts";
import { forwarding } from "./forward.ts";
import { refuseHandshake, refuseLoop } from "./outbound-headers.ts";
import { OwnTable } from "./own-table.ts";
import type { CoreParts } from "./parts.ts";
import { type PassageParts, RunningPassage } from "./passage.ts";
import { newCounts, type RouteCounts, RouteRuntime } from "./route-runtime.ts";
import { answering, authStep, boundStep, limitStep, ruleStep } from "./steps.ts";
import type { CoreEvents, ReplyGuard, Step } from "./words.ts";

export interface GatewayCounts {
  readonly requests: number;
  readonly inFlight: number;
  /** That no route took, by code. */
  readonly unrouted: ReadonlyMap<string, number>;
}

interface Ways {
  /** Where requests come in. */
  readonly enter: ExchangeHandler;
  /** Bounded together. */
  readonly packing: ReplyGuard;
}

/** What is left of a plan that another one has taken the place of. */
export interface FormerCourse {
  /** Resolves when all requests that began before have gone their steps: no rule of it is asked any more. */
  readonly decided: Promise<void>;
  /** Resolves when the last of them has ended, and nothing of the old parts is asked any more. */
  readonly idle: Promise<void>;
  /** Requests under way. */
  readonly inFlight: number;
}

/** A plan at work. */
interface Course {
  readonly parts: CoreParts;
  readonly ends: PassageParts;
  readonly table: RouteTable;
  readonly routes: readonly RouteRuntime[];
  readonly own: OwnTable | undefined;
  /** Requests under way on it, and those of them that have steps before them. */
  inFlight: number;
  undecided: number;
  /** Called once, when nothing is under way; when nothing has steps before it. */
  idle: (() => void)[];
  decided: (() => void)[];
}

export class Gateway {
  readonly #events: CoreEvents;
  readonly #unrouted = new Map<string, number>();
  /** What all routes have in common. */
  readonly #ways: Ways = { enter: (exchange) => this.handle(exchange), packing: compressing() };
  #course: Course;
  #requests = 0;
  #inFlight = 0;

  constructor(parts: CoreParts, events: CoreEvents) {
    this.#events = events;
    this.#course = this.#courseOf(parts, new Map());
  }

  get plan(): GatewayPlan {
    return this.#course.parts.plan;
  }

  get table(): RouteTable {
    return this.#course.table;
  }

  get routes(): readonly RouteRuntime[] {
    return this.#course.routes;
  }

  /** What is served where no route takes it. */
  get ownRoutes(): readonly RouteRuntime[] {
    return this.#course.own?.routes ?? [];
  }

  /** From now on requests go by this; those that are under way end on what they began with. */
  replace(parts: CoreParts): FormerCourse {
    const former = this.#course;
    const kept = new Map([...former.routes, ...this.ownRoutes].map(({ counts, plan }) => [plan.id, counts]));
    this.#course = this.#courseOf(parts, kept);
    return {
      decided: decided(former),
      idle: idle(former),
      get inFlight() {
        return former.inFlight;
      },
    };
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return idle(this.#course);
  }

  readonly handle = (exchange: Exchange): void => {
    const course = this.#course;
    const { parts } = course;
    this.#requests++;
    this.#inFlight++;
    course.inFlight++;
    course.undecided++;
    const view = parts.addresses.of(exchange.peer, exchange.request);
    const passage = new RunningPassage(exchange, parts.newId(), view, course.ends);
    const way = wayOf(course, exchange.request);
    if ("status" in way) {
      const { allow, code, detail, status } = way;
      passage.refuse({ status, code, detail, headers: status === 405 ? ["allow", allow] : [] });
      return;
    }
    passage.hit = way.hit;
    passage.route = way.route;
    way.route.begun();
    if (parts.tracer.isEnabled) beginSpan(passage, parts);
    const fault = refuseLoop(exchange.request.headers, parts.pseudonym) ?? refuseHandshake(exchange.request);
    if (fault) passage.refuse(refusalOf(fault), fault.message);
    else passage.goOn();
  };

  counts(): GatewayCounts {
    return { requests: this.#requests, inFlight: this.#inFlight, unrouted: this.#unrouted };
  }

  #courseOf(parts: CoreParts, kept: ReadonlyMap<string, RouteCounts>): Course {
    const table = new RouteTable(parts.plan.routes, parts.plan.settings.pathParameters);
    const routes = table.routes.map((route) => runtimeOf(route, parts, kept.get(route.plan.id), this.#ways));
    const events: CoreEvents = {
      ended: (passage) => this.#ended(passage as RunningPassage, course), // made by handle
      failed: (what, failure) => this.#events.failed(what, failure),
    };
    const own = parts.own && new OwnTable(parts.own, parts, table, kept);
    const ends: PassageParts = { events, now: parts.now, decided: () => leaveSteps(course) };
    const course: Course = { parts, ends, table, routes, own, inFlight: 0, undecided: 0, idle: [], decided: [] };
    return course;
  }

  #ended(passage: RunningPassage, course: Course): void {
    this.#inFlight--;
    course.inFlight--;
    if (!passage.isDecided) leaveSteps(course);
    const { route, span, why } = passage;
    if (route) route.ended(passage, passage.now() - passage.startedMs);
    else if (why !== undefined) this.#unrouted.set(why, (this.#unrouted.get(why) ?? 0) + 1);
    if (span) endSpan(span, passage, course.parts);
    this.#events.ended(passage);
    if (course.inFlight === 0) for (const resolve of course.idle.splice(0)) resolve();
  }
}

/** Preflights go by routes of their own, and what no route takes may be the gateway's own. */
function wayOf(
  { own, routes, table }: Course,
  request: RequestHead,
): { hit: RouteHit; route: RouteRuntime } | RouteMiss {
  const preflight = request.method === "OPTIONS" ? table.preflight(request) : undefined;
  const outcome = preflight ?? table.match(request);
  if (!outcome.isHit) return own?.take(request, outcome) ?? outcome;
  const route = routes[outcome.route.index]!;
  return { hit: outcome, route: preflight === undefined ? route : (route.preflights ?? route) };
}

function leaveSteps(course: Course): void {
  course.undecided--;
  if (course.undecided === 0 && course.decided.length > 0) for (const resolve of course.decided.splice(0)) resolve();
}

function decided(course: Course): Promise<void> {
  if (course.undecided === 0) return Promise.resolve();
  return new Promise((resolve) => course.decided.push(resolve));
}

function idle(course: Course): Promise<void> {
  if (course.inFlight === 0) return Promise.resolve();
  return new Promise((resolve) => course.idle.push(resolve));
}

function beginSpan(passage: RunningPassage, { shown, tracer }: CoreParts): void {
  const { hit, request } = passage;
  const { id = "", match } = hit?.route.plan ?? {};
  const pattern = match?.text.slice(match.text.indexOf(" ") + 1) ?? ""; // without its methods
  passage.span = tracer.start(`${request.method} ${pattern}`, {
    kind: "server",
    parent: headerOf(request.headers, "traceparent"),
    attributes: {
      "http.request.method": request.method,
      "http.route": pattern,
      "distributed_system.route": id,
      "client.address": passage.client,
      "network.protocol.version": request.version,
    },
  });
  // Hiding costs more than all else here: not for traces that nobody records.
  if (passage.span.isRecording) passage.span.set({ "url.path": shown(passage.path, passage.route?.plan, "place") });
}

function endSpan(span: Span, { attempts, detail, route, status, why }: RunningPassage, { shown }: CoreParts): void {
  if (span.isRecording) {
    span.set({ "http.response.status_code": status, "distributed_system.attempts": attempts });
    if (status >= 500 || status === 0)
      span.fail(detail === undefined ? (why ?? status) : shown(detail, route?.plan, "words"));
  }
  span.end();
}

/** Cheap refusals first: what is limited costs no signature, unless what it is counted by is in the token. */
function runtimeOf(
  route: CompiledRoute,
  parts: CoreParts,
  counts: RouteCounts | undefined,
  { enter, packing }: Ways,
): RouteRuntime {
  const { plan } = route;
  const limits = parts.limits.forRoute(plan.id);
  const limit: Step[] = limits ? [limitStep(parts.limits, limits)] : [];
  const auth: Step[] = plan.options.auth === "none" ? [] : [authStep(parts.doorkeeper, plan)];
  const rules = parts.rulesFor(plan);
  const { guards, steps } = parts.guardsFor(plan);
  const kept = counts ?? newCounts();
  const cors = plan.options.cors && new CrossOrigin(plan.options.cors, route);
  return new RouteRuntime(
    plan,
    {
      steps: [
        ...(countsClaims(plan, parts.plan) ? [...auth, ...limit] : [...limit, ...auth]),
        boundStep(plan),
        ...steps,
        ...(rules ? [ruleStep(rules)] : []),
      ],
      guards: allGuards(plan, guards, packing),
      finish: hasTargets(plan)
        ? forwarding(plan, { group: parts.groupFor(plan), converter: parts.converterFor(plan), parts, enter })
        : answering(route),
      cors,
      preflights: cors && preflightsOf(cors, plan, parts, kept),
    },
    kept,
  );
}

/** `packing`: of all routes together. */
function allGuards(plan: RoutePlan, guards: readonly ReplyGuard[], packing: ReplyGuard): ReplyGuard[] {
  const { compress, replyBytesMax } = plan.options;
  const bound = replyBytesMax === undefined ? [] : [replyBound(replyBytesMax)];
  return [...bound, ...guards, ...(compress ? [packing] : [])];
}

/** Preflights bear no token and none of the request's own headers: of limits those by address count, and nothing else is asked. */
function preflightsOf(cors: CrossOrigin, plan: RoutePlan, parts: CoreParts, counts: RouteCounts): RouteRuntime {
  const limits = parts.limits.forRoute(plan.id, ["client_ip"]);
  const steps = limits ? [limitStep(parts.limits, limits)] : [];
  return new RouteRuntime(plan, { steps, guards: [], finish: preflightStep(cors), cors }, counts);
}

function countsClaims({ id }: RoutePlan, { limits }: GatewayPlan): boolean {
  return limits.some(({ key, routes }) => key.kind === "claim" && (routes.length === 0 || routes.includes(id)));
}

/** A rule may choose one where the file names none. */
function hasTargets({ options, targets }: RoutePlan): boolean {
  if (options.reply || options.redirect) return false;
  return targets.some(({ kind }) => kind !== "none") || options.lua !== undefined || options.plugin !== undefined;
}
