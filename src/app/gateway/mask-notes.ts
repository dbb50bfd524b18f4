/** What of masks works and may surprise: whom they shut out, and what they do not look into. */
import type { GatewayPlan, MaskPlan, RoutePlan } from "../../edge/gateway/words/index.ts";

/** In one note. */
const ROUTES_NAMED_MAX = 8;

export function maskNotes(plan: GatewayPlan): readonly string[] {
  return [...shutOut(plan), ...formNotes(plan)];
}

/** What is in gRPC messages and WebSockets nobody can hide, so it is refused. */
function shutOut({ fileName, masks, routes }: GatewayPlan): readonly string[] {
  return masks
    .filter(({ where }) => where.includes("request") || where.includes("reply"))
    .flatMap((mask) => {
      const covered = routes.filter(({ id }) => mask.routes.length === 0 || mask.routes.includes(id));
      const kinds = [
        ["gRPC", covered.filter(servesGrpc)],
        ["WebSocket", covered.filter(servesWebSocket)],
      ] as const;
      return kinds
        .filter(([, refused]) => refused.length > 0)
        .map(([kind, refused]) => noteOf(mask, fileName, kind, refused));
    });
}

function noteOf({ line, routes }: MaskPlan, file: string, kind: string, refused: readonly RoutePlan[]): string {
  const which = namesOf(refused);
  const how = routes.length === 0 ? "the mask names no routes= and so covers" : "the mask covers";
  return (
    `${file}:${line}: ${how} ${which}: ${kind} clients will be refused there, because masks cannot look into ${kind}; ` +
    `name routes without ${kind} in routes=, or let ${kind} clients have a route of their own`
  );
}

function namesOf(routes: readonly RoutePlan[]): string {
  const named = routes.slice(0, ROUTES_NAMED_MAX).map(({ id }) => id);
  const more = routes.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function servesGrpc({ match, options, targets }: RoutePlan): boolean {
  if (options.convert.mode === "grpc-json") return true;
  if (match.contentTypes.some((type) => type.startsWith("application/grpc"))) return true;
  return targets.some((target) => target.kind === "origin" && /^grpcs?$/.test(target.origin.scheme));
}

function servesWebSocket({ targets }: RoutePlan): boolean {
  return targets.some((target) => target.kind === "origin" && /^wss?$/.test(target.origin.scheme));
}

const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"]);
const FORM = "application/x-www-form-urlencoded";

/** A field of a form is no place in JSON, though people call both by one name. */
function formNotes({ fileName, masks, routes }: GatewayPlan): readonly string[] {
  return masks.flatMap(({ line, routes: named, what, where }) => {
    if (what.kind !== "path" || !where.includes("request")) return [];
    const covered = routes.filter(({ id }) => named.length === 0 || named.includes(id)).filter(takesForms);
    if (covered.length === 0) return [];
    return [
      `${fileName}:${line}: the path ${what.text} hides nothing in forms (${FORM}), which ${namesOf(covered)} may get; ` +
        "content_type=application/json keeps them out, a pattern or ~expression finds values in them too",
    ];
  });
}

function takesForms(route: RoutePlan): boolean {
  const { match, targets } = route;
  if (servesGrpc(route) || servesWebSocket(route) || targets.every(({ kind }) => kind === "none")) return false;
  if (match.methods.length > 0 && match.methods.every((method) => BODILESS.has(method))) return false;
  return (
    match.contentTypes.length === 0 || match.contentTypes.some((type) => [FORM, "application/*", "*/*"].includes(type))
  );
}
