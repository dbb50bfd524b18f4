/** The lines that guard: limit, waf, mask. Each has a few fields, then options. */
import type { ParamSchema } from "../../../sdk/index.ts";
import { type LineContext, quoted, type Span, textOf } from "../../../work/lines/index.ts";
import { isJsonPathFault, isMaskRegex, JSON_PATH_FORM, parseJsonPath } from "../mask/index.ts";
import type { LimitPlan, MaskPlan, WafPlan } from "../words/index.ts";
import {
  type LimitOptionValues,
  limitFields,
  limitKeys,
  limitOptionSchema,
  type MaskOptionValues,
  maskFields,
  maskOptionSchema,
  type WafOptionValues,
  wafFields,
  wafOptionSchema,
} from "./guard-options.ts";
import { readId } from "./identity.ts";
import { type Options, placeOf, readFields, readOptions, refuseExtraFields } from "./option-reader.ts";
import type { LineReader } from "./route-line.ts";

/** The fields of each line, behind its first word. */
export const guardFields = {
  limit: ["key", ...Object.keys(limitFields), "options"],
  waf: [...Object.keys(wafFields), "options"],
  mask: ["where", "what", ...Object.keys(maskFields), "options"],
} as const;

type GuardKind = keyof typeof guardFields;

interface GuardLine {
  readonly kind: GuardKind;
  readonly spans: readonly Span[];
  readonly reader: LineReader;
  /** How many of its kind there are with it. */
  readonly number: number;
}

interface GuardParts {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly options: Options;
  readonly context: LineContext;
  readonly id: string;
}

function readGuard(guard: GuardLine, fields: ParamSchema, schema: ParamSchema): GuardParts {
  const { kind, number, reader, spans } = guard;
  const names = guardFields[kind];
  const context = reader.contextOf("options");
  const wanted = { file: reader.file, resolvePath: reader.resolvePath, owner: `a ${kind} line`, named: [] };
  const values = readFields(spans, names.length - Object.keys(fields).length, { ...wanted, schema: fields }, context);
  const options = readOptions(spans[names.length], { ...wanted, schema }, context);
  refuseExtraFields(spans, [kind, ...names], context);
  const id =
    typeof options.values.id === "string"
      ? readId(options.values.id, placeOf(options, "id", context), reader.contextOf("options.id"))
      : `${kind}-${number}`;
  return { fields: values, options, context, id };
}

function conflict({ context, options }: GuardParts, key: string, message: string, allowed: string): void {
  context.fault(placeOf(options, key, context), { code: "conflict", message, allowed }, `options.${key}`);
}

function isGiven({ options }: GuardParts, key: string): boolean {
  return options.texts.some((text) => text.key === key);
}

export function parseLimit(spans: readonly Span[], reader: LineReader, number: number): LimitPlan {
  const parts = readGuard({ kind: "limit", spans, reader, number }, { ...limitFields }, limitOptionSchema);
  const values = parts.options.values as LimitOptionValues; // converted by this schema
  const {
    action,
    limit = 1,
    window,
  } = parts.fields as { action: LimitPlan["action"]; limit?: number; window?: number }; // the same
  const key = readLimitKey(spans[1], parts.context);
  const { line } = parts.context;
  const isRate = values.algorithm === "token_bucket";
  if (isRate && window === undefined && textOf(line, spans[3]) === "") {
    const draft = {
      code: "missing_field",
      message: "the limit has no window",
      allowed: "a time such as 1m; empty with algorithm=concurrency only",
    };
    parts.context.fault(spans[3]?.start ?? line.text.length, draft, "window");
  }
  if (!isRate && window !== undefined) {
    const draft = {
      code: "conflict",
      message: "a window says nothing with algorithm=concurrency",
      allowed: "an empty field",
    };
    parts.context.fault(spans[3]!.start, draft, "window");
  }
  limitConflicts(parts, values, { action, key });
  return {
    id: parts.id,
    line: line.number,
    key,
    limit,
    windowMs: isRate ? (window ?? 1000) : 0,
    algorithm: values.algorithm,
    burst: values.burst ?? limit,
    action,
    delayMsMax: values.delay_max,
    routes: values.routes ?? [],
    isShared: values.shared,
    missing: values.missing,
    ipv6Prefix: values.ipv6_prefix,
    keysMax: values.max_keys,
  };
}

