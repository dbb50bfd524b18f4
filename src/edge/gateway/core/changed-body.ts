/** Headers of a body that has become another one: what was said of the bytes that were is not true any more. */
import type { HeaderList } from "../../../wire/http/index.ts";

const OF_THE_BYTES: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-encoding",
  "content-length",
  "content-md5",
  "digest",
  "etag",
  "repr-digest",
]);

export function changedBody(headers: HeaderList): HeaderList {
  const kept: HeaderList = [];
  for (let at = 0; at < headers.length; at += 2)
    if (!OF_THE_BYTES.has(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
  return kept;
}
