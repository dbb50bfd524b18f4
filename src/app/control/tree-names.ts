/**
 * Names in a tree: what a person types, and which node it means. A node's path is the names from the root down behind
 * slashes, `/orders/validate/lane 0`; a name is a whole path or any end of one: `validate/lane 0`, `lane 0`. Two that fit
 * are a question back, never a guess. Pure.
 */
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import { printable } from "../../base/printable.ts";
import type { TreeNode } from "./contract.ts";

export interface Place {
  readonly path: string;
  readonly node: TreeNode;
}

/** Most of them that a message names. */
const TOLD_MAX = 20;

/** Every node with its path, parents first. */
export function placesOf(tree: TreeNode, above = ""): Place[] {
  const path = `${above}/${tree.name}`;
  return [{ path, node: tree }, ...tree.children.flatMap((child) => placesOf(child, path))];
}

export function placesNamed(tree: TreeNode, name: string): Place[] {
  const end = name.startsWith("/") ? name : `/${name}`;
  return placesOf(tree).filter(({ path }) => (name.startsWith("/") ? path === end : path.endsWith(end)));
}

/** The one place of that name; otherwise a Failure that says what there is. */
export function thePlaceNamed(tree: TreeNode, name: string): Place {
  const found = placesNamed(tree, name);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw nothingNamed(name, placesOf(tree));
  throw severalNamed(
    name,
    found.map(({ path }) => path),
    "a longer end of its path, or the whole behind a slash, is required",
  );
}

export function nothingNamed(name: string, places: readonly Place[]): Failure {
  const meant = nearMiss(name.replace(/^\//, ""), new Set(places.flatMap(({ path }) => endsOf(path))));
  const known = places.map(({ path }) => path);
  const hint = meant === undefined ? `there are ${listed(known)}` : `did you mean ${shown(meant)}?`;
  return new Failure("instance.not_found", `nothing is named ${shown(name)}; ${hint}`, { data: { known } });
}

export function severalNamed(name: string, found: readonly string[], required: string): Failure {
  const message = `${shown(name)} names ${found.length}: ${listed(found)}; ${required}`;
  return new Failure("usage.ambiguous_name", message, { data: { found } });
}

/** Every name that finds it: `a/b`, `b`. */
function endsOf(path: string): string[] {
  const names = path.split("/").slice(1);
  return names.map((_, from) => names.slice(from).join("/"));
}

function listed(texts: readonly string[]): string {
  const told = texts.slice(0, TOLD_MAX).map(printable).join(", ");
  return texts.length > TOLD_MAX ? `${told} and ${texts.length - TOLD_MAX} more` : told;
}

function shown(name: string): string {
  return JSON.stringify(printable(name));
}
