/**
 * Which method an HTTP request means, by the rules of google.api.http: a tree of segments, literals before `*` before `**`; of two rules
 * with one pattern the one declared first. Costs the length of the path and not the number of rules.
 */
import { Failure } from "../../base/errors.ts";
import type { GrpcMethod, HttpRule } from "./methods.ts";
import { type PathTemplate, parseTemplate } from "./path-template.ts";

export interface RuleMatch {
  readonly method: GrpcMethod;
  readonly rule: HttpRule;
  /** Paths of fields and their values, decoded. */
  readonly captured: readonly (readonly [field: string, value: string])[];
}

interface Entry {
  readonly method: GrpcMethod;
  readonly rule: HttpRule;
  readonly template: PathTemplate;
}

class Node {
  readonly literals = new Map<string, Node>();
  one: Node | undefined;
  /** By HTTP method and verb (`GET:move`). */
  readonly here = new Map<string, Entry>();
  readonly rest = new Map<string, Entry>();
}

export class HttpRules {
  readonly #root = new Node();
  #count = 0;

  constructor(methods: readonly GrpcMethod[]) {
    for (const method of methods) for (const rule of method.rules) this.#add(method, rule);
  }

  get count(): number {
    return this.#count;
  }

  #add(method: GrpcMethod, rule: HttpRule): void {
    const template = parseTemplate(rule.template);
    let node = this.#root;
    let places = node.here;
    for (const segment of template.segments) {
      if (segment.kind === "rest") {
        places = node.rest;
        break;
      }
      node = segment.kind === "one" ? wildcardOf(node) : childOf(node, segment.text);
      places = node.here;
    }
    const key = `${rule.httpMethod}:${template.verb}`;
    if (!places.has(key)) places.set(key, { method, rule, template });
    this.#count++;
  }

  /** `path` as it was sent, without query. An encoding that is no UTF-8 fails with `protobuf.path`. */
  match(httpMethod: string, path: string): RuleMatch | undefined {
    if (this.#count === 0) return undefined;
    const pieces = path.slice(1).split("/");
    const last = pieces[pieces.length - 1]!;
    const colon = last.lastIndexOf(":");
    if (colon >= 0) {
      const shortened = [...pieces.slice(0, -1), last.slice(0, colon)];
      const found = lookUp(this.#root, shortened, 0, httpMethod, last.slice(colon + 1));
      if (found !== undefined) return captured(found, shortened);
    }
    const found = lookUp(this.#root, pieces, 0, httpMethod, "");
    return found === undefined ? undefined : captured(found, pieces);
  }

  /** Methods of HTTP that this path would take. */
  allowed(path: string): string[] {
    return ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].filter((method) => this.match(method, path) !== undefined);
  }
}

function wildcardOf(node: Node): Node {
  node.one ??= new Node();
  return node.one;
}

function childOf(node: Node, text: string): Node {
  let child = node.literals.get(text);
  if (child === undefined) {
    child = new Node();
    node.literals.set(text, child);
  }
  return child;
}

function lookUp(node: Node, pieces: readonly string[], at: number, method: string, verb: string): Entry | undefined {
  if (at === pieces.length) return entryOf(node.here, method, verb) ?? entryOf(node.rest, method, verb);
  const piece = pieces[at]!;
  const literal = node.literals.get(piece);
  if (literal !== undefined) {
    const found = lookUp(literal, pieces, at + 1, method, verb);
    if (found !== undefined) return found;
  }
  if (node.one !== undefined && piece !== "") {
    const found = lookUp(node.one, pieces, at + 1, method, verb);
    if (found !== undefined) return found;
  }
  return entryOf(node.rest, method, verb);
}

function entryOf(entries: ReadonlyMap<string, Entry>, method: string, verb: string): Entry | undefined {
  return entries.size === 0 ? undefined : (entries.get(`${method}:${verb}`) ?? entries.get(`*:${verb}`));
}

function captured(entry: Entry, pieces: readonly string[]): RuleMatch {
  const { method, rule, template } = entry;
  const endsInRest = template.segments[template.segments.length - 1]?.kind === "rest";
  const values = template.variables.map(({ field, from, to, isMultiple }) => {
    const end = endsInRest && to === template.segments.length ? pieces.length : to;
    const text = pieces
      .slice(from, end)
      .map((piece) => decoded(piece, isMultiple))
      .join("/");
    return [field, text] as const;
  });
  return { method, rule, captured: values };
}

function decoded(piece: string, isMultiple: boolean): string {
  if (!piece.includes("%")) return piece;
  try {
    if (!isMultiple) return decodeURIComponent(piece);
    return piece
      .split(/(%2f)/i)
      .map((part, index) => (index % 2 === 1 ? part : decodeURIComponent(part)))
      .join("");
  } catch (thrown) {
    throw new Failure(
      "protobuf.path",
      `reading the path segment ${JSON.stringify(piece)} failed; UTF-8 in percent-encoding is required`,
      { cause: thrown },
    );
  }
}
