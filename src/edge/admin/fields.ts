/**
 * Fields of an input as they stand in a path or a query: texts, made numbers, booleans or lists where the schema says so. What
 * does not fit stays a text, and the schema tells the caller what is wrong with it.
 */
import { Failure } from "../../base/errors.ts";
import { QUERY_FIELDS_MAX } from "./limits.ts";

/** JSON schema, as far as it is looked at here. */
export interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly description?: string;
}

export type Fields = Record<string, unknown>;

/** Foreign JSON schema: whatever is no object says nothing. */
export function schemaOf(value: unknown): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

export function propertyOf(schema: Schema, name: string): Schema {
  const { properties } = schema;
  return schemaOf(properties && Object.hasOwn(properties, name) ? properties[name] : undefined);
}

/** Fails with `rpc.bad_request` when there are too many, or one is named as no field may be. */
export function queryFields(query: string, schema: Schema): Fields {
  const fields = noFields();
  if (query === "") return fields;
  const pairs = [...new URLSearchParams(query)];
  if (pairs.length > QUERY_FIELDS_MAX) {
    const message = `the query has ${pairs.length} fields; at most ${QUERY_FIELDS_MAX} are taken`;
    throw new Failure("rpc.bad_request", message);
  }
  for (const name of new Set(pairs.map(([each]) => each))) {
    const texts = pairs.filter(([each]) => each === name).map(([, text]) => text);
    setField(fields, name, fromTexts(texts, propertyOf(schema, name)));
  }
  return fields;
}

export function pathFields(words: Readonly<Record<string, string>>, schema: Schema): Fields {
  const fields = noFields();
  for (const [name, text] of Object.entries(words)) setField(fields, name, fromText(text, propertyOf(schema, name)));
  return fields;
}

/** Without a prototype: no name of a field means anything else. */
export function noFields(): Fields {
  return Object.create(null) as Fields;
}

function setField(fields: Fields, name: string, value: unknown): void {
  if (name === "__proto__") throw new Failure("rpc.bad_request", "a field is named __proto__, which is not taken");
  fields[name] = value;
}

function fromTexts(texts: readonly string[], schema: Schema): unknown {
  if (takes(schema, "array")) return texts.map((text) => fromText(text, schemaOf(schema.items)));
  return texts.length === 1 ? fromText(texts[0]!, schema) : texts;
}

/** Plain decimal numbers only: what else a number may look like is a text. */
const NUMBER = /^-?(0|[1-9]\d{0,20})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/;

function fromText(text: string, schema: Schema): unknown {
  if ((takes(schema, "number") || takes(schema, "integer")) && NUMBER.test(text)) return Number(text);
  if (takes(schema, "boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** Whether a value of that type fits and a text does not. */
function takes(schema: Schema, type: string): boolean {
  return hasType(schema, type, 0) && !hasType(schema, "string", 0);
}

/** Unions within unions within unions are nobody's query. */
const UNIONS_MAX = 4;

function hasType(schema: Schema, type: string, depth: number): boolean {
  const { type: told, anyOf, oneOf, allOf } = schema;
  if (told === type || (Array.isArray(told) && told.includes(type))) return true;
  if (depth === UNIONS_MAX) return false;
  const parts = [anyOf, oneOf, allOf].filter((each) => Array.isArray(each)).flat();
  return parts.some((each) => hasType(schemaOf(each), type, depth + 1));
}
