/**
 * What the scanner has learnt about the shape of records: a tree with one node per field, below the field that stood
 * before it, as hidden classes do it in a JavaScript engine. A node remembers the bytes in front of its value ("glue":
 * comma, spaces, key, colon), so that the next record is recognised by comparing bytes, and which node followed last.
 */
import type { Shapes } from "./documents.ts";

export class ShapeNode {
  readonly parent: ShapeNode | null;
  readonly field: number;
  readonly depth: number;
  /** Where in the text these bytes were seen last. */
  glueStart: number;
  glueLength: number;
  /** The node to try first. */
  expected: ShapeNode | null = null;
  readonly children: ShapeNode[] = [];
  /** Only once there are more children than are worth trying one by one. */
  byField: Map<number, ShapeNode> | null = null;
  /** Number of the shape that ends here, -1 until a record did. */
  shape = -1;

  constructor(parent: ShapeNode | null, field: number, glueStart: number, glueLength: number) {
    this.parent = parent;
    this.field = field;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.glueStart = glueStart;
    this.glueLength = glueLength;
  }
}

/** Children compared one after the other before the key is read and looked up. */
const MAX_TRIED = 8;

export class ShapeTree {
  readonly root = new ShapeNode(null, -1, 0, 0);
  readonly names: string[] = [];
  readonly lists: Int32Array[] = [];
  readonly #fields = new Map<string, number>();
  /** Field number to the number of the record in which it was seen last while new nodes were made. */
  readonly #seen: number[] = [];
  #record = 0;
  /** The marks of the current record are the fields on the way to this node. */
  #marked: ShapeNode | null = null;

  get shapes(): Shapes {
    return { names: this.names, lists: this.lists };
  }

  /** The child whose bytes stand at `at`, which becomes the expected one. */
  match(text: DataView, at: number, node: ShapeNode): ShapeNode | null {
    const { children } = node;
    const count = Math.min(children.length, MAX_TRIED);
    for (let index = 0; index < count; index++) {
      const child = children[index]!;
      if (child === node.expected || !hasGlue(text, at, child)) continue;
      node.expected = child;
      return child;
    }
    return null;
  }

  /** The child for a key that was read in full; null when the record already has that field. */
  child(node: ShapeNode, name: string, glueStart: number, glueLength: number): ShapeNode | null {
    const field = this.#field(name);
    let child = findChild(node, field);
    if (child === undefined) {
      if (!this.#isNewInRecord(node, field)) return null;
      child = new ShapeNode(node, field, glueStart, glueLength);
      this.#marked = child;
      node.children.push(child);
      node.byField?.set(field, child);
    } else {
      child.glueStart = glueStart;
      child.glueLength = glueLength;
    }
    node.expected = child;
    return child;
  }

  /** Number of the shape that ends at the node. */
  shape(node: ShapeNode): number {
    if (node.shape >= 0) return node.shape;
    const list = new Int32Array(node.depth);
    for (let step: ShapeNode = node; step.parent !== null; step = step.parent) list[step.depth - 1] = step.field;
    node.shape = this.lists.push(list) - 1;
    return node.shape;
  }

  #field(name: string): number {
    let field = this.#fields.get(name);
    if (field === undefined) {
      field = this.names.push(name) - 1;
      this.#fields.set(name, field);
      this.#seen.push(-1);
    }
    return field;
  }

  /**
   * Below a new node all nodes are new, so the path is walked once a record and marks do the rest: linear, however
   * many fields a record has.
   */
  #isNewInRecord(node: ShapeNode, field: number): boolean {
    if (node !== this.#marked) {
      this.#record++;
      for (let step = node; step.parent !== null; step = step.parent) this.#seen[step.field] = this.#record;
    }
    if (this.#seen[field] === this.#record) return false;
    this.#seen[field] = this.#record;
    return true;
  }
}

/**
 * Whether the node's bytes stand at `at`. Compared four at a time, the last four perhaps twice: the shortest possible
 * glue, `{"":`, has four.
 */
export function hasGlue(text: DataView, at: number, { glueStart, glueLength }: ShapeNode): boolean {
  if (at + glueLength > text.byteLength) return false;
  const last = glueLength - 4;
  for (let index = 0; index < last; index += 4) {
    if (text.getInt32(at + index, true) !== text.getInt32(glueStart + index, true)) return false;
  }
  return text.getInt32(at + last, true) === text.getInt32(glueStart + last, true);
}

function findChild(node: ShapeNode, field: number): ShapeNode | undefined {
  if (node.byField) return node.byField.get(field);
  const { children } = node;
  if (children.length > MAX_TRIED) {
    node.byField = new Map(children.map((child) => [child.field, child]));
    return node.byField.get(field);
  }
  return children.find((child) => child.field === field);
}
