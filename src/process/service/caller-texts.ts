/**
 * Who calls, as the text that stands in the head of a call. Most calls are of whoever called last, in an object that is new for each when it
 * came over a link or HTTP: looking whether it says the same costs less than writing it down again.
 */
import type { ServiceCaller } from "./words.ts";

export class CallerTexts {
  /** Of callers that are kept: services, and this node. */
  readonly #known = new WeakMap<ServiceCaller, string>();
  #last: ServiceCaller | undefined;
  #lastText = "";

  of(caller: ServiceCaller): string {
    if (this.#last !== undefined && isSame(caller, this.#last)) return this.#lastText;
    const text = this.#known.get(caller) ?? textOf(caller);
    this.#known.set(caller, text);
    this.#last = caller;
    this.#lastText = text;
    return text;
  }
}

function isSame(one: ServiceCaller, other: ServiceCaller): boolean {
  if (one === other) return true;
  if (one.name !== other.name || one.kind !== other.kind || one.access !== other.access) return false;
  const [left, right] = [one.scopes, other.scopes];
  return left === right || (left.length === right.length && left.every((scope, at) => scope === right[at]));
}

function textOf({ access, kind, name, scopes }: ServiceCaller): string {
  return JSON.stringify({ kind, name, access, scopes });
}
