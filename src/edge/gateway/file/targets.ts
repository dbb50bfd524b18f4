/**
 * Targets of a route: URLs between blanks, each with its parameters behind `;`, as in `http://10.0.0.1:8080;weight=9;name=stable`.
 * A target without a scheme that is known, with a user, a query or a fragment is refused.
 */
import { parsePort } from "../../../base/address.ts";
import { nearMiss } from "../../../base/near-miss.ts";
import { type LineContext, quoted, type ResolvePath, type Span } from "../../../work/lines/index.ts";
import { isOddNumber, isPathFault, normalizePath, parseTemplate } from "../route/index.ts";
import { ORIGIN_PORTS, type Origin, type TargetPlan } from "../words/index.ts";
import { MAX_TARGETS } from "./limits.ts";
import { parseHostName, percentEncoded, type Word, wordsOf } from "./line-words.ts";

/** Each scheme, and what it is for. */
export const targetSchemes = {
  http: "HTTP/1.1, or HTTP/2 with http_version=2",
  https: "the same in TLS",
  ws: "WebSocket",
  wss: "the same in TLS",
  grpc: "gRPC: HTTP/2 without TLS",
  grpcs: "the same in TLS",
  service: "a method of a service of the cluster: service://NAME.METHOD",
  pipeline: "a pipeline that takes the body as records and answers 202 once they are durable: pipeline://NAME",
  task: "a task graph that is run: task://FILE",
} as const;

export type Scheme = keyof typeof targetSchemes;

const TARGET_FORM =
  "SCHEME://HOST[:PORT][/path][;weight=N][;name=NAME], service://NAME.METHOD, pipeline://NAME, task://FILE or none";
const WEIGHT_MAX = 1_000_000;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:/[\]{}-]{0,127}$/;
const SERVICE = /^([A-Za-z_][\w.-]*)\.([A-Za-z_][\w-]*)$/;
const PIPELINE = /^[A-Za-z_][\w.-]{0,63}$/;

export const NO_TARGET: TargetPlan = { kind: "none", text: "none", weight: 1, name: "none" };

export interface TargetContext extends LineContext {
  /** Names of the pattern's parameters that stand for one piece. */
  readonly params: readonly string[];
  readonly resolvePath: ResolvePath;
}

export function parseTargets(span: Span, context: TargetContext): TargetPlan[] {
  const words = beforeComment(wordsOf(context.line.text, span), context);
  if (words.length > MAX_TARGETS) {
    const message = `the route has ${words.length} targets`;
    context.fault(span.start, { code: "too_many_targets", message, allowed: `at most ${MAX_TARGETS}` });
    return [];
  }
  if (words.length === 1 && words[0]!.text === "none") return [NO_TARGET];
  const targets = words.flatMap((word) => {
    const target = parseTarget(word, context);
    return target === undefined ? [] : [{ target, at: word.at }];
  });
  refuseRepeated(targets, context);
  return targets.map(({ target }) => target);
}

/** One fault, not one for each of its words. */
function beforeComment(words: readonly Word[], context: LineContext): readonly Word[] {
  const comment = words.findIndex(({ text }) => text.startsWith("#"));
  if (comment < 0) return words;
  const message = "a comment stands behind the targets";
  context.fault(words[comment]!.at, { code: "comment_behind", message, allowed: "comments on lines of their own" });
  return words.slice(0, comment);
}

export function parseTarget(word: Word, context: TargetContext): TargetPlan | undefined {
  const [url = "", ...params] = word.text.split(";");
  const own = parseUrl({ text: url, at: word.at }, context);
  const named = parseParams(url, params, word.at, context);
  return own && { ...own, text: url, ...named };
}

type OwnPart = TargetPlan extends infer T
  ? T extends TargetPlan
    ? Omit<T, "text" | "weight" | "name">
    : never
  : never;

function parseUrl(word: Word, context: TargetContext): OwnPart | undefined {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(word.text) ?? [];
  if (scheme === undefined || rest === undefined)
    return refuse(word.at, "bad_target", `${quoted(word.text)} is not a target`, context);
  const at = word.at + scheme.length + 3;
  const known = scheme.toLowerCase();
  if (Object.hasOwn(ORIGIN_PORTS, known)) return parseOrigin(known as Origin["scheme"], { text: rest, at }, context);
  switch (known) {
    case "service":
      return parseService({ text: rest, at }, context);
    case "pipeline":
      if (PIPELINE.test(rest)) return { kind: "pipeline", pipeline: rest };
      return refuse(at, "bad_target", `${quoted(rest)} is not the name of a pipeline`, context);
    case "task":
      return parseTask({ text: rest, at }, context);
  }
  const meant = nearMiss(scheme, Object.keys(targetSchemes));
  return refuse(
    word.at,
    "unknown_scheme",
    `${quoted(scheme)} is not a scheme of targets`,
    context,
    meant && `${meant}://${rest}`,
  );
}

function refuse(at: number, code: string, message: string, context: LineContext, suggestion?: string): undefined {
  context.fault(at, { code, message, allowed: TARGET_FORM, suggestion });
  return undefined;
}

