/** Which characters may stand where in an HTTP message (RFC 9110, 9112, 3986): tables to look into, no regular expressions. */

const ALPHA_LOWER = "abcdefghijklmnopqrstuvwxyz";
const ALPHA_UPPER = ALPHA_LOWER.toUpperCase();
const DIGITS = "0123456789";

/** What a table says of a character that may stand there. */
const YES = 1;
/** And it is a capital letter: the text is not in lower case. */
export const CAPITAL = 2;

/** Names of fields and methods (RFC 9110, 5.6.2): 0 forbidden, `CAPITAL` for capital letters. */
export const TOKEN: Uint8Array = table(`!#$%&'*+-.^_\`|~${DIGITS}${ALPHA_LOWER}`, ALPHA_UPPER);

/** Values of fields: visible characters, blanks, tabs and bytes above ASCII; no other control character, no DEL. */
export const VALUE: Uint8Array = range(0x20, 0x7e, range(0x80, 0xff, table("\t")));

/** A path, up to its query: visible ASCII, but nothing that some servers take for something else (`\` for `/`) or that never is in a URI. */
export const PATH: Uint8Array = without('?#\\"<>', range(0x21, 0x7e));

/** A query: what browsers and shells really send, bytes above ASCII among it; no fragment. */
export const QUERY: Uint8Array = without("#", range(0x21, 0x7e, range(0x80, 0xff)));

/** Names of hosts, and IPv4. No percent encoding, no user: `a@b` is how two parsers come to two hosts. */
const HOST: Uint8Array = table(`-._~${DIGITS}${ALPHA_LOWER}${ALPHA_UPPER}`);
const IPV6: Uint8Array = table(`:.${DIGITS}abcdefABCDEF`);

/** A name of the DNS has no more than 253; in brackets an IPv6 address has 45. */
const HOST_LENGTH_MAX = 255;
const PORT_MAX = 65_535;
const COLON = 0x3a;

/** `host`, `host:port`, `[ipv6]`, `[ipv6]:port`; no user, no empty host or port. */
export function isAuthority(text: string): boolean {
  const end = hostEnd(text);
  if (end <= 0 || end > HOST_LENGTH_MAX) return false;
  return end === text.length || (text.charCodeAt(end) === COLON && isPort(text, end + 1));
}

/** Where the host ends; 0 when there is none that can be one. */
function hostEnd(text: string): number {
  let at = 0;
  if (text.charCodeAt(0) === 0x5b) {
    at = 1;
    while (at < text.length && IPV6[text.charCodeAt(at)]) at++;
    return at > 2 && text.charCodeAt(at) === 0x5d ? at + 1 : 0;
  }
  while (at < text.length && HOST[text.charCodeAt(at)]) at++;
  return at;
}

function isPort(text: string, from: number): boolean {
  const digits = text.length - from;
  if (digits < 1 || digits > 5) return false;
  let port = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port > 0 && port <= PORT_MAX;
}

/** A path from its slash, and perhaps a query: what a request's target in origin form, or `:path`, may be. */
export function isOriginForm(text: string): boolean {
  if (text.charCodeAt(0) !== 0x2f) return false;
  let at = 1;
  while (at < text.length && PATH[text.charCodeAt(at)]) at++;
  if (at === text.length) return true;
  return text.charCodeAt(at) === 0x3f && areAll(QUERY, text, at + 1);
}

/** Whether each character from there on is allowed. */
export function areAll(allowed: Uint8Array, text: string, from = 0): boolean {
  for (let at = from; at < text.length; at++) if (!allowed[text.charCodeAt(at)]) return false;
  return true;
}

export function isToken(text: string): boolean {
  return text.length > 0 && areAll(TOKEN, text);
}

function table(characters: string, capitals = ""): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const character of characters) allowed[character.charCodeAt(0)] = YES;
  for (const character of capitals) allowed[character.charCodeAt(0)] = CAPITAL;
  return allowed;
}

function range(from: number, to: number, onto: Uint8Array = new Uint8Array(256)): Uint8Array {
  return onto.fill(YES, from, to + 1);
}

function without(characters: string, allowed: Uint8Array): Uint8Array {
  for (const character of characters) allowed[character.charCodeAt(0)] = 0;
  return allowed;
}
