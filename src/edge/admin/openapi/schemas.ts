/**
 * JSON schemas as components of one OpenAPI document: each gets a name of its own, and what it refers to within itself becomes a
 * component beside it. Schemas of services are foreign: what refers to anything else is left open.
 */
import { type Schema, schemaOf } from "../fields.ts";

/** Deeper than any input may be. */
const DEPTH_MAX = 80;
const DEFINITION = /^#\/(?:\$defs|definitions)\/([^/]+)$/;

export class Components {
  readonly #schemas: Record<string, unknown>;

  /** More of them beside these. */
  constructor(before: Readonly<Record<string, unknown>> = {}) {
    this.#schemas = { ...before };
  }

  get schemas(): Readonly<Record<string, unknown>> {
    return this.#schemas;
  }

  /** A reference to the schema, which stands under that name from now on. */
  add(name: string, schema: unknown): { readonly $ref: string } {
    const own = nameOf(name);
    const { $schema: _, $defs, definitions, ...rest } = schemaOf(schema) as Record<string, unknown>;
    this.#schemas[own] = component(moved(rest, own, 0));
    const inner = { ...schemaOf(definitions), ...schemaOf($defs) };
    for (const [key, each] of Object.entries(inner)) {
      this.#schemas[nameOf(`${name}.${key}`)] = component(moved(each, own, 0));
    }
    return { $ref: refOf(own) };
  }

  /** Of one field of a schema that stands under that name. */
  field(name: string, field: Schema): unknown {
    return moved(field, nameOf(name), 0);
  }
}

/** One that is nothing but a reference could be one to itself, which readers of documents do not survive. */
function component(schema: unknown): unknown {
  return "$ref" in schemaOf(schema) ? {} : schema;
}

function nameOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
}

function refOf(name: string): string {
  return `#/components/schemas/${name}`;
}

/** A copy whose references point into the components. */
function moved(value: unknown, name: string, depth: number): unknown {
  if (depth > DEPTH_MAX) return {};
  if (Array.isArray(value)) return value.map((each) => moved(each, name, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const { $ref } = value as { readonly $ref?: unknown };
  if (typeof $ref === "string") return referred($ref, name);
  const { $id: _, $schema: __, ...rest } = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, moved(each, name, depth + 1)]));
}

function referred(ref: string, name: string): unknown {
  if (ref === "#") return { $ref: refOf(name) };
  const [, definition] = DEFINITION.exec(ref) ?? [];
  return definition === undefined ? {} : { $ref: refOf(nameOf(`${name}.${decodeURIComponent(definition)}`)) };
}
