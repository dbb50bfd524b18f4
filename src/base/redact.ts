/**
 * Keeps secrets out of what is shown: values that stand under a telling name, and texts that look like a credential wherever they
 * stand. It errs on the side of hiding. What looks like nothing (a password in the middle of a sentence) it cannot know.
 */

export const REDACTED = "[redacted]";

/** Compared without case and punctuation: `api_key`, `X-Api-Key` and `apiKey` are one. */
const SECRET_WITHIN =
  /password|passwd|passphrase|secret|authorization|cookie|apikey|accesskey|privatekey|signingkey|clusterkey|credential/;
const SECRET_AT_END = /(?:token|jwt|pwd)s?$/;
/** Not secrets although they are called so: a fencing token is a number that everybody may see. */
const HARMLESS = /^(?:fencingtokens?|publickeys?)$/;

export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  return !HARMLESS.test(plain) && (SECRET_WITHIN.test(plain) || SECRET_AT_END.test(plain));
}

/** Each takes time that grows with the text's length only. */
const SHAPES: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g, REDACTED],
  // A scheme is short; a password may hold an @, so the last one before the path counts.
  [/(:\/\/)[^\s/?#"'<>]*@/g, `$1${REDACTED}@`],
  [/(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g, REDACTED],
  [/\b(Bearer|Basic|DPoP)(\s{1,8})[\w.~+/=:-]{6,}/gi, `$1$2${REDACTED}`],
  // name=value and "name":"value", as in a query, an environment or a body
  [
    /((?:password|passwd|passphrase|secret|token|jwt|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie)s?=)(?:"[^"]*"?|'[^']*'?|[^\s,;&"']+)/gi,
    `$1${REDACTED}`,
  ],
  [
    /((?:password|passwd|passphrase|secret|token|jwt|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie)s?\\?"\s{0,8}:\s{0,8})\\?"(?:[^"\\]|\\[\s\S])*"?/gi,
    `$1"${REDACTED}"`,
  ],
];

/** The same text with what looks like a credential replaced. */
export function redact(text: string): string {
  let clean = text;
  for (const [pattern, instead] of SHAPES) clean = clean.replace(pattern, instead);
  return clean;
}
