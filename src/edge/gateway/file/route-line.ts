/** A route line: `route|id|pattern|target|options`. */
import { type LineContext, quoted, type ResolvePath, type Span, textOf } from "../../../work/lines/index.ts";
import type { ConvertPlan, HealthPlan, PathPiece, RouteOptions, RoutePlan, TargetPlan } from "../words/index.ts";
import { readCors } from "./cors-options.ts";
import { fieldMatches, headerEdits } from "./header-options.ts";
import { readId } from "./identity.ts";
import { endOf, type Options, placeOf, readOptions, refuseExtraFields } from "./option-reader.ts";
import { type MatchPattern, parsePattern } from "./pattern.ts";
import { conflictsOf } from "./route-conflicts.ts";
import type { RouteDraft } from "./route-draft.ts";
import {
  connectTimeoutDefault,
  healthTimeoutDefault,
  namedRouteOptions,
  type RouteOptionValues,
  routeOptionSchema,
} from "./route-options.ts";
import { readAnswer, readBalancer, readHost, readRetryStatuses, readTemplateOption } from "./route-values.ts";
import { NO_TARGET, parseTarget, parseTargets, type TargetContext } from "./targets.ts";

export const routeFields = {
  id: "name of the route in logs, metrics and other lines: letters, digits, _ . or -, at most 64; no two alike",
  pattern:
    "which requests it takes: [METHOD[,METHOD] ][host]/path; {name} is one piece of the path, * or {name*} at the end all that is left",
  target:
    "where they go, several with blanks between them, each with ;weight=N and ;name=NAME; none, where an option answers or decides",
  options: "key=value pairs separated by commas; may be left out",
} as const;

export interface LineReader {
  readonly file: string;
  readonly resolvePath: ResolvePath;
  readonly contextOf: (field: string) => LineContext;
}

/** `spans[0]` is the word `route`. */
export function parseRoute(spans: readonly Span[], reader: LineReader): RoutePlan {
  const { contextOf } = reader;
  const context = contextOf("options");
  const { line } = context;
  const id = readId(textOf(line, spans[1]), spans[1]?.start ?? line.text.length, contextOf("id"));
  const pattern = parsePattern(spans[2] ?? endOf(line.text), contextOf("pattern"));
  const params = namesIn(pattern, ["param", "rest"]);
  const single = namesIn(pattern, ["param"]);
  const targetContext: TargetContext = { ...contextOf("target"), params: single, resolvePath: reader.resolvePath };
  const options = readOptions(spans[4], optionSchemaOf(id, reader), context);
  const values = options.values as RouteOptionValues; // converted by this schema
  const given = parseTargets(spans[3] ?? endOf(line.text), targetContext);
  const targets = given.length === 0 && mayDoWithout(values, spans[3], line.text) ? [NO_TARGET] : given;
  refuseExtraFields(spans, ["route", ...Object.keys(routeFields)], context);
  const match = {
    ...pattern,
    headers: fieldMatches("header", options, context),
    query: fieldMatches("query", options, context),
    contentTypes: values.content_type ?? [],
  };
  const draft: RouteDraft = { match, targets, hasTargetField: textOf(line, spans[3]) !== "", values, options };
  for (const { key, ...conflict } of conflictsOf(draft)) {
    const at = key === "target" ? (spans[3]?.start ?? line.text.length) : placeOf(options, key, context);
    context.fault(at, { code: "conflict", ...conflict }, key === "target" ? key : `options.${key}`);
  }
  return {
    id,
    line: line.number,
    match,
    targets,
    options: routeOptions({ values, options, params, targets }, targetContext, context),
  };
}

/** Each once, also where the pattern has it twice: that is a fault of its own. */
function namesIn({ path }: MatchPattern, kinds: readonly PathPiece["kind"][]): string[] {
  return [
    ...new Set(path.flatMap((piece) => (piece.kind !== "literal" && kinds.includes(piece.kind) ? [piece.name] : []))),
  ];
}

