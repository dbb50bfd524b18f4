/**
 * Kinds of bytes that a text must hold for a pattern to match at all: a list of sets, of each of which one kind has to be there. Where the
 * literals of a pattern are common words, or there are none, its marks (`(`, `=`, `<`) often tell that it cannot match.
 */
import { countOf, kindOf, kindsOf } from "../kinds.ts";
import type { Node } from "./ast.ts";
import { bytesIn, type CharSet } from "./char-set.ts";

/** More say little that the fewest do not. */
const NEEDS_MAX = 6;
/** A set of more kinds is in nearly every text. */
const KINDS_MAX = 20;

/** Empty: nothing is known. */
export function neededKinds(root: Node): readonly number[] {
  return narrowest(needsOf(root)).slice(0, NEEDS_MAX);
}

/** What texts need of which one has to be there. */
export function kindsOfAny(texts: readonly string[]): readonly number[] {
  const needs = texts.map((text) => kindsOf(text));
  return needs.includes(0) ? [] : [needs.reduce((all, kinds) => all | kinds, 0)];
}

function needsOf(node: Node): readonly number[] {
  switch (node.kind) {
    case "set":
      return setNeeds(node.set);
    case "cat":
      return narrowest(node.items.flatMap(needsOf));
    case "alt":
      return altNeeds(node.items.map(needsOf));
    case "group":
    case "atomic":
      return needsOf(node.item);
    case "repeat":
      return node.min === 0 ? [] : needsOf(node.item);
    default:
      return [];
  }
}

function setNeeds(set: CharSet): readonly number[] {
  let kinds = 0;
  for (const byte of bytesIn(set)) {
    const kind = kindOf(byte);
    if (kind === 0) return [];
    kinds |= kind;
  }
  return kinds === 0 || countOf(kinds) > KINDS_MAX ? [] : [kinds];
}

/** What all alternatives need stays; beside it, of each alternative its narrowest set: one of these has to be there. */
function altNeeds(parts: readonly (readonly number[])[]): readonly number[] {
  const [first = [], ...others] = parts;
  if (parts.some((part) => part.length === 0)) return [];
  const common = first.filter((kinds) => others.every((part) => part.includes(kinds)));
  const union = parts.reduce((all, part) => all | narrowest(part)[0]!, 0);
  return countOf(union) > KINDS_MAX ? common : narrowest([...common, union]);
}

/** The fewest kinds first; none that holds another. */
function narrowest(needs: readonly number[]): readonly number[] {
  const sorted = [...new Set(needs)].sort((one, other) => countOf(one) - countOf(other));
  return sorted.filter((kinds, at) => !sorted.slice(0, at).some((smaller) => (smaller & kinds) === smaller));
}
