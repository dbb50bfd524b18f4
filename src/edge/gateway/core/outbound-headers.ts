/** What the upstream gets to see of the request's headers, and of the way that it came. */
import { Failure } from "../../../base/errors.ts";
import { type HeaderList, headerOf, headersOf, type RequestHead, withHeader } from "../../../wire/http/index.ts";
import { handshakeFault } from "../../../wire/websocket/index.ts";
import { editRequest } from "../route/index.ts";
import type { CoreParts } from "./parts.ts";
import type { Passage } from "./words.ts";

export function outboundHeaders(passage: Passage, parts: Pick<CoreParts, "addresses" | "pseudonym">): HeaderList {
  const { hit, id, peer, request, span, view } = passage;
  let headers = parts.addresses.forward(passage.headers, peer, view);
  const own = `${request.version} ${parts.pseudonym}`;
  if (headerOf(headers, "via") === undefined) headers.push("via", own);
  else headers = withHeader(headers, "via", [...headersOf(headers, "via"), own].join(", "));
  headers = replaced(headers, "x-request-id", id);
  if (span?.traceparent !== undefined) headers = replaced(headers, "traceparent", span.traceparent);
  if (hit!.route.requestEdits.length === 0) return headers;
  const seen = { ...request, headers: passage.headers }; // as steps have left them: what masks have hidden is in no copy
  return editRequest(headers, hit!, seen, { client: passage.client, requestId: id });
}

/** The list is one that was made here: what is not in it yet is put behind it, without a copy. */
function replaced(headers: HeaderList, name: string, value: string): HeaderList {
  if (headerOf(headers, name) !== undefined) return withHeader(headers, name, value);
  headers.push(name, value);
  return headers;
}

/** A request that has been here before: it would go round until something gives way. */
export function refuseLoop(headers: HeaderList, pseudonym: string): Failure | undefined {
  if (headerOf(headers, "via") === undefined) return undefined;
  for (const line of headersOf(headers, "via")) {
    if (line.includes(pseudonym)) return new Failure("gateway.loop", `via already names this gateway, ${pseudonym}`);
  }
  return undefined;
}

/** What is wrong with the handshake of a WebSocket, where it is one: whoever is behind might read another field than we do. */
export function refuseHandshake({ headers, protocol }: RequestHead): Failure | undefined {
  const fault = protocol === undefined ? undefined : handshakeFault(headers);
  return fault === undefined ? undefined : new Failure("gateway.bad_handshake", fault);
}
