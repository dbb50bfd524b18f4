/**
 * Under which name a token is given. Services keep answers and count calls by the caller's name, and logs show it: so nobody
 * gives himself another one's. An admin names anybody; all others name parts of themselves, `eve/phone` for `phone`.
 */
const SEPARATOR = "/";

/** A name that is within the giver's own, or is it. */
export function nameWithin(own: string, wanted: string): string {
  return wanted === own || wanted.startsWith(own + SEPARATOR) ? wanted : own + SEPARATOR + wanted;
}

/** `eve` of `eve/phone/app`. */
export function rootOf(name: string): string {
  return name.split(SEPARATOR, 1)[0]!;
}
