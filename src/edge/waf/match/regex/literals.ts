/**
 * What a text must hold for a pattern to match at all: a set of literals of which one has to be there, in lower case. One automaton looks for
 * the literals of all patterns at once; a pattern none of whose literals is there need not be run. Where nothing of use is required (one byte,
 * too many choices) there is no set, and the pattern is always run.
 */
import type { Bytes } from "../bytes.ts";
import type { Node } from "./ast.ts";
import { bytesIn, type CharSet } from "./char-set.ts";

/** More alternatives cost the common automaton more than they spare. */
const LITERALS_MAX = 400;
/** Longer ones are cut: the first bytes decide. */
const LITERAL_BYTES_MAX = 24;
/** A class of more bytes (after folding case) ends a literal. */
const CLASS_BYTES_MAX = 12;
/** Texts that a whole node can be, while they are combined with what stands beside it. */
const EXACT_MAX = 64;

interface Info {
  /** All texts that the node can be, where they are few. */
  readonly exact: readonly Bytes[] | undefined;
  /** One of them is in whatever the node matches. */
  readonly required: readonly Bytes[] | undefined;
}

const NOTHING: Info = { exact: undefined, required: undefined };
const EMPTY_TEXT: Info = { exact: [""], required: undefined };

/** Undefined: no useful set. */
export function requiredLiterals(root: Node): readonly Bytes[] | undefined {
  const info = infoOf(root);
  const best = better(info.required, usable(info.exact));
  if (best === undefined || !best.every(isRare)) return undefined;
  return [...new Set(best.map((text) => text.slice(0, LITERAL_BYTES_MAX)))];
}

/** A single letter, digit or blank is in nearly every value: no use as a filter. */
function isRare(text: Bytes): boolean {
  return text.length > 1 || /[^A-Za-z0-9 ]/.test(text);
}

function infoOf(node: Node): Info {
  switch (node.kind) {
    case "set":
      return setInfo(node.set);
    case "cat":
      return catInfo(node.items);
    case "alt":
      return altInfo(node.items.map(infoOf));
    case "group":
    case "atomic":
      return infoOf(node.item);
    case "repeat":
      return repeatInfo(node);
    case "backreference":
      return NOTHING;
    default:
      return EMPTY_TEXT;
  }
}

function setInfo(set: CharSet): Info {
  const bytes = new Set(bytesIn(set).map((byte) => String.fromCharCode(byte >= 65 && byte <= 90 ? byte + 32 : byte)));
  return bytes.size > CLASS_BYTES_MAX ? NOTHING : { exact: [...bytes], required: undefined };
}

function repeatInfo(node: Extract<Node, { kind: "repeat" }>): Info {
  const info = infoOf(node.item);
  if (node.min === 0) {
    if (node.max !== 1 || info.exact === undefined || info.exact.length >= EXACT_MAX) return NOTHING;
    return { exact: [...new Set([...info.exact, ""])], required: undefined };
  }
  if (node.min === 1 && node.max === 1) return info;
  const copies =
    node.min === node.max && node.max <= LITERAL_BYTES_MAX ? new Array<Info>(node.min).fill(info) : undefined;
  if (copies !== undefined) return join(copies);
  return { exact: undefined, required: better(info.required, usable(info.exact)) };
}

function altInfo(infos: readonly Info[]): Info {
  const exact = infos.every((info) => info.exact !== undefined)
    ? [...new Set(infos.flatMap((info) => info.exact!))]
    : undefined;
  if (exact !== undefined && exact.length <= EXACT_MAX) return { exact, required: undefined };
  const parts = infos.map((info) => better(info.required, usable(info.exact)));
  if (parts.some((part) => part === undefined)) return NOTHING;
  const required = [...new Set(parts.flatMap((part) => part!))];
  return { exact: undefined, required: required.length > LITERALS_MAX ? undefined : required };
}

function catInfo(items: readonly Node[]): Info {
  return join(items.map(infoOf));
}

/** Joins texts of neighbours while they stay few; each run of them that ends is a candidate. */
function join(infos: readonly Info[]): Info {
  let run: readonly Bytes[] = [""];
  let best: readonly Bytes[] | undefined;
  let isExact = true;
  for (const info of infos) {
    if (info.exact !== undefined && run.length * info.exact.length <= EXACT_MAX && fits(run)) {
      run = product(run, info.exact);
      continue;
    }
    best = better(best, usable(run));
    isExact = false;
    run = info.exact ?? [""];
    best = better(best, info.required);
  }
  best = better(best, usable(run));
  return isExact ? { exact: run, required: best } : { exact: undefined, required: best };
}

function fits(run: readonly Bytes[]): boolean {
  return run.every((text) => text.length < LITERAL_BYTES_MAX);
}

function product(ones: readonly Bytes[], others: readonly Bytes[]): readonly Bytes[] {
  return [...new Set(ones.flatMap((one) => others.map((other) => one + other)))];
}

function usable(texts: readonly Bytes[] | undefined): readonly Bytes[] | undefined {
  return texts === undefined || texts.length === 0 || texts.length > LITERALS_MAX || shortest(texts) === 0
    ? undefined
    : texts;
}

function shortest(texts: readonly Bytes[]): number {
  return texts.reduce((least, text) => Math.min(least, text.length), Number.POSITIVE_INFINITY);
}

/** The one that is found less often: longer texts first, then fewer. Past four bytes length says little. */
function better(one: readonly Bytes[] | undefined, other: readonly Bytes[] | undefined): readonly Bytes[] | undefined {
  if (one === undefined) return other;
  if (other === undefined) return one;
  const [a, b] = [Math.min(4, shortest(one)), Math.min(4, shortest(other))];
  return a !== b ? (a > b ? one : other) : one.length <= other.length ? one : other;
}