function parseService({ at, text }: Word, context: TargetContext): OwnPart | undefined {
  const [, service, method] = SERVICE.exec(text) ?? [];
  if (service !== undefined && method !== undefined) return { kind: "service", service, method };
  return refuse(at, "bad_target", `${quoted(text)} is not SERVICE.METHOD`, context);
}

function parseTask({ at, text }: Word, context: TargetContext): OwnPart | undefined {
  const file = text === "" ? undefined : context.resolvePath(text, "present");
  if (file !== undefined) return { kind: "task", file };
  const message = `${quoted(text)} was not found`;
  context.fault(at, { code: "path_not_found", message, allowed: "the file of a task graph" });
  return undefined;
}

function parseOrigin(scheme: Origin["scheme"], { at, text }: Word, context: TargetContext): OwnPart | undefined {
  const slash = text.indexOf("/");
  const authority = slash < 0 ? text : text.slice(0, slash);
  const basePath = slash < 0 ? "" : parseBasePath({ text: text.slice(slash), at: at + slash }, context);
  // What stands before the @ is not shown: it may be a password.
  if (authority.includes("@"))
    return refuse(at, "bad_target", "a target has no user and no password; a header is request_header.NAME", context);
  const [, name = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority) ?? [];
  const number = port === undefined ? ORIGIN_PORTS[scheme] : parsePort(port);
  if (number === undefined || number === 0) {
    return refuse(at + name.length + 1, "bad_target", `${quoted(port ?? "")} is not a port`, context);
  }
  const host = parseOriginHost({ text: name, at }, context);
  if (host === undefined || basePath === undefined) return undefined;
  return { kind: "origin", origin: { scheme, host, port: number }, basePath, isDynamic: host.includes("{") };
}

function parseOriginHost({ at, text }: Word, context: TargetContext): string | undefined {
  if (!/[{}]/.test(text)) {
    const host = parseHostName(text);
    if (host !== undefined && isOddNumber(host)) return refuseOddNumber({ at, text }, context);
    return host?.toLowerCase() ?? refuse(at, "bad_target", `${quoted(text)} is not a host`, context);
  }
  const template = parseTemplate(text, "path", context.params);
  if ("fault" in template) {
    context.fault(at + template.at, {
      code: "bad_target",
      message: template.fault,
      allowed: `${template.allowed} (a rest cannot be a host)`,
    });
    return undefined;
  }
  const sample = template.map((part) => (part.kind === "text" ? part.text : "x")).join("");
  return parseHostName(sample) === undefined
    ? refuse(at, "bad_target", `${quoted(text)} is not a host`, context)
    : lowerTexts(text);
}

/** Where it would lead is up to each resolver. */
function refuseOddNumber({ at, text }: Word, context: LineContext): undefined {
  const message = `${quoted(text)} is a number in an unusual form`;
  context.fault(at, { code: "bad_target", message, allowed: "a name, or four decimal numbers from 0 to 255" });
}

/** Names of parameters keep their case. */
function lowerTexts(text: string): string {
  return text.replace(/\{[^}]*\}|[^{]+/g, (part) => (part.startsWith("{") ? part : part.toLowerCase()));
}

function parseBasePath({ at, text }: Word, context: TargetContext): string | undefined {
  if (/[?#{}]/.test(text))
    return refuse(
      at,
      "bad_target",
      `${quoted(text)} has more than a path; a path of the request's parts is the option rewrite`,
      context,
    );
  const path = normalizePath(percentEncoded(text));
  if (isPathFault(path)) return refuse(at, "bad_target", `${quoted(text)}: ${path.fault}`, context);
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function parseParams(
  url: string,
  params: readonly string[],
  start: number,
  context: TargetContext,
): { weight: number; name: string } {
  const found: { weight: number; name: string } = { weight: 1, name: url };
  const given = new Set<string>();
  let at = start + url.length + 1;
  for (const param of params) {
    const [key = "", value] = param.split(/=(.*)/s);
    const problem = given.has(key) ? `${quoted(key)} is given twice` : takeParam(key, value, found);
    if (problem)
      context.fault(at, {
        code: "bad_target_parameter",
        message: problem,
        allowed: `weight=N from 0 to ${WEIGHT_MAX}, name=NAME`,
      });
    given.add(key);
    at += param.length + 1;
  }
  return found;
}

function takeParam(
  key: string,
  value: string | undefined,
  found: { weight: number; name: string },
): string | undefined {
  if (key === "weight") {
    if (value === undefined || !/^\d{1,7}$/.test(value) || Number(value) > WEIGHT_MAX)
      return `${quoted(value ?? "")} is not a weight`;
    found.weight = Number(value);
    return undefined;
  }
  if (key !== "name") return `a target has no parameter ${quoted(key)}`;
  if (value === undefined || !NAME.test(value)) return `${quoted(value ?? "")} is not a name`;
  found.name = value;
  return undefined;
}

function refuseRepeated(targets: readonly { target: TargetPlan; at: number }[], context: LineContext): void {
  const names = new Set<string>();
  for (const { at, target } of targets) {
    if (names.has(target.name)) {
      const message = `${quoted(target.name)} is the name of two targets`;
      context.fault(at, {
        code: "duplicate_target",
        message,
        allowed: "targets of their own, or names of their own: ;name=canary",
      });
    }
    names.add(target.name);
  }
}
