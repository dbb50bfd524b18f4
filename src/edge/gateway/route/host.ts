/** Hosts as they are compared: lower case, without port, brackets and the dot at the end. */

/** Of an authority as a client names it. */
export function hostOf(authority: string): string {
  let end = authority.length;
  if (authority.startsWith("[")) {
    const close = authority.indexOf("]");
    return (close < 0 ? authority : authority.slice(1, close)).toLowerCase();
  }
  const colon = authority.lastIndexOf(":");
  if (colon >= 0) end = colon;
  if (authority[end - 1] === ".") end--;
  return authority.slice(0, end).toLowerCase();
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const HOST_LENGTH_MAX = 253; // RFC 1035
/** Last labels that make resolvers read the whole as an IPv4 address, in one of its old forms. */
const NUMERIC = /^(0x[0-9a-f]*|\d+)$/i;
const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

export function isHostLabel(text: string): boolean {
  return LABEL.test(text);
}

/** Resolvers read it as a number, yet it is no IPv4 address in the usual form: octal, hexadecimal, short. */
export function isOddNumber(host: string): boolean {
  const name = host.endsWith(".") ? host.slice(0, -1) : host;
  return NUMERIC.test(name.slice(name.lastIndexOf(".") + 1)) && !IPV4.test(name);
}

/** A name of labels, or an IPv4 address in its usual form; no other number is one. */
export function isHostName(text: string): boolean {
  if (text.length > HOST_LENGTH_MAX) return false;
  const labels = text.split(".");
  if (!labels.every(isHostLabel)) return false;
  return !isOddNumber(text);
}
