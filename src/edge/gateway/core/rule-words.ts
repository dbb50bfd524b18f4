/** A request as rules see it, and headers as rules want them. */
import { type HeaderList, withHeader, withoutHeader } from "../../../wire/http/index.ts";
import type { RuleRequest } from "../words/index.ts";
import type { Passage } from "./words.ts";

export function ruleRequestOf(passage: Passage, params: RuleRequest["params"]): RuleRequest {
  const { caller, hit, request } = passage;
  return {
    method: request.method,
    scheme: passage.view.scheme,
    host: passage.view.host,
    path: passage.path,
    query: hit?.query ?? "",
    headers: recordOf(request.headers),
    client: passage.client,
    route: hit?.route.plan.id ?? "",
    params,
    ...(caller && { claims: caller.claims }),
  };
}

/** Of several with one name the values joined, as they may be (RFC 9110, 5.2); cookies by semicolons. */
function recordOf(headers: HeaderList): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const before = record[name];
    record[name] =
      before === undefined ? headers[at + 1]! : `${before}${name === "cookie" ? "; " : ", "}${headers[at + 1]}`;
  }
  return record;
}

export function editedByRule(headers: HeaderList, edits: Readonly<Record<string, string | false>>): HeaderList {
  let list = headers;
  for (const [name, value] of Object.entries(edits)) {
    const key = name.toLowerCase();
    list = value === false ? withoutHeader(list, key) : withHeader(list, key, value);
  }
  return list;
}
