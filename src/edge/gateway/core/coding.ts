/** Codings of replies: which one a client takes, and what of a reply's head changes with it. Only texts that come as they are get one. */
import { headerOf, headersOf, type ReplyHead, withHeader } from "../../../wire/http/index.ts";
import { changedBody } from "./changed-body.ts";
import type { Passage } from "./words.ts";

export type Coding = "zstd" | "br" | "gzip";

/** Where a client likes several as much: what takes the least time first. */
const CODINGS: readonly Coding[] = ["zstd", "br", "gzip"];
const TEXT =
  /^(text\/|application\/(json|javascript|xml|x-ndjson|manifest\+json|[\w.+-]+\+(json|xml))|image\/svg\+xml)/i;
/** Comes piece by piece, and is waited for. */
const STREAM = /^(text\/event-stream|application\/x-ndjson|application\/grpc)/i;
const NOT_WHOLE: ReadonlySet<number> = new Set([204, 206, 304]);

/** Undefined: it stays as it is. */
export function codingFor({ request }: Pick<Passage, "request">, head: ReplyHead): Coding | undefined {
  if (request.method === "HEAD" || !isCodable(head)) return undefined;
  return accepted(headersOf(request.headers, "accept-encoding").join(","));
}

/** Some client could get it coded. */
export function isCodable({ headers, status }: ReplyHead): boolean {
  if (NOT_WHOLE.has(status) || headerOf(headers, "content-encoding") !== undefined) return false;
  if (/no-transform/i.test(headerOf(headers, "cache-control") ?? "")) return false;
  const type = headerOf(headers, "content-type") ?? "";
  return TEXT.test(type) && !STREAM.test(type);
}

/** Caches keep it for those only who accept as much: the next client may get it coded, or not. */
export function variedHead({ headers, status }: ReplyHead): ReplyHead {
  const vary = headersOf(headers, "vary");
  if (/(^|,)\s*(\*|accept-encoding)\s*(,|$)/i.test(vary.join(","))) return { status, headers };
  return { status, headers: withHeader(headers, "vary", [...vary, "accept-encoding"].join(", ")) };
}

export function codedHead(head: ReplyHead, coding: Coding): ReplyHead {
  const { headers, status } = variedHead(head);
  const tag = headerOf(headers, "etag");
  const list = withHeader(changedBody(headers), "content-encoding", coding);
  // The bytes are others now: only a weak tag is still true (RFC 9110, 8.8.1).
  if (tag !== undefined) list.push("etag", tag.startsWith("W/") ? tag : `W/${tag}`);
  return { status, headers: list };
}

/** The one that the client likes best (RFC 9110, 12.5.3); `*` stands for those that it does not name. */
export function accepted(accept: string): Coding | undefined {
  const weights = new Map<string, number>();
  for (const each of accept.toLowerCase().split(",")) {
    const [name = "", ...params] = each.split(";").map((part) => part.trim());
    const weight = params.find((param) => /^q\s*=/.test(param))?.replace(/^q\s*=\s*/, "");
    const isWeight = weight === undefined || /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight);
    weights.set(name === "x-gzip" ? "gzip" : name, isWeight ? Number(weight ?? 1) : 0);
  }
  let best: Coding | undefined;
  let most = 0;
  for (const coding of CODINGS) {
    const weight = weights.get(coding) ?? weights.get("*") ?? 0;
    if (weight > most) [best, most] = [coding, weight];
  }
  return best;
}
