/** Values of a route's options that have a form of their own: templates, statuses, balancers, answers. */
import { parseHost, parsePort } from "../../../base/address.ts";
import { parseBalancer } from "../../../protocol/balance/index.ts";
import { type LineContext, quoted } from "../../../work/lines/index.ts";
import { isPathFault, normalizePath, parseTemplate, type Template, type TemplateForm } from "../route/index.ts";
import type { RouteOptions } from "../words/index.ts";
import { NOT_OF_ROUTES, ROUTE_BALANCER_FORM } from "./balancers.ts";
import type { RouteOptionValues } from "./route-options.ts";

const REDIRECTS = [301, 302, 303, 307, 308];
/** RFC 9110, 15.3.5, 15.3.6 and 15.4.5. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

export function readTemplateOption(
  text: string | undefined,
  form: TemplateForm,
  params: readonly string[],
  at: number,
  context: LineContext,
): string | undefined {
  if (text === undefined) return undefined;
  if (form === "path" && !/^\/[\x21-\x7e]*$/.test(text)) {
    const message = `${quoted(text)} is not a path`;
    context.fault(at, {
      code: "bad_template",
      message,
      allowed: "a path that begins with /, in ASCII, such as /v2/{rest}",
    });
    return undefined;
  }
  const template = parseTemplate(text, form, params);
  if ("fault" in template) {
    context.fault(at + template.at, { code: "bad_template", message: template.fault, allowed: template.allowed });
    return undefined;
  }
  const path = form === "path" ? normalizePath(samplePath(template)) : text;
  if (!isPathFault(path)) return text;
  const allowed = "a path that can be made normal: none above the root, no %2F";
  context.fault(at, { code: "bad_template", message: `${quoted(text)}: ${path.fault}`, allowed });
  return undefined;
}

/** Without its query; any piece stands for what clients will send. */
function samplePath(template: Template): string {
  const text = template.map((part) => (part.kind === "text" ? part.text : "x")).join("");
  return text.split("?", 1)[0]!;
}

/** What the upstream is told of itself: `target`, `client`, or a name, perhaps with a port. */
export function readHost(text: string, at: number, context: LineContext): string {
  if (text === "target" || text === "client") return text;
  const [, name = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (parseHost(name) !== undefined && (port === undefined || parsePort(port))) return text;
  const message = `${quoted(text)} is not a host`;
  context.fault(at, { code: "bad_host", message, allowed: "target, client, or HOST[:PORT] such as api.example.com" });
  return "target";
}

/** `503`, `5xx`: each status by itself. */
export function readRetryStatuses(items: readonly string[], at: number, context: LineContext): number[] {
  const statuses = new Set<number>();
  for (const item of items) {
    const [, digits, isClass] = /^([45])(?:\d\d|(xx))$/.exec(item) ?? [];
    if (digits === undefined) {
      const message = `${quoted(item)} is not a status that can be tried again`;
      context.fault(at, { code: "bad_status", message, allowed: "400 to 599, 4xx or 5xx, separated by ;" });
    } else if (isClass === undefined) statuses.add(Number(item));
    else for (let status = Number(digits) * 100; status < (Number(digits) + 1) * 100; status++) statuses.add(status);
  }
  return [...statuses].sort((left, right) => left - right);
}

/** The balancer's own name, however it was written. */
export function readBalancer(text: string, at: number, context: LineContext): string {
  const name = parseBalancer(text);
  const why = name === undefined ? undefined : NOT_OF_ROUTES[name];
  if (name !== undefined && why === undefined) return name;
  const message = name === undefined ? `${quoted(text)} is no balancer` : `${name} is no balancer of routes: ${why}`;
  context.fault(at, { code: "unknown_balancer", message, allowed: ROUTE_BALANCER_FORM });
  return "WEIGHTED_ROUND_ROBIN";
}

export function readAnswer(
  values: RouteOptionValues,
  params: readonly string[],
  at: (key: string) => number,
  context: LineContext,
): Pick<RouteOptions, "reply" | "redirect"> {
  return {
    reply: values.reply === undefined ? undefined : readReply(values.reply, at("reply"), context),
    redirect:
      values.redirect === undefined ? undefined : readRedirect(values.redirect, params, at("redirect"), context),
  };
}

function readReply(text: string, at: number, context: LineContext): RouteOptions["reply"] {
  const [, status, body = ""] = /^([2-5]\d\d)(?:[ \t]+(.*))?$/.exec(text) ?? [];
  if (status !== undefined && BODILESS.has(Number(status)) && body !== "") {
    const message = `a response with ${status} has no body: the text would never be sent`;
    context.fault(at, { code: "bad_status", message, allowed: `${status} alone, or another status` }, "options.reply");
    return undefined;
  }
  if (status !== undefined) return { status: Number(status), text: body };
  const message = `${quoted(text)} does not begin with a status`;
  context.fault(
    at,
    { code: "bad_status", message, allowed: "200 to 599 and perhaps a text: 503 back at noon" },
    "options.reply",
  );
  return undefined;
}

function readRedirect(
  text: string,
  params: readonly string[],
  at: number,
  context: LineContext,
): RouteOptions["redirect"] {
  const [whole, digits, location] = /^(?:(\d+)[ \t]+)?([\x21-\x7e]+)$/.exec(text) ?? [];
  const status = digits === undefined ? 302 : Number(digits);
  const field = "options.redirect";
  const allowed = `a status (${REDIRECTS.join(", ")}) and a place that begins with / or a scheme: 301 https://example.com/{rest}`;
  if (
    whole === undefined ||
    !REDIRECTS.includes(status) ||
    !/^(\/(?!\/)|https?:\/\/|\$\{scheme\}:\/\/)/.test(location!)
  ) {
    context.fault(at, { code: "bad_redirect", message: `${quoted(text)} is no redirect`, allowed }, field);
    return undefined;
  }
  const template = parseTemplate(location!, "location", params);
  if (!("fault" in template)) return { status, location: location! };
  const place = at + text.length - location!.length + template.at;
  context.fault(place, { code: "bad_template", message: template.fault, allowed: template.allowed }, field);
  return undefined;
}
