/**
 * The options `cors…` of a route. Origins are held to the form in which browsers send them, for they are compared as texts: what would
 * never match, or would match more than it seems to, is a fault.
 */
import { type LineContext, quoted } from "../../../work/lines/index.ts";
import type { CorsPlan, RouteOptions } from "../words/index.ts";
import type { RouteOptionValues } from "./route-options.ts";

const ANY = "*";
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
const METHOD = /^[A-Z]{1,32}$/;
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^/?#@*\s]+)$/;
/** A name or an IPv4 address, or an IPv6 one between brackets; then perhaps a port. */
const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]{2,45}\])(?::(\d{1,5}))?$/;
const USUAL_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };
const ORIGIN_FORM = "SCHEME://HOST[:PORT], https://*.shop.example for all beneath, or * alone";

export function readCors(
  values: RouteOptionValues,
  at: (key: string) => number,
  contextOf: (key: string) => LineContext,
): CorsPlan | undefined {
  if (values.cors === undefined) return undefined;
  const list = <T>(key: string, items: readonly string[], read: (item: string) => T | Problem): T[] => {
    const good: T[] = [];
    for (const item of items) {
      const found = read(item);
      if (isProblem(found)) contextOf(key).fault(at(key), { code: "bad_cors", ...found });
      else if (good.includes(found)) refuseTwice(item, `${found}`, at(key), contextOf(key));
      else good.push(found);
    }
    refuseBesideAny(key, items, at(key), contextOf(key));
    return good;
  };
  return {
    origins: list("cors", values.cors, readOrigin),
    methods: list("cors_methods", values.cors_methods ?? [], readMethod),
    headers: list("cors_headers", values.cors_headers, readHeader),
    exposed: list("cors_expose", values.cors_expose ?? [], readHeader),
    hasCredentials: values.cors_credentials,
    maxAgeMs: values.cors_max_age,
  };
}

/** The opposite, for the printer. */
export function corsValues({ cors }: RouteOptions): Partial<RouteOptionValues> {
  if (cors === undefined) return {};
  return {
    cors: cors.origins,
    cors_methods: cors.methods,
    cors_headers: cors.headers,
    cors_expose: cors.exposed,
    cors_credentials: cors.hasCredentials,
    cors_max_age: cors.maxAgeMs,
  };
}

interface Problem {
  readonly message: string;
  readonly allowed: string;
  readonly suggestion?: string | undefined;
}

function isProblem(found: unknown): found is Problem {
  return typeof found === "object";
}

function readOrigin(text: string): string | Problem {
  if (text === ANY) return text;
  const lower = text.toLowerCase();
  if (lower === "null")
    return { message: "the origin null is any sandboxed page's", allowed: `${ORIGIN_FORM}; for any page, *` };
  const [, scheme = "", wildcard = "", place = ""] = ORIGIN.exec(lower.replace(/\/$/, "")) ?? [];
  const [, port] = HOST.exec(place) ?? [undefined, undefined];
  const isHost = HOST.test(place) && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535));
  if (scheme === "" || !isHost || (wildcard !== "" && !/[a-z]/.test(place)))
    return { message: `${quoted(text)} is not an origin`, allowed: ORIGIN_FORM };
  // Browsers leave out the port that the scheme has anyway.
  const canonical = `${scheme}://${wildcard}${port === USUAL_PORTS[scheme] ? place.replace(/:\d+$/, "") : place}`;
  if (lower.endsWith("/"))
    return {
      message: `${quoted(text)} has a path; an origin has none, not even /`,
      allowed: ORIGIN_FORM,
      suggestion: canonical,
    };
  return canonical;
}

function readMethod(text: string): string | Problem {
  if (METHOD.test(text)) return text;
  return { message: `${quoted(text)} is not a method`, allowed: "methods in upper case: GET;PUT" };
}

function readHeader(text: string): string | Problem {
  if (TOKEN.test(text)) return text.toLowerCase();
  return { message: `${quoted(text)} is not the name of a header`, allowed: "letters, digits and -, or * alone" };
}

function refuseTwice(item: string, found: string, at: number, context: LineContext): void {
  const message =
    item === found ? `${quoted(item)} is there twice` : `${quoted(item)} is ${found}, which is there already`;
  context.fault(at, { code: "bad_cors", message, allowed: "each of them once" });
}

function refuseBesideAny(key: string, items: readonly string[], at: number, context: LineContext): void {
  if (items.length < 2 || !items.includes(ANY)) return;
  const message = `* stands for all, and ${key} names others beside it`;
  context.fault(at, { code: "bad_cors", message, allowed: "* alone, or the others without it" });
}
