/** The variables of a request's head and of a reply, as ModSecurity v3 fills them. Header names are in lower case, as the gateway has them. */
import type { InTurns } from "../../../base/turns.ts";
import { type HeaderList, headerOf } from "../../../wire/http/index.ts";
import type { Bytes } from "../match/index.ts";
import type { ArgumentSink } from "./body/sink.ts";
import { decodePath, readUrlencoded } from "./body/urlencoded.ts";
import { COOKIES_MAX } from "./limits.ts";
import type { Variables } from "./variables.ts";
import type { WafContext, WafReplyHead, WafRequestHead } from "./words.ts";

export function fillConnection(variables: Variables, context: WafContext, id: string): void {
  variables.setSingle("UNIQUE_ID", id);
  variables.setSingle("REMOTE_ADDR", context.clientAddress);
  variables.setSingle("REMOTE_HOST", context.clientAddress);
  variables.setSingle("REMOTE_PORT", String(context.clientPort));
  variables.setSingle("SERVER_ADDR", context.serverAddress);
  variables.setSingle("SERVER_PORT", String(context.serverPort));
}

export function* fillRequest(
  variables: Variables,
  head: WafRequestHead,
  sink: ArgumentSink,
  separator: string,
): InTurns<void> {
  const { method, target, version } = head;
  variables.setSingle("REQUEST_METHOD", method);
  variables.setSingle("REQUEST_PROTOCOL", `HTTP/${version}`);
  variables.setSingle("REQUEST_LINE", `${method} ${target} HTTP/${version}`);
  variables.setSingle("REQUEST_URI_RAW", target);
  const question = target.indexOf("?");
  const path = decodePath(question < 0 ? target : target.slice(0, question));
  variables.setSingle("REQUEST_URI", withoutOrigin(decodePath(target)));
  variables.setSingle("REQUEST_FILENAME", path);
  variables.setSingle("PATH_INFO", path);
  variables.setSingle("REQUEST_BASENAME", path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1));
  const query = question < 0 ? "" : target.slice(question + 1);
  variables.setSingle("QUERY_STRING", query);
  const isValid = yield* readUrlencoded(query, "GET", separator, sink);
  variables.setSingle("URLENCODED_ERROR", isValid ? "0" : "1");
  if (sink.count > 0) variables.setSingle("ARGS_COMBINED_SIZE", String(sink.combinedBytes));
  fillHeaders(variables, head, sink);
}

/** `http://host/path` is `/path`. */
function withoutOrigin(uri: Bytes): Bytes {
  if (uri.startsWith("/")) return uri;
  const scheme = /^https?:\/\//i.exec(uri);
  if (scheme === null) return uri;
  const slash = uri.indexOf("/", scheme[0].length);
  return slash < 0 ? "/" : uri.slice(slash);
}

function fillHeaders(variables: Variables, head: WafRequestHead, sink: ArgumentSink): void {
  const { headers } = head;
  let hasHost = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    hasHost ||= name === "host";
    addHeader(variables, "REQUEST_HEADERS", name, headers[at + 1]!);
  }
  const hop = head.hop ?? [];
  for (let at = 0; at < hop.length; at += 2) addHeader(variables, "REQUEST_HEADERS", hop[at]!, hop[at + 1]!);
  if (!hasHost && head.authority !== "") addHeader(variables, "REQUEST_HEADERS", "host", head.authority);
  variables.setSingle("SERVER_NAME", hostOf(headerOf(headers, "host") ?? head.authority));
  const authorization = headerOf(headers, "authorization");
  if (authorization !== undefined) variables.setSingle("AUTH_TYPE", authorization.split(" ", 1)[0] ?? "");
  fillCookies(variables, headers, sink);
  const processor = processorOf(headerOf(headers, "content-type") ?? "");
  variables.setSingle("REQBODY_PROCESSOR", processor);
}

function addHeader(
  variables: Variables,
  list: "REQUEST_HEADERS" | "RESPONSE_HEADERS",
  name: string,
  value: string,
): void {
  variables.add(list, name, value);
  variables.add(`${list}_NAMES`, name, name);
}

function hostOf(authority: Bytes): Bytes {
  return authority.replace(/:\d*$/, "");
}

/** What reads the body when no rule says otherwise. */
function processorOf(contentType: Bytes): "" | "URLENCODED" | "MULTIPART" {
  const lower = contentType.toLowerCase();
  if (lower.startsWith("multipart/form-data")) return "MULTIPART";
  return lower.startsWith("application/x-www-form-urlencoded") ? "URLENCODED" : "";
}

function fillCookies(variables: Variables, headers: HeaderList, sink: ArgumentSink): void {
  let count = 0;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== "cookie") continue;
    for (const pair of headers[at + 1]!.split(";")) {
      const text = pair.trimStart();
      const equals = text.indexOf("=");
      const name = equals < 0 ? text : text.slice(0, equals);
      if (name === "") continue;
      count += 1;
      if (count > COOKIES_MAX) return sink.overflow();
      variables.add("REQUEST_COOKIES", name, equals < 0 ? "" : text.slice(equals + 1));
      variables.add("REQUEST_COOKIES_NAMES", name, name);
    }
  }
}

export function fillReply(variables: Variables, head: WafReplyHead, version: string): void {
  variables.setSingle("RESPONSE_STATUS", String(head.status));
  variables.setSingle("RESPONSE_PROTOCOL", `HTTP/${version}`);
  for (let at = 0; at < head.headers.length; at += 2)
    addHeader(variables, "RESPONSE_HEADERS", head.headers[at]!, head.headers[at + 1]!);
  variables.setSingle("RESPONSE_CONTENT_TYPE", headerOf(head.headers, "content-type") ?? "");
  variables.setSingle("RESPONSE_CONTENT_LENGTH", headerOf(head.headers, "content-length") ?? "");
}