function limitConflicts(
  parts: GuardParts,
  values: LimitOptionValues,
  { action, key }: Pick<LimitPlan, "action" | "key">,
): void {
  if (isGiven(parts, "delay_max") && action !== "DELAY")
    conflict(
      parts,
      "delay_max",
      `delay_max says nothing with the action ${action}`,
      "the action DELAY, or no delay_max",
    );
  if (isGiven(parts, "burst") && values.algorithm === "concurrency")
    conflict(parts, "burst", "burst says nothing with algorithm=concurrency", "algorithm=token_bucket, or no burst");
  const isKeyed = key.kind !== "route" && key.kind !== "global";
  if (isGiven(parts, "max_keys") && !isKeyed)
    conflict(parts, "max_keys", `max_keys says nothing with the key ${key.kind}: it is one`, "no max_keys");
  const isByAddress = key.kind === "client_ip" || (isKeyed && values.missing === "client_ip");
  if (isGiven(parts, "ipv6_prefix") && !isByAddress)
    conflict(
      parts,
      "ipv6_prefix",
      "ipv6_prefix says nothing where no address is counted",
      "the key client_ip, or missing=client_ip with a header or claim, or no ipv6_prefix",
    );
  if (isGiven(parts, "missing") && key.kind !== "header" && key.kind !== "claim") {
    conflict(
      parts,
      "missing",
      `missing says nothing with the key ${key.kind}`,
      "the key header:NAME or claim:NAME, or no missing",
    );
  }
}

function readLimitKey(span: Span | undefined, context: LineContext): LimitPlan["key"] {
  const text = textOf(context.line, span);
  if (text === "client_ip" || text === "route" || text === "global") return { kind: text };
  const [, kind, name] = /^(header|claim):(.+)$/.exec(text) ?? [];
  if (kind === "header" && /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name!))
    return { kind, name: name!.toLowerCase() };
  if (kind === "claim" && name!.length <= 256) return { kind, name: name! };
  const message = text === "" ? "the limit has no key" : `${quoted(text)} is not a key`;
  const allowed = Object.keys(limitKeys).join(", ");
  context.fault(
    span?.start ?? context.line.text.length,
    { code: "bad_key", message, allowed, suggestion: keyMeant(text) },
    "key",
  );
  return { kind: "global" };
}

function keyMeant(text: string): string | undefined {
  return ["ip", "clientip", "client-ip", "address", "remote_addr", "client_address"].includes(text.toLowerCase())
    ? "client_ip"
    : undefined;
}

export function parseWaf(spans: readonly Span[], reader: LineReader, number: number): WafPlan {
  const parts = readGuard({ kind: "waf", spans, reader, number }, { ...wafFields }, wafOptionSchema);
  const values = parts.options.values as WafOptionValues; // converted by this schema
  const { mode, rules = "" } = parts.fields as { mode: WafPlan["mode"]; rules?: string }; // the same
  for (const key of ["outbound_threshold", "max_response"]) {
    if (isGiven(parts, key) && !values.responses)
      conflict(parts, key, `${key} says nothing without responses=true`, "responses=true as well, or neither");
  }
  const wrong = values.exclude?.find((item) => !/^(\d{1,9}(-\d{1,9})?(:[A-Z_]+(:.+)?)?|tag:.+)$/.test(item));
  if (wrong !== undefined)
    conflict(parts, "exclude", `${quoted(wrong)} names no rules`, "942100, 942000-942999, tag:NAME, 942100:ARGS:name");
  const reversed = values.exclude?.find(isReversed);
  if (reversed !== undefined)
    conflict(parts, "exclude", `${quoted(reversed)} ends before it begins`, "the smaller id first: 942000-942999");
  return {
    id: parts.id,
    line: parts.context.line.number,
    rules,
    mode,
    routes: values.routes ?? [],
    paranoia: values.paranoia,
    inboundThreshold: values.inbound_threshold,
    outboundThreshold: values.outbound_threshold,
    bodyBytesMax: values.max_body,
    replyBytesMax: values.max_response,
    looksAtReplies: values.responses,
    exclude: values.exclude ?? [],
    auditLog: values.audit_log,
  };
}

