/** Actions that change something while rules are evaluated: setvar, ctl, initcol and the like. */

import type { Bytes } from "../match/index.ts";
import { Regex } from "../match/index.ts";
import { compileTarget, invalid, parseIds, parseTemplate, unsupported } from "./parts.ts";
import type { RawAction } from "./reader.ts";
import type { CtlEffect, Effect } from "./words.ts";

/** Undefined: the action is none of these. Throws where it is one and makes no sense. */
export function effectOf({ name, value = "" }: RawAction): Effect | undefined {
  switch (name) {
    case "setvar":
      return setvar(value);
    case "expirevar":
      return expirevar(value);
    case "initcol":
      return initcol(value);
    case "setenv":
      return setenv(value);
    case "setsid":
    case "setuid":
    case "setrsc":
      return { kind: name, value: parseTemplate(value) };
    case "ctl":
      return ctl(value);
    default:
      return undefined;
  }
}

const COLLECTIONS: ReadonlySet<string> = new Set(["tx", "ip", "global", "session", "user", "resource"]);

function variableOf(text: Bytes, action: string): readonly [string, Bytes] {
  const dot = text.indexOf(".");
  const collection = text.slice(0, dot).trim().toLowerCase();
  if (dot < 0 || !COLLECTIONS.has(collection) || dot + 1 === text.length)
    throw invalid(`${action}:${text}`, `a collection (${[...COLLECTIONS].join(", ")}), a dot and a name`);
  return [collection, text.slice(dot + 1).trim()];
}

/** `tx.a`, `tx.a=1`, `tx.a=+1`, `tx.a=-%{tx.b}`, `!tx.a`. */
function setvar(value: Bytes): Effect {
  if (value.startsWith("!")) {
    const [collection, key] = variableOf(value.slice(1), "setvar");
    return { kind: "unset", collection, key: lowerTemplate(key) };
  }
  const equals = value.indexOf("=");
  const [collection, key] = variableOf(equals < 0 ? value : value.slice(0, equals), "setvar");
  const written = equals < 0 ? "1" : value.slice(equals + 1);
  const sign = written[0];
  const how = sign === "+" ? "add" : sign === "-" ? "subtract" : "set";
  return {
    kind: "setvar",
    collection,
    key: lowerTemplate(key),
    how,
    value: parseTemplate(how === "set" ? written : written.slice(1)),
  };
}

/** Names of variables do not care for case; what macros in them give is left to the engine. */
function lowerTemplate(key: Bytes): ReturnType<typeof parseTemplate> {
  const template = parseTemplate(key);
  const parts = template.parts.map((part) => (typeof part === "string" ? part.toLowerCase() : part));
  return { ...template, text: template.isDynamic ? key : key.toLowerCase(), parts };
}

function expirevar(value: Bytes): Effect {
  const equals = value.indexOf("=");
  if (equals < 0) throw invalid(`expirevar:${value}`, "collection.name=seconds");
  const [collection, key] = variableOf(value.slice(0, equals), "expirevar");
  return { kind: "expirevar", collection, key: lowerTemplate(key), seconds: parseTemplate(value.slice(equals + 1)) };
}

function initcol(value: Bytes): Effect {
  const equals = value.indexOf("=");
  const collection = value.slice(0, equals).trim().toLowerCase();
  if (equals < 0 || !COLLECTIONS.has(collection) || collection === "tx")
    throw invalid(`initcol:${value}`, "ip, global, session, user or resource, then = and a key");
  return { kind: "initcol", collection, key: parseTemplate(value.slice(equals + 1)) };
}

function setenv(value: Bytes): Effect {
  const equals = value.indexOf("=");
  if (equals < 1) throw invalid(`setenv:${value}`, "name=value");
  return { kind: "setenv", name: value.slice(0, equals), value: parseTemplate(value.slice(equals + 1)) };
}

type CtlReader = (value: Bytes, written: Bytes) => CtlEffect;

