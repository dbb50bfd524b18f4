/** Headers that a route sets, adds and removes, in requests and in replies. What clients sent goes in as it is safe in a header. */
import { type HeaderList, headerOf, type RequestHead, withoutHeader } from "../../../wire/http/index.ts";
import type { CompiledEdit } from "./compiled-route.ts";
import { hostOf } from "./host.ts";
import type { TemplatePart, VariableName } from "./template.ts";
import type { RouteHit } from "./words.ts";

/** What templates need and no head tells. */
export interface RequestFacts {
  readonly client: string;
  readonly requestId: string;
}

/** The same list when the route has no edits. */
export function editRequest(headers: HeaderList, hit: RouteHit, head: RequestHead, facts: RequestFacts): HeaderList {
  return edited(headers, hit.route.requestEdits, hit, head, facts);
}

export function editReply(headers: HeaderList, hit: RouteHit, head: RequestHead, facts: RequestFacts): HeaderList {
  return edited(headers, hit.route.replyEdits, hit, head, facts);
}

function edited(
  headers: HeaderList,
  edits: readonly CompiledEdit[],
  hit: RouteHit,
  head: RequestHead,
  facts: RequestFacts,
): HeaderList {
  let list = headers;
  for (let index = 0; index < edits.length; index++) {
    const { kind, name, value } = edits[index]!;
    list = kind === "add" ? list.slice() : withoutHeader(list, name);
    if (kind === "remove") continue;
    let text = "";
    for (const part of value) text += part.kind === "text" ? part.text : variableValue(part, hit, head, facts);
    list.push(name, text);
  }
  return list;
}

/** Parameters stay percent-encoded, as they are in the path: so no character of them can end a header. */
export function variableValue(part: TemplatePart, hit: RouteHit, head: RequestHead, facts: RequestFacts): string {
  if (part.kind === "text") return part.text;
  if (part.kind === "param") return hit.values[hit.route.paramNames.indexOf(part.name)] ?? "";
  if (part.kind === "header") return headerOf(head.headers, part.name) ?? "";
  return requestValue(part.name as VariableName, hit, head, facts); // the parser knows no other
}

function requestValue(name: VariableName, hit: RouteHit, head: RequestHead, facts: RequestFacts): string {
  switch (name) {
    case "client":
      return facts.client;
    case "host":
      return hostOf(head.authority);
    case "authority":
      return head.authority;
    case "scheme":
      return head.scheme;
    case "method":
      return head.method;
    case "path":
      return hit.path;
    case "query":
      return hit.query;
    case "search":
      return hit.query === "" ? "" : `?${hit.query}`;
    case "target":
      return hit.query === "" ? hit.path : `${hit.path}?${hit.query}`;
    case "route":
      return hit.route.plan.id;
    case "request_id":
      return facts.requestId;
  }
}
