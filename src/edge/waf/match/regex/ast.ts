/** A pattern as a tree. */
import type { CharSet } from "./char-set.ts";

export type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "cat"; readonly items: readonly Node[] }
  | { readonly kind: "alt"; readonly items: readonly Node[] }
  /** `max` Infinity: as often as it likes. */
  | {
      readonly kind: "repeat";
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      readonly mode: RepeatMode;
    }
  /** A group that captures; from 1. */
  | { readonly kind: "group"; readonly item: Node; readonly index: number }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "look"; readonly isAhead: boolean; readonly isNegative: boolean; readonly item: Node }
  | { readonly kind: "atomic"; readonly item: Node }
  | { readonly kind: "backreference"; readonly index: number; readonly isCaseless: boolean };

export type RepeatMode = "greedy" | "lazy" | "possessive";

export type Assertion =
  | "line_start"
  | "line_end"
  | "text_start"
  | "text_end"
  /** `\Z`: the end, or before a newline that ends the text. */
  | "text_end_newline"
  | "word_edge"
  | "no_word_edge";

export const EMPTY: Node = { kind: "empty" };

export function cat(items: readonly Node[]): Node {
  const flat = items.flatMap((item) => (item.kind === "cat" ? item.items : item.kind === "empty" ? [] : [item]));
  return flat.length === 0 ? EMPTY : flat.length === 1 ? flat[0]! : { kind: "cat", items: flat };
}

export function alt(items: readonly Node[]): Node {
  return items.length === 1 ? items[0]! : { kind: "alt", items };
}

/** How many bytes a node takes at least and at most. */
export function widthOf(node: Node): readonly [min: number, max: number] {
  switch (node.kind) {
    case "set":
      return [1, 1];
    case "cat":
      return node.items.map(widthOf).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    case "alt": {
      const widths = node.items.map(widthOf);
      return [Math.min(...widths.map(([min]) => min)), Math.max(...widths.map(([, max]) => max))];
    }
    case "repeat": {
      const [min, max] = widthOf(node.item);
      return [min * node.min, max === 0 ? 0 : max * node.max];
    }
    case "group":
    case "atomic":
      return widthOf(node.item);
    case "backreference":
      return [0, Number.POSITIVE_INFINITY];
    default:
      return [0, 0];
  }
}
