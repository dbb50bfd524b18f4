/** Headers and trailers with patterns hidden in their values, but for those that nothing would work without. */
import type { HeaderList } from "../../../wire/http/index.ts";
import { type MaskRules, maskHeaders } from "../mask/index.ts";

/** Credentials are for whom they are addressed to; without the others nobody could read the body. Hidden, nothing would work any more. */
const LEFT_ALONE: ReadonlySet<string> = new Set([
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "proxy-authenticate",
  "proxy-authorization",
  "set-cookie",
  "transfer-encoding",
  "www-authenticate",
]);

/** The same list where nothing was hidden. Throws `gateway.body_unreadable`. */
export function maskedHeaders(headers: HeaderList, rules: MaskRules): HeaderList {
  const masked = maskHeaders(headers, rules);
  if (masked === headers) return headers;
  for (let at = 0; at < masked.length; at += 2) if (LEFT_ALONE.has(masked[at]!)) masked[at + 1] = headers[at + 1]!;
  return masked;
}