function isReversed(item: string): boolean {
  const [, first, last] = /^(\d+)-(\d+)/.exec(item) ?? [];
  return first !== undefined && Number(first) > Number(last);
}

export function parseMask(spans: readonly Span[], reader: LineReader, number: number): MaskPlan {
  const parts = readGuard({ kind: "mask", spans, reader, number }, { ...maskFields }, maskOptionSchema);
  const values = parts.options.values as MaskOptionValues; // converted by this schema
  const { action } = parts.fields as { action: MaskPlan["action"] }; // the same
  const needsKey = action === "hash" || action === "encrypt";
  if (needsKey && !isGiven(parts, "key"))
    conflict(parts, "key", `the action ${action} needs a key`, "key=FILE with 32 random bytes");
  if (!needsKey && isGiven(parts, "key"))
    conflict(parts, "key", `a key says nothing with the action ${action}`, "hash or encrypt, or no key");
  if (action !== "mask" && isGiven(parts, "keep_last"))
    conflict(
      parts,
      "keep_last",
      `keep_last says nothing with the action ${action}`,
      "the action mask, or no keep_last",
    );
  return {
    id: parts.id,
    line: parts.context.line.number,
    where: readWhere(spans[1], parts.context),
    what: readWhat(spans[2], parts.context),
    action,
    keepLast: values.keep_last,
    keyFile: values.key,
    routes: values.routes ?? [],
  };
}

const PLACES = { request: "request", response: "reply", reply: "reply", log: "log" } as const;

function readWhere(span: Span | undefined, context: LineContext): MaskPlan["where"] {
  const items = textOf(context.line, span)
    .split(/[;,]/)
    .map((item) => item.trim());
  const places = items.flatMap((item) => (Object.hasOwn(PLACES, item) ? [PLACES[item as keyof typeof PLACES]] : []));
  if (places.length === items.length && new Set(places).size === places.length) return places;
  const wrong = items.find((item) => !Object.hasOwn(PLACES, item));
  const message =
    wrong === undefined
      ? "a place is given twice"
      : wrong === ""
        ? "the mask has no place"
        : `${quoted(wrong)} is not a place`;
  const draft = { code: "bad_place", message, allowed: "request, response, log; several with ; between them" };
  context.fault(span?.start ?? context.line.text.length, draft, "where");
  return [...new Set(places)];
}

const PATTERNS = ["card", "email", "token", "iban"] as const;

function readWhat(span: Span | undefined, context: LineContext): MaskPlan["what"] {
  const text = textOf(context.line, span);
  const at = span?.start ?? context.line.text.length;
  const pattern = PATTERNS.find((name) => name === text);
  if (pattern !== undefined) return { kind: "pattern", name: pattern };
  if (text.startsWith("$")) {
    const path = parseJsonPath(text);
    if (isJsonPathFault(path))
      context.fault(at + path.at, { code: "bad_json_path", message: path.fault, allowed: JSON_PATH_FORM }, "what");
    return { kind: "path", text };
  }
  if (text.startsWith("~") && isMaskRegex(text.slice(1))) return { kind: "regex", text: text.slice(1) };
  const message =
    text === ""
      ? "the mask says not what"
      : text.startsWith("~")
        ? `${quoted(text.slice(1))} is no regular expression`
        : `${quoted(text)} is nothing to mask`;
  context.fault(
    at,
    {
      code: "bad_mask",
      message,
      allowed: `a JSON path (${JSON_PATH_FORM}), one of ${PATTERNS.join(", ")}, or ~ and a regular expression`,
    },
    "what",
  );
  return { kind: "pattern", name: "card" };
}