const CTL: Readonly<Record<string, CtlReader>> = {
  ruleremovebyid: (value) => ({ kind: "ctl", what: "ruleRemoveById", ids: parseIds(value) }),
  ruleremovebytag: (value) => ({ kind: "ctl", what: "ruleRemoveByTag", pattern: Regex.compile(value), text: value }),
  ruleremovebymsg: (value) => ({ kind: "ctl", what: "ruleRemoveByMsg", pattern: Regex.compile(value), text: value }),
  ruleremovetargetbyid: (value, written) => {
    const [ids, target] = withTarget(value, written);
    return { kind: "ctl", what: "ruleRemoveTargetById", ids: parseIds(ids), target };
  },
  ruleremovetargetbytag: (value, written) => {
    const [text, target] = withTarget(value, written);
    return { kind: "ctl", what: "ruleRemoveTargetByTag", pattern: Regex.compile(text), text, target };
  },
  ruleremovetargetbymsg: (value, written) => {
    const [text, target] = withTarget(value, written);
    return { kind: "ctl", what: "ruleRemoveTargetByMsg", pattern: Regex.compile(text), text, target };
  },
  requestbodyprocessor: (value, written) => ({
    kind: "ctl",
    what: "requestBodyProcessor",
    processor: oneOf(value.toUpperCase(), ["URLENCODED", "MULTIPART", "XML", "JSON"], written),
  }),
  forcerequestbodyvariable: (value, written) => {
    if (!onOff(value, written)) throw unsupported(`ctl:${written}`, "the body is always in REQUEST_BODY");
    return { kind: "ctl", what: "forceRequestBodyVariable", isOn: true };
  },
  requestbodyaccess: (value, written) => ({ kind: "ctl", what: "requestBodyAccess", isOn: onOff(value, written) }),
  responsebodyaccess: (value, written) => ({ kind: "ctl", what: "responseBodyAccess", isOn: onOff(value, written) }),
  requestbodylimit: (value, written) => ({ kind: "ctl", what: "requestBodyLimit", bytes: bytesOf(value, written) }),
  responsebodylimit: (value, written) => ({ kind: "ctl", what: "responseBodyLimit", bytes: bytesOf(value, written) }),
  ruleengine: (value, written) => ({
    kind: "ctl",
    what: "ruleEngine",
    mode: oneOf(value, ["On", "Off", "DetectionOnly"], written),
  }),
};

/** Of ModSecurity, not done here. */
const CTL_UNSUPPORTED: Readonly<Record<string, string>> = {
  debugloglevel: "the gateway writes its own log",
  hashenforcement: "replies are not rewritten",
  hashengine: "replies are not rewritten",
  parsexmlintoargs: "arguments are not made of XML; XML:/* and XML://@* hold what is in it",
};

function ctl(written: Bytes): CtlEffect {
  const equals = written.indexOf("=");
  const name = written
    .slice(0, equals < 0 ? undefined : equals)
    .trim()
    .toLowerCase();
  if (Object.hasOwn(CTL_UNSUPPORTED, name)) throw unsupported(`ctl:${written}`, CTL_UNSUPPORTED[name]!);
  const reader = Object.hasOwn(CTL, name) ? CTL[name] : undefined;
  if (reader === undefined || equals < 0)
    throw invalid(`ctl:${written}`, `one of ${Object.keys(CTL).join(", ")}, with = and a value`);
  return reader(written.slice(equals + 1).trim(), written);
}

function withTarget(value: Bytes, written: Bytes): readonly [Bytes, ReturnType<typeof compileTarget>] {
  const semicolon = value.indexOf(";");
  if (semicolon < 0) throw invalid(`ctl:${written}`, "what is meant, a semicolon and a variable");
  return [value.slice(0, semicolon).trim(), compileTarget(value.slice(semicolon + 1).trim())];
}

function onOff(value: Bytes, written: Bytes): boolean {
  return oneOf(value, ["On", "Off"], written) === "On";
}

export function oneOf<const T extends string>(value: Bytes, allowed: readonly T[], written: Bytes): T {
  const found = allowed.find((each) => each.toLowerCase() === value.trim().toLowerCase());
  if (found === undefined) throw invalid(`"${written}"`, `one of ${allowed.join(", ")}`);
  return found;
}

export function bytesOf(value: Bytes, written: Bytes): number {
  if (!/^[0-9]{1,15}$/.test(value)) throw invalid(`"${written}"`, "a number of bytes");
  return Number(value);
}
