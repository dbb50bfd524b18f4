/** What can only be seen of the file as a whole: names that are there twice or not at all, routes that no request reaches, settings that need others. */
import { isIP } from "node:net";
import { nearMiss } from "../../../base/near-miss.ts";
import { type FaultCollector, type LineContext, type ParamText, quoted } from "../../../work/lines/index.ts";
import { sameMatchKey } from "../route/index.ts";
import type { GatewayPlan, RoutePlan } from "../words/index.ts";

/** Contexts by line number: each line that is in the plan has one. */
export function checkAcross(
  plan: GatewayPlan,
  settings: readonly ParamText[],
  contexts: ReadonlyMap<number, LineContext>,
  faults: FaultCollector,
): void {
  const found = faults.list();
  // A line that could not be read may have been one.
  if (plan.routes.length === 0 && !found.some(({ field }) => field === "file" || field === "line")) {
    const draft = {
      code: "empty",
      message: "the file has no route",
      allowed: "one line route|id|pattern|target|options at least",
    };
    faults.add({ line: 1, column: 1 }, "file", draft);
  }
  const at = (line: number): LineContext => contexts.get(line)!;
  for (const lines of [plan.routes, plan.limits, plan.wafs, plan.masks]) refuseRepeatedIds(lines, at);
  const unread = new Set(found.filter(({ field }) => field === "pattern").map(({ line }) => line));
  const readable = plan.routes.filter(({ line }) => !unread.has(line));
  refuseUnreachable(readable, at);
  const ids = plan.routes.map(({ id }) => id);
  for (const lines of [plan.limits, plan.wafs, plan.masks]) refuseUnknownRoutes(lines, ids, at);
  checkSettings(plan, settings, faults);
  checkTokens(plan, at);
}

type At = (line: number) => LineContext;

function refuseRepeatedIds(lines: readonly { readonly id: string; readonly line: number }[], at: At): void {
  const firstLine = new Map<string, number>();
  for (const { id, line } of lines) {
    const first = firstLine.get(id);
    if (first === undefined) firstLine.set(id, line);
    else
      faultAt(
        at(line),
        id,
        {
          code: "duplicate_id",
          message: `${quoted(id)} is already the id on line ${first}`,
          allowed: "an id of its own for each line",
        },
        "id",
      );
  }
}

/** A fault under the word where the line has it, else under the line's first character. */
function faultAt(context: LineContext, word: string, draft: Parameters<LineContext["fault"]>[1], field: string): void {
  const found = context.line.text.indexOf(word, context.line.text.indexOf("|") + 1);
  const first = context.line.text.search(/\S/);
  context.fault(found < 0 || word === "" ? Math.max(0, first) : found, draft, field);
}

/** Two routes that ask for the same: the first takes all requests of the second when its methods are among them. */
function refuseUnreachable(routes: readonly RoutePlan[], at: At): void {
  const earlier = new Map<string, RoutePlan[]>();
  for (const route of routes) {
    const key = sameMatchKey(route.match);
    const before = earlier.get(key) ?? [];
    const taker = before.find(({ match }) => takesAll(match.methods, route.match.methods));
    if (taker !== undefined) {
      const message = `route ${quoted(taker.id)} on line ${taker.line} takes all its requests`;
      const allowed = "a pattern or a condition of its own (header.NAME, query.NAME, content_type)";
      faultAt(at(route.line), route.match.text, { code: "unreachable_route", message, allowed }, "pattern");
    }
    earlier.set(key, [...before, route]);
  }
}

/** Routes with methods go before routes without; so the latter take nothing from the former. */
function takesAll(first: readonly string[], second: readonly string[]): boolean {
  if (second.length === 0) return first.length === 0;
  return second.every((method) => first.includes(method) || (method === "HEAD" && first.includes("GET")));
}

function refuseUnknownRoutes(
  lines: readonly { readonly line: number; readonly routes: readonly string[] }[],
  ids: readonly string[],
  at: At,
): void {
  const known = new Set(ids);
  for (const { line, routes } of lines) {
    for (const route of routes) {
      if (known.has(route)) continue;
      const allowed =
        ids.length === 0
          ? "none: the file has no route"
          : `one of ${ids.slice(0, IDS_SHOWN_MAX).join(", ")}${ids.length > IDS_SHOWN_MAX ? ", …" : ""}`;
      const draft = {
        code: "unknown_route",
        message: `there is no route ${quoted(route)}`,
        allowed,
        suggestion: nearMiss(route, ids),
      };
      faultAt(at(line), route, draft, "options.routes");
    }
  }
}

