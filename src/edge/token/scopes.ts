/** Scopes: which services and methods a token names. `users` is a service with all its methods, `users.get` one, `*` all. */
import { SCOPE_TEXT_CHARS_MAX, SCOPES_MAX } from "./limits.ts";

/** `users` and `users@2` alike are a service: a scope names no version. */
const SCOPE = /^(\*|[A-Za-z][\w-]{0,63}(\.[A-Za-z_][\w-]{0,63})?)$/;

export const SCOPE_FORM = `up to ${SCOPES_MAX} of SERVICE, SERVICE.METHOD or *`;

export function isScope(text: string): boolean {
  return SCOPE.test(text);
}

/** Sorted, each once; undefined when one has not the form, or they are too many. */
export function readScopes(list: readonly string[]): readonly string[] | undefined {
  const scopes = [...new Set(list)].sort();
  const isWhole = scopes.length <= SCOPES_MAX && scopes.join(" ").length <= SCOPE_TEXT_CHARS_MAX;
  return isWhole && scopes.every(isScope) ? scopes : undefined;
}

/** Whether who has `scopes` may do all that `wanted` names. */
export function covers(scopes: readonly string[], wanted: string): boolean {
  const [service = ""] = wanted.split(".");
  return scopes.some((scope) => scope === "*" || scope === wanted || scope === service);
}
