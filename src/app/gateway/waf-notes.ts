/** What people should hear of a firewall's rules before its clients do: mistakes in them, and what they refuse of what its routes are there for. */
import { Failure } from "../../base/errors.ts";
import type { GatewayPlan, WafPlan } from "../../edge/gateway/words/index.ts";
import { type LoadedWaf, refusalsOf, type WafUnsupported } from "../../edge/waf/engine/index.ts";

const FAULTS_SHOWN_MAX = 5;
/** Methods that rule sets for web pages do not expect. */
const METHODS: readonly string[] = ["PUT", "PATCH", "DELETE"];

/** A mistake in rules that are to block. */
export function isWrong({ mode }: WafPlan, { isFault }: WafUnsupported): boolean {
  return isFault && mode === "block";
}

/** At a reload, of rules that block, the former ones are better than new ones with holes: as with any other mistake it goes on by what it had. */
export function requireRules(waf: WafPlan, { unsupported }: LoadedWaf): void {
  const wrong = unsupported.filter((item) => isWrong(waf, item));
  if (wrong.length === 0) return;
  const shown = wrong.slice(0, FAULTS_SHOWN_MAX).map(saidOf).join("; ");
  const more = wrong.length > FAULTS_SHOWN_MAX ? `; and ${wrong.length - FAULTS_SHOWN_MAX} more` : "";
  throw new Failure(
    "gateway.waf",
    `loading the rules of the firewall ${waf.id}: ${shown}${more}; required: rules that can be read`,
  );
}

/** Methods and gRPC calls that its routes take and all of which it refuses. */
export function refusalNotes(
  { routes }: GatewayPlan,
  { id, routes: own }: WafPlan,
  { waf }: LoadedWaf,
): readonly string[] {
  const its = routes.filter((route) => own.length === 0 || own.includes(route.id));
  const methods = METHODS.filter((each) =>
    its.some(({ match }) => match.methods.length === 0 || match.methods.includes(each)),
  );
  const isGrpc = its.some(({ targets }) =>
    targets.some((each) => each.kind === "origin" && each.origin.scheme.startsWith("grpc")),
  );
  return refusalsOf(waf, { methods, isGrpc }).map(
    ({ ruleIds, what }) =>
      `firewall ${id}: ${what} on its routes: each is refused by its rules (${ruleIds.join(", ")}); ` +
      `the rule set's setup, or exclude=${ruleIds.join(";")}, lets them pass`,
  );
}

export function saidOf({ consequence, file, line, what }: WafUnsupported): string {
  return `${line === 0 ? file : `${file}:${line}`}: ${what}: ${consequence}`;
}