function optionSchemaOf(id: string, { file, resolvePath }: LineReader) {
  return {
    schema: routeOptionSchema,
    named: Object.keys(namedRouteOptions),
    resolvePath,
    file,
    owner: `route ${quoted(id)}`,
  };
}

/** An option answers or decides: then an empty field says as much as `none`. */
function mayDoWithout(values: RouteOptionValues, span: Span | undefined, line: string): boolean {
  const isEmpty = span === undefined || line.slice(span.start, span.end) === "";
  return isEmpty && [values.reply, values.redirect, values.lua, values.plugin].some((value) => value !== undefined);
}

interface OptionParts {
  readonly values: RouteOptionValues;
  readonly options: Options;
  readonly params: readonly string[];
  readonly targets: readonly TargetPlan[];
}

function routeOptions(parts: OptionParts, targetContext: TargetContext, context: LineContext): RouteOptions {
  const { options, params, targets, values } = parts;
  const hasSeveral = targets.length > 1;
  const at = (key: string): number => placeOf(options, key, context);
  const mirror =
    values.mirror === undefined
      ? undefined
      : parseTarget({ text: values.mirror, at: at("mirror") }, { ...targetContext, ...contextAt(context, "mirror") });
  return {
    rewrite: readTemplateOption(values.rewrite, "path", params, at("rewrite"), contextAt(context, "rewrite")),
    host: readHost(values.host, at("host"), contextAt(context, "host")),
    requestHeaders: headerEdits("request", values.request_header_remove ?? [], options, params, context),
    replyHeaders: headerEdits("response", values.response_header_remove ?? [], options, params, context),
    timeoutMs: values.timeout,
    connectTimeoutMs: values.connect_timeout ?? connectTimeoutDefault(values.timeout),
    idleTimeoutMs: values.idle_timeout,
    tryTimeoutMs: values.try_timeout,
    retries: values.retries,
    retryOn: readRetryStatuses(values.retry_on, at("retry_on"), contextAt(context, "retry_on")),
    retryBudget: values.retry_budget,
    hedgeMs: values.hedge,
    balancer: readBalancer(values.balancer, at("balancer"), contextAt(context, "balancer")),
    sticky: values.sticky,
    mirror,
    mirrorShare: values.mirror_share,
    bodyBytesMax: values.max_body,
    replyBytesMax: values.max_response,
    health: healthOf(values),
    outliers: values.outlier_ejection ?? hasSeveral,
    breaker: values.circuit_breaker ?? hasSeveral,
    auth: values.auth,
    scopes: values.scopes ?? [],
    lua: values.lua,
    plugin: values.plugin,
    ruleTimeoutMs: values.rule_timeout,
    convert: convertOf(values),
    cors: readCors(values, at, (key) => contextAt(context, key)),
    ...readAnswer(values, params, at, context),
    compress: values.compress,
    version: values.http_version,
    upstreamCa: values.upstream_ca,
    upstreamCertificate: values.upstream_cert,
    upstreamKey: values.upstream_key,
    upstreamServerName: values.upstream_server_name,
    upstreamUnverified: !values.upstream_verify,
  };
}

function contextAt(context: LineContext, key: string): LineContext {
  const field = `${context.field}.${key}`;
  return { ...context, field, fault: (at, draft, name = field) => context.fault(at, draft, name) };
}

function healthOf(values: RouteOptionValues): HealthPlan | undefined {
  if (values.health === undefined) return undefined;
  return {
    path: values.health,
    intervalMs: values.health_interval,
    timeoutMs: values.health_timeout ?? healthTimeoutDefault(values.health_interval),
    healthyAfter: values.healthy_after,
    unhealthyAfter: values.unhealthy_after,
  };
}

function convertOf(values: RouteOptionValues): ConvertPlan {
  return {
    mode: values.convert,
    proto: values.proto ?? [],
    importPaths: values.import_paths ?? [],
    grpcService: values.grpc_service,
    unknownFields: values.unknown_fields,
    stream: values.stream,
    messageBytesMax: values.max_message,
  };
}
