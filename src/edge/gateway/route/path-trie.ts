/**
 * The routes of one host by path: a tree of pieces. At each piece a literal is tried before a parameter before a rest, and a branch
 * that ends without a route is left again; the pieces of the path are cut as they are needed. It holds the places of parameters while
 * it looks, so one tree serves one look at a time.
 */
import type { RequestHead } from "../../../wire/http/index.ts";
import { type CompiledRoute, takesMethod } from "./compiled-route.ts";
import { firstFailed } from "./conditions.ts";
import { compareAtNode } from "./precedence.ts";

class TrieNode {
  literals: Map<string, TrieNode> | undefined;
  param: TrieNode | undefined;
  here: CompiledRoute[] | undefined;
  rest: CompiledRoute[] | undefined;
}

/** Where a path and its request stand while trees are asked. */
export class Look {
  head: RequestHead;
  method: string;
  path: string;
  query: string;
  /** Begin and end of each parameter. */
  readonly places: number[] = [];
  /** Routes of the path that want another method. */
  readonly otherMethods: CompiledRoute[] = [];
  /** Of a preflight: the headers that it asks for. */
  announced: ReadonlySet<string> | undefined;
  /** A route of the path and method wants another content type. */
  isOtherType = false;

  constructor(head: RequestHead) {
    this.head = head;
    this.method = head.method;
    this.path = "";
    this.query = "";
  }
}

const NOTHING_LEFT = -1;

export class PathTrie {
  readonly #root = new TrieNode();

  /** Routes are added in the order of the file. */
  add(route: CompiledRoute): void {
    let node = this.#root;
    for (const piece of route.plan.match.path) {
      if (piece.kind === "rest") {
        node.rest = inOrder(node.rest, route);
        return;
      }
      node = childOf(node, piece.kind === "literal" ? piece.text : undefined);
    }
    node.here = inOrder(node.here, route);
  }

  find(look: Look): CompiledRoute | undefined {
    look.places.length = 0;
    return walk(this.#root, 1, look);
  }
}

function childOf(node: TrieNode, literal: string | undefined): TrieNode {
  if (literal === undefined) {
    node.param ??= new TrieNode();
    return node.param;
  }
  node.literals ??= new Map();
  let child = node.literals.get(literal);
  if (child === undefined) {
    child = new TrieNode();
    node.literals.set(literal, child);
  }
  return child;
}

function inOrder(routes: readonly CompiledRoute[] | undefined, route: CompiledRoute): CompiledRoute[] {
  return [...(routes ?? []), route].sort(
    (left, right) => compareAtNode(left.plan, right.plan) || left.index - right.index,
  );
}

/** `at` is where the next piece begins. */
function walk(node: TrieNode, at: number, look: Look): CompiledRoute | undefined {
  const { path, places } = look;
  if (at === NOTHING_LEFT) {
    const found = node.here && pick(node.here, look);
    return found ?? (node.rest && pickRest(node.rest, path.length, look));
  }
  const slash = path.indexOf("/", at);
  const end = slash < 0 ? path.length : slash;
  const next = slash < 0 ? NOTHING_LEFT : slash + 1;
  const literal = node.literals?.get(path.slice(at, end));
  const byLiteral = literal && walk(literal, next, look);
  if (byLiteral !== undefined) return byLiteral;
  if (node.param !== undefined && end > at) {
    places.push(at, end);
    const byParam = walk(node.param, next, look);
    if (byParam !== undefined) return byParam;
    places.length -= 2;
  }
  return node.rest && pickRest(node.rest, at, look);
}

function pickRest(routes: readonly CompiledRoute[], at: number, look: Look): CompiledRoute | undefined {
  look.places.push(at, look.path.length);
  const found = pick(routes, look);
  if (found === undefined) look.places.length -= 2;
  return found;
}

function pick(routes: readonly CompiledRoute[], look: Look): CompiledRoute | undefined {
  for (let index = 0; index < routes.length; index++) {
    const route = routes[index]!;
    if (!takesMethod(route, look.method)) {
      look.otherMethods.push(route);
      continue;
    }
    const failed = firstFailed(route.conditions, look.head, look.query, look.announced);
    if (failed === undefined) return route;
    if (failed.kind === "content_type") look.isOtherType = true;
  }
  return undefined;
}
