/** Why a route takes a request and the others do not: every route is looked at by itself, one condition after the other. */
import type { RequestHead } from "../../../wire/http/index.ts";
import type { PathPiece, RouteMatch } from "../words/index.ts";
import { type CompiledRoute, takesMethod } from "./compiled-route.ts";
import { firstFailed } from "./conditions.ts";
import { hostOf } from "./host.ts";
import { isPathFault, normalizePath } from "./normalize.ts";
import { compareRoutes } from "./precedence.ts";
import type { RouteOutcome } from "./words.ts";

export interface ExplainStep {
  readonly route: string;
  readonly line: number;
  readonly pattern: string;
  readonly takes: boolean;
  readonly why: string;
}

export function explainSteps(
  routes: readonly CompiledRoute[],
  head: RequestHead,
  outcome: RouteOutcome,
  announced?: ReadonlySet<string>,
): ExplainStep[] {
  const winner = outcome.isHit ? outcome.route : undefined;
  return routes.map((route) => ({
    route: route.plan.id,
    line: route.plan.line,
    pattern: route.plan.match.text,
    takes: route === winner,
    why: whyOf(route, winner, head, outcome, announced),
  }));
}

function whyOf(
  route: CompiledRoute,
  winner: CompiledRoute | undefined,
  head: RequestHead,
  outcome: RouteOutcome,
  announced: ReadonlySet<string> | undefined,
): string {
  if (!outcome.isHit && outcome.status === 400) return `refused before any route: ${outcome.detail}`;
  const path = outcome.isHit ? outcome.path : pathOf(head.target);
  const failed = failure(route, head, path, announced);
  if (failed !== undefined) return failed;
  if (route === winner) return `all conditions hold${conditionsText(route)}`;
  return winner === undefined ? "all conditions hold" : lessSpecific(route, winner);
}

/** Misses have no path of their own; it was fit to be read, or the status were 400. */
function pathOf(target: string): string {
  const path = normalizePath(target.split("?", 1)[0]!);
  return isPathFault(path) ? target : path;
}

function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark + 1);
}

function failure(
  route: CompiledRoute,
  head: RequestHead,
  path: string,
  announced: ReadonlySet<string> | undefined,
): string | undefined {
  const { conditions, methods, plan } = route;
  const host = hostOf(head.authority);
  if (!hostTakes(plan.match.host, host)) return `host: ${JSON.stringify(host)} is not ${plan.match.host}`;
  const pieces = path.split("/").slice(1);
  if (!pathTakes(plan.match.path, pieces)) return `path: ${path} does not fit`;
  const method = head.method === "CONNECT" && head.protocol !== undefined ? "GET" : head.method;
  if (!takesMethod(route, method)) {
    const wanted = methods.length === 0 ? "taken where no route names it" : plan.match.methods.join(" or ");
    return `method: ${head.method} is not ${wanted}`;
  }
  const failed = firstFailed(conditions, head, queryOf(head.target), announced);
  return failed && `${failed.text} does not hold`;
}

export function hostTakes(pattern: RouteMatch["host"], host: string): boolean {
  if (pattern === undefined || pattern === host) return true;
  return pattern.startsWith("*.") && host.length > pattern.length - 1 && host.endsWith(pattern.slice(1));
}

export function pathTakes(pattern: readonly PathPiece[], pieces: readonly string[]): boolean {
  for (const [index, piece] of pattern.entries()) {
    if (piece.kind === "rest") return true;
    const actual = pieces[index];
    if (actual === undefined || (piece.kind === "literal" ? actual !== piece.text : actual === "")) return false;
  }
  return pieces.length === pattern.length;
}

function conditionsText({ conditions, plan }: CompiledRoute): string {
  const texts = [
    ...(plan.match.host === undefined ? [] : [`host ${plan.match.host}`]),
    ...(plan.match.methods.length === 0 ? [] : [`method ${plan.match.methods.join(" or ")}`]),
    ...conditions.fields.map(({ text }) => text),
    ...(conditions.types.length === 0 ? [] : [conditions.types.map(({ text }) => text).join(" or ")]),
  ];
  return texts.length === 0 ? "" : `: ${texts.join(", ")}`;
}

function lessSpecific(route: CompiledRoute, winner: CompiledRoute): string {
  const name = `${winner.plan.id} (line ${winner.plan.line})`;
  return compareRoutes(winner.plan, route.plan) < 0
    ? `would do, but ${name} is more specific`
    : `would do, but ${name} stands before it`;
}
