/** Operations of an OpenAPI document: one for a path of the table, a call under `/rpc`, an endpoint of a service. */
import { PROBLEM_TYPE } from "../../../wire/rpc/index.ts";
import { propertyOf, type Schema } from "../fields.ts";
import { PAGE_ITEMS, PAGE_ITEMS_MAX } from "../limits.ts";
import type { FoundMethod } from "../methods.ts";
import type { Paged, Route } from "../types.ts";
import type { Components } from "./schemas.ts";

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly parameters?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly security?: readonly unknown[];
  readonly description?: string;
}

const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } } as const;
const WORDS: Readonly<Record<string, string>> = {
  400: "The input is not as it must be.",
  401: "A token is required.",
  403: "The token may not do this.",
  404: "There is no such thing.",
  429: "Too many wrong tokens, or too many calls.",
  503: "Not now; trying again may help.",
};

/** Answers, the ones that go wrong with it. */
export function responses(success: unknown, codes: readonly number[], status = 200): Record<string, unknown> {
  const failures = codes.map((code) => [String(code), { description: WORDS[code], content: PROBLEM }]);
  return { [String(status)]: success, ...Object.fromEntries(failures) };
}

export interface Answer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: unknown }>>;
}

export function jsonAnswer(schema: unknown, description = "Done."): Answer {
  return { description, content: { "application/json": { schema } } };
}

const USUAL = [400, 401, 403, 404, 429, 503] as const;

/** Fields that are the paging's, by the kind of it. */
const PAGE_FIELDS: Readonly<Record<Paged["kind"], readonly string[]>> = {
  slice: ["limit"],
  after: ["limit", "after"],
  from: ["from"],
  offset: ["limit", "offset"],
  cursor: ["limit", "cursor"],
};

const PAGE_PARAMETERS = [
  {
    name: "limit",
    in: "query",
    description: "Items of one page.",
    schema: { type: "integer", minimum: 1, maximum: PAGE_ITEMS_MAX, default: PAGE_ITEMS },
  },
  { name: "cursor", in: "query", description: "`next_cursor` of the page before.", schema: { type: "string" } },
] as const;

export function routeOperation(route: Route, found: FoundMethod, components: Components): Operation {
  const { contract, method, paged, path, verb } = route;
  const title = `${contract}.${method}`;
  const inPath = namesIn(path);
  const hidden = new Set([...inPath, ...Object.keys(route.fixed ?? {}), ...(paged ? PAGE_FIELDS[paged.kind] : [])]);
  const rest = Object.keys(found.input.properties ?? {}).filter((name) => !hidden.has(name));
  const hasBody = verb !== "GET" && verb !== "DELETE" && rest.length > 0;
  const inputName = `${title}.input`;
  const parameter = (place: string) => (name: string) => parameterOf(found.input, name, place, inputName, components);
  const parameters = [
    ...inPath.map(parameter("path")),
    ...(hasBody ? [] : rest.map(parameter("query"))),
    ...(paged ? PAGE_PARAMETERS : []),
  ];
  const output = components.add(`${title}.output`, found.output);
  const schema = paged ? { allOf: [output, NEXT] } : output;
  return {
    operationId: `${verb.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "")}`,
    summary: sentence(route.about ?? found.about),
    description: `The method \`${title}\`; needs \`${found.access}\`.`,
    tags: [route.tag],
    ...(route.isPublic && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && { requestBody: bodyOf(components.field(inputName, picked(found.input, rest))) }),
    responses: responses(jsonAnswer(schema), route.isPublic ? [400, 503] : USUAL, route.status),
  };
}

const NEXT = {
  type: "object",
  properties: { next_cursor: { type: "string", description: "Of the page behind this one; absent on the last." } },
} as const;

export interface CallOperation {
  readonly title: string;
  readonly about: string;
  readonly description: string;
  readonly tag: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly isStream?: boolean;
}

export function callOperation(call: CallOperation, components: Components): Operation {
  const { title, about, description, tag, input, output, isStream = false } = call;
  const schema = components.add(`${title}.input`, input);
  const answer = components.add(`${title}.output`, output);
  return {
    operationId: `call_${title.replaceAll(/[^A-Za-z0-9]+/g, "_")}`,
    summary: sentence(about === "" ? title : about),
    description,
    tags: [tag],
    requestBody: bodyOf(schema),
    responses: responses(isStream ? streamAnswer(answer) : jsonAnswer(answer), USUAL),
  };
}

export function streamAnswer(schema: unknown): Answer {
  const description = "Items one after the other; what goes wrong on the way is told last.";
  return { description, content: { "application/x-ndjson": { schema }, "text/event-stream": { schema } } };
}

export function bodyOf(schema: unknown): unknown {
  return { required: true, content: { "application/json": { schema } } };
}

export function parameterOf(
  input: Schema,
  name: string,
  place: string,
  component: string,
  components: Components,
): unknown {
  const schema = propertyOf(input, name);
  const isRequired = place === "path" || (input.required?.includes(name) ?? false);
  return {
    name,
    in: place,
    ...(isRequired && { required: true }),
    ...(typeof schema.description === "string" && { description: schema.description }),
    schema: components.field(component, schema),
  };
}

/** The schema with these fields only. */
export function picked(schema: Schema, names: readonly string[]): Schema {
  const properties = Object.fromEntries(names.map((name) => [name, propertyOf(schema, name)]));
  const required = (schema.required ?? []).filter((name) => names.includes(name));
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

export function namesIn(path: string): string[] {
  return [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
}

export function sentence(text: string): string {
  return text === "" ? text : `${text[0]!.toUpperCase()}${text.slice(1)}`;
}

export const PROBLEM_SCHEMA = {
  type: "object",
  description: `A failure (RFC 9457, ${PROBLEM_TYPE}); programs tell failures apart by \`code\`.`,
  required: ["type", "title", "status", "detail", "code", "retryable"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What failed, the actual value, what is required." },
    code: { type: "string", examples: ["rpc.invalid_input"] },
    retryable: { type: "boolean", description: "Whether trying again can help." },
    data: { type: "object" },
  },
} as const;
