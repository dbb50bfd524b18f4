/**
 * Folds tokens: what computes to one value becomes one, signs and comments in between go, words that belong together become one word. Left
 * are at most five tokens that show the shape of what was written.
 */

import type { SqlToken, SqlTokens } from "./sql-tokens.ts";
import { ARGUMENTLESS, CALLABLE, PHRASE_STARTS, PHRASE_TYPES } from "./sql-words.ts";

export const FOLDED_MAX = 5;
/** One more is read on, so that what follows the fifth can still fold with it. */
const WINDOW = FOLDED_MAX + 3;

/** `isWhole` false: it may end as soon as what it begins with is of no statement (`isOfNoStatement`), whatever follows but `X`. */
export function foldSql(tokens: SqlTokens, isWhole: boolean): SqlToken[] {
  const stack: SqlToken[] = [];
  let comment: SqlToken | undefined;
  let at = leading(tokens);
  let token = tokens.at(at);
  while (token !== undefined && stack.length < WINDOW) {
    at += 1;
    const next = tokens.at(at);
    comment = token.type === "c" ? token : undefined;
    if (comment === undefined && token.type !== "\\") push(stack, token, next);
    if (!isWhole && stack.length === 2 && isOfNoStatement(stack)) return stack;
    token = next;
  }
  if (comment !== undefined && stack.length < FOLDED_MAX) stack.push(comment);
  return stack.slice(0, FOLDED_MAX);
}

/**
 * Two names, as nearly every sentence begins, or a keyword that begins nothing: no shape that `sqli.ts` looks for does. Nor do they fold with what
 * follows, unless the last is the start of a phrase.
 */
function isOfNoStatement([first, second]: readonly SqlToken[]): boolean {
  if (first!.type !== "n" || second!.type !== "n") return first!.type === "k" && !PHRASE_STARTS.has(first!.text);
  return !PHRASE_STARTS.has(first!.text) && !PHRASE_STARTS.has(second!.text);
}

/** Openings and signs at the very front say nothing. */
function leading(tokens: SqlTokens): number {
  let at = 0;
  let token = tokens.at(at);
  let last: SqlToken | undefined;
  while (token !== undefined && (token.type === "(" || token.type === "c" || token.type === "t" || isSign(token))) {
    at += 1;
    last = token;
    token = tokens.at(at);
  }
  // Nothing but a comment, or a comment behind signs: the comment is what there is.
  return token === undefined && last?.type === "c" ? at - 1 : at;
}

const SIGNS: ReadonlySet<string> = new Set(["+", "-", "!", "~", "!!", "not"]);

function isSign(token: SqlToken): boolean {
  return token.type === "o" && SIGNS.has(token.text);
}

function retyped(token: SqlToken, type: string): SqlToken {
  return { ...token, type };
}

function push(stack: SqlToken[], read: SqlToken, next: SqlToken | undefined): void {
  let token = read;
  if (token.type === "f" && next?.type !== "(") token = retyped(token, "n");
  else if (token.type === "n" && next?.type === "(" && ARGUMENTLESS.has(token.text)) token = retyped(token, "f");
  else if (next?.type === "(" && CALLABLE.has(token.text)) token = retyped(token, "f");
  stack.push(token);
  // Three before two: `+or+` is one operator, not logic with a sign.
  while (foldThree(stack) || foldTwo(stack));
}

const VALUES = "1nsv";

function foldTwo(stack: SqlToken[]): boolean {
  if (stack.length < 2) return false;
  const a = stack.at(-2)!;
  const b = stack.at(-1)!;
  if (PHRASE_STARTS.has(a.text) && a.type !== "s") {
    const type = PHRASE_TYPES.get(`${a.text.split(" ").at(-1)} ${b.text}`);
    if (type !== undefined) return replace(stack, 2, { ...b, type, from: a.from });
  }
  if (a.type === b.type && "s;()".includes(a.type)) return drop(stack, 1);
  if ((a.type === "o" || a.type === "&" || a.type === "(") && isSign(b) && !(a.type === "(" && b.text === "not"))
    return drop(stack, 1);
  if ((a.type === "o" || a.type === "&") && b.type === "t") return drop(stack, 1);
  if (a.type === "t" && "n1t(fvs".includes(b.type)) return replace(stack, 2, b);
  if (b.type === "(" && a.type === "o" && (a.text === "in" || a.text === "not in")) return false;
  if (a.type === "A" && b.type === "n") return drop(stack, 2);
  if (a.type === "{" && b.type === "n") return drop(stack, 2);
  if (b.type === "}") return drop(stack, 1);
  return false;
}

function foldThree(stack: SqlToken[]): boolean {
  if (stack.length < 3) return false;
  const a = stack.at(-3)!;
  const b = stack.at(-2)!;
  const c = stack.at(-1)!;
  if (b.type === "o" && "1n".includes(a.type) && "1n".includes(c.type)) return drop(stack, 2);
  if (b.type === "o" && a.type === "v" && "v1n".includes(c.type)) return drop(stack, 2);
  if (a.type === "o" && b.type !== "(" && c.type === "o") return drop(stack, 2);
  if (a.type === "&" && c.type === "&") return drop(stack, 2);
  if (b.type === "," && VALUES.includes(a.type) && VALUES.includes(c.type)) return drop(stack, 2);
  if (b.type === "." && (a.type === "n" || a.type === "E") && c.type === "n")
    return replace(stack, 3, a.type === "n" ? a : c);
  if (b.type === "o" && b.text === "::" && c.type === "t") return drop(stack, 2);
  if (isSign(b) && "EB,k".includes(a.type) && "(n1vsf".includes(c.type)) return replace(stack, 2, c);
  if (a.type === "f" && b.type === "(" && c.type !== ")" && ARGUMENTLESS.has(a.text)) {
    stack[stack.length - 3] = retyped(a, "n");
    return false;
  }
  return false;
}

function drop(stack: SqlToken[], count: number): true {
  stack.length -= count;
  return true;
}

function replace(stack: SqlToken[], count: number, token: SqlToken): true {
  stack.length -= count;
  stack.push(token);
  return true;
}
