/** Prints a gateway plan so that parsing it gives the same plan; what equals its default is left out. */
import { Failure } from "../../../base/errors.ts";
import type { ParamSchema, ParamSpec } from "../../../sdk/index.ts";
import { escapeText, formatDuration, formatSize } from "../../../work/lines/index.ts";
import type { GatewayPlan, LimitPlan, MaskPlan, RoutePlan, TargetPlan, WafPlan } from "../words/index.ts";
import {
  limitFields,
  limitOptionSchema,
  maskFields,
  maskOptionSchema,
  wafFields,
  wafOptionSchema,
} from "./guard-options.ts";
import { namedOptionPairs, type Pair, routeOptionValues } from "./route-option-texts.ts";
import { routeOptionSchema } from "./route-options.ts";
import { settingSchema, settingValues } from "./settings.ts";

export function formatGatewayFile(plan: GatewayPlan): string {
  const settings = changed(settingValues(plan.settings), settingSchema);
  const lines = [
    ...(settings.length > 0 ? [["set", pairsText(settings)]] : []),
    ...plan.routes.map(routeFields),
    ...plan.limits.map(limitTexts),
    ...plan.wafs.map(wafTexts),
    ...plan.masks.map(maskTexts),
  ];
  return lines.map((fields) => `${withoutEmptyTail(fields).join("|")}\n`).join("");
}

function routeFields(route: RoutePlan): string[] {
  const pairs = [...namedOptionPairs(route), ...changed(routeOptionValues(route), routeOptionSchema)];
  return [
    "route",
    fieldText(route.id),
    fieldText(route.match.text),
    route.targets.map(targetText).join(" "),
    pairsText(pairs),
  ];
}

function targetText({ name, text, weight }: TargetPlan): string {
  const params = `${weight === 1 ? "" : `;weight=${weight}`}${name === text ? "" : `;name=${name}`}`;
  return fieldText(text + params);
}

function limitTexts(limit: LimitPlan): string[] {
  const key = "name" in limit.key ? `${limit.key.kind}:${limit.key.name}` : limit.key.kind;
  const isRate = limit.algorithm === "token_bucket";
  const values = {
    id: limit.id,
    routes: limit.routes,
    algorithm: limit.algorithm,
    burst: limit.burst === limit.limit ? undefined : limit.burst,
    delay_max: limit.delayMsMax,
    shared: limit.isShared,
    missing: limit.missing,
    ipv6_prefix: limit.ipv6Prefix,
    max_keys: limit.keysMax,
  };
  const window = isRate ? valueText(limit.windowMs, limitFields.window) : "";
  return [
    "limit",
    fieldText(key),
    String(limit.limit),
    window,
    limit.action,
    pairsText(changed(values, limitOptionSchema)),
  ];
}

function wafTexts(waf: WafPlan): string[] {
  const values = {
    id: waf.id,
    routes: waf.routes,
    paranoia: waf.paranoia,
    inbound_threshold: waf.inboundThreshold,
    outbound_threshold: waf.outboundThreshold,
    max_body: waf.bodyBytesMax,
    max_response: waf.replyBytesMax,
    responses: waf.looksAtReplies,
    exclude: waf.exclude,
    audit_log: waf.auditLog,
  };
  const mode = waf.mode === wafFields.mode.default ? "" : waf.mode;
  return ["waf", fieldText(waf.rules), mode, pairsText(changed(values, wafOptionSchema))];
}

function maskTexts(mask: MaskPlan): string[] {
  const values = { id: mask.id, routes: mask.routes, keep_last: mask.keepLast, key: mask.keyFile };
  const where = mask.where.map((place) => (place === "reply" ? "response" : place)).join(";");
  const what =
    mask.what.kind === "pattern" ? mask.what.name : `${mask.what.kind === "regex" ? "~" : ""}${mask.what.text}`;
  const action = mask.action === maskFields.action.default ? "" : mask.action;
  return ["mask", where, fieldText(what), action, pairsText(changed(values, maskOptionSchema))];
}

/** In the order of the schema. */
function changed(values: Readonly<Record<string, unknown>>, schema: ParamSchema): Pair[] {
  return Object.entries(schema).flatMap(([key, spec]): Pair[] => {
    const value = values[key];
    const text = value === undefined ? undefined : valueText(value, spec);
    const asDefault = spec.default === undefined ? undefined : valueText(spec.default, spec);
    const isEmptyList = Array.isArray(value) && value.length === 0 && spec.default === undefined;
    return text === undefined || text === asDefault || isEmptyList ? [] : [[key, text]];
  });
}

function valueText(value: unknown, spec: ParamSpec): string {
  if (spec.kind === "duration") return formatDuration(Number(value));
  if (Array.isArray(value)) return value.map((item) => String(item).replaceAll(";", "\\;")).join(";");
  return spec.kind === "size" ? formatSize(Number(value)) : String(value);
}

function pairsText(pairs: readonly Pair[]): string {
  return pairs.map(([key, value]) => `${safeText(key, "|,=")}=${safeText(value, "|,=")}`).join(",");
}

function fieldText(text: string): string {
  return safeText(text, "|");
}

/** A file of lines cannot hold a line break in a value: refuse rather than write another plan. */
function safeText(text: string, special: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) {
    const message = `printing a gateway file: ${JSON.stringify(text)} has a control character, printable text is required`;
    throw new Failure("gateway.format.control_character", message);
  }
  return escapeText(text, special);
}

function withoutEmptyTail(fields: readonly string[]): readonly string[] {
  return fields.slice(0, fields.findLastIndex((field) => field !== "") + 1);
}