/** Longer lists help nobody. */
const IDS_SHOWN_MAX = 20;

function checkSettings({ settings }: GatewayPlan, texts: readonly ParamText[], faults: FaultCollector): void {
  const fault = (key: string, code: string, message: string, allowed: string): void => {
    const text = texts.find((each) => each.key === key);
    faults.add({ line: text?.line ?? 1, column: text?.valueColumn ?? 1 }, `set.${key}`, { code, message, allowed });
  };
  // One that is named and was not found is a fault of its own.
  const isNamed = (key: string): boolean => texts.some((each) => each.key === key);
  if (isNamed("tls_certificate") !== isNamed("tls_key")) {
    const [key, other] = isNamed("tls_certificate") ? ["tls_certificate", "tls_key"] : ["tls_key", "tls_certificate"];
    fault(key!, "settings_conflict", `${key} says nothing without ${other}`, "both, or neither");
  }
  if (settings.clientCertificate !== "none" && !isNamed("client_ca")) {
    fault(
      "client_certificate",
      "settings_conflict",
      "certificates of clients cannot be verified without client_ca",
      "client_ca as well, or client_certificate=none",
    );
  }
  if (settings.clientCa !== undefined && !isNamed("tls_certificate")) {
    fault(
      "client_ca",
      "settings_conflict",
      "clients show certificates over TLS only",
      "tls_certificate and tls_key as well",
    );
  }
  const networks = {
    trusted_proxies: settings.trustedProxies,
    proxy_protocol: settings.proxyProtocol ?? [],
    allowed_private: settings.allowedPrivate,
  };
  for (const [key, listed] of Object.entries(networks)) {
    for (const wrong of listed.filter((each) => !isNetwork(each)))
      fault(key, "bad_network", `${quoted(wrong)} is not a network`, "10.0.0.0/8, 192.0.2.7, fd00::/8, separated by ;");
  }
  if (settings.proxyHeader !== "auto" && settings.trustedProxies.length === 0) {
    const message = "proxy_header says nothing where no proxy is trusted";
    fault("proxy_header", "settings_conflict", message, "trusted_proxies as well, or neither");
  }
  if (settings.jwks !== undefined && /^[a-z]+:\/\//i.test(settings.jwks) && !settings.jwks.startsWith("https://")) {
    fault(
      "jwks",
      "settings_conflict",
      `${quoted(settings.jwks)} could be changed on its way`,
      "an https URL or a file",
    );
  }
  if (settings.connectionsPerAddressMax > settings.connectionsMax && isNamed("max_connections_per_address")) {
    fault(
      "max_connections_per_address",
      "settings_conflict",
      "one address may have more connections than there are",
      `at most max_connections (${settings.connectionsMax})`,
    );
  }
}

function isNetwork(text: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (bits === undefined || Number(bits) <= (version === 4 ? 32 : 128));
}

/** What routes and limits expect of clients has to be looked at somewhere. */
function checkTokens({ limits, routes, settings }: GatewayPlan, at: At): void {
  for (const { line, options } of routes) {
    if (options.auth === "jwt" && settings.jwks === undefined) {
      faultAt(
        at(line),
        "auth",
        {
          code: "conflict",
          message: "auth=jwt needs the keys of an issuer",
          allowed: "the setting jwks as well, or auth=token",
        },
        "options.auth",
      );
    }
    if (options.auth === "mtls" && settings.clientCa === undefined) {
      faultAt(
        at(line),
        "auth",
        {
          code: "conflict",
          message: "auth=mtls needs certificates to verify clients by",
          allowed: "the setting client_ca as well",
        },
        "options.auth",
      );
    }
  }
  for (const { key, line, routes: named } of limits) {
    if (key.kind !== "claim") continue;
    const open = routes
      .filter(({ id }) => named.length === 0 || named.includes(id))
      .find(({ options }) => options.auth !== "token" && options.auth !== "jwt");
    if (open === undefined) continue;
    const draft = {
      code: "conflict",
      message: `route ${quoted(open.id)} asks for no token: it has no claims`,
      allowed: "routes with auth=token or auth=jwt",
    };
    faultAt(at(line), "claim", draft, "key");
  }
}
