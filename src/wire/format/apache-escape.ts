/**
 * Undoes what Apache and nginx do to quotes, backslashes and unprintable bytes inside a quoted field: `\"`, `\\`, `\n`, `\t`,
 * … and `\x1f`. Bytes that do not make UTF-8 (half a TLS handshake, say) stay escaped as they were logged.
 */
import { isUtf8 } from "node:buffer";

const LETTERS: Readonly<Record<string, number>> = {
  '"': 34,
  "\\": 92,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

/** The plain bytes; never longer than the escaped ones. Undefined when they are not UTF-8. */
export function unescapeLog(escaped: Uint8Array): Uint8Array | undefined {
  const plain = new Uint8Array(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] !== 92) {
      plain[length++] = escaped[at]!;
      continue;
    }
    const next = String.fromCharCode(escaped[at + 1] ?? 0);
    const letter = LETTERS[next];
    const hex = next === "x" ? hexByte(escaped, at + 2) : -1;
    plain[length++] = letter ?? (hex >= 0 ? hex : 92);
    if (letter !== undefined) at++;
    else if (hex >= 0) at += 3;
  }
  const bytes = plain.subarray(0, length);
  return isUtf8(bytes) ? bytes : undefined;
}

function hexByte(bytes: Uint8Array, at: number): number {
  const text = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0);
  return /^[0-9A-Fa-f]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
