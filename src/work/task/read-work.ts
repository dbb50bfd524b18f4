/** What a task does, read from its fields: an HTTP request, a plugin call or a pipeline. */
import { nearMiss } from "../../base/near-miss.ts";
import { RESULT_BYTES_DEFAULT, RESULT_BYTES_MAX } from "./limits.ts";
import { isObject, type ObjectReader, shown } from "./object-reader.ts";
import {
  type HttpWork,
  type Json,
  type JsonObject,
  METHODS,
  type Method,
  type PipelineWork,
  type PluginWork,
  type StatusRange,
  type Work,
} from "./types.ts";

const COMMON = ["id", "type", "needs", "timeout", "retry"] as const;

const FIELDS = {
  http: ["key", "method", "url", "headers", "body", "expect", "idempotency_key", "response_bytes"],
  plugin: ["key", "library", "params", "records", "idempotent"],
  pipeline: ["file"],
} as const;

/** The documents' spelling: the method stands in the type's place. */
const SHORT_FORMS: ReadonlySet<string> = new Set(METHODS);

export const TYPES = ["http", "plugin", "pipeline"] as const;

/** Makes a path of the file absolute. */
export type ResolvePath = (path: string) => string;

/** Undefined when there is no saying what it does; other faults leave it in place, so that the graph can still be checked. */
export function readWork(reader: ObjectReader, resolvePath: ResolvePath): Work | undefined {
  if (!reader.required("type", TYPES.join(", "))) return undefined;
  const written = reader.value.type!;
  const method = typeof written === "string" && SHORT_FORMS.has(written) ? (written as Method) : undefined; // one of METHODS
  const type = method ? "http" : TYPES.find((each) => each === written);
  if (type === undefined) {
    const guess = typeof written === "string" ? nearMiss(written, [...TYPES, ...METHODS]) : undefined;
    reader.fault("type", "bad_value", `type is ${shown(written)}`, [...TYPES, ...METHODS].join(", "), guess);
    return undefined;
  }
  const own = FIELDS[type].filter((field) => !(method && field === "method"));
  reader.only([...COMMON, ...own], `a task of type ${written as string}`);
  if (type === "http") return readHttp(reader, method);
  return type === "plugin" ? readPlugin(reader, resolvePath) : readPipeline(reader, resolvePath);
}

const URL_FORM = "an http:// or https:// URL; it may hold references";

function readHttp(reader: ObjectReader, short: Method | undefined): HttpWork {
  const method = short ?? reader.choice("method", METHODS) ?? "GET";
  if (short === undefined) reader.required("method", METHODS.join(", "));
  reader.required("url", URL_FORM);
  const url = reader.text("url", URL_FORM, isUrl) ?? "http://invalid.invalid";
  const body = reader.at("body");
  if (body !== undefined && (method === "GET" || method === "HEAD")) {
    reader.fault("body", "body", `a ${method} request has no body`, "no body, or another method");
  }
  const idempotencyKey = readKey(reader);
  const responseBytesMax =
    reader.sizeBytes("response_bytes", { min: 0, max: RESULT_BYTES_MAX }) ?? RESULT_BYTES_DEFAULT;
  return {
    type: "http",
    method,
    url,
    headers: readHeaders(reader),
    ...(body !== undefined && { body }),
    expect: readExpected(reader),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    responseBytesMax,
  };
}

/** With references in it only its beginning can be judged. */
function isUrl(text: string): boolean {
  if (text.startsWith("${")) return true;
  if (!/^https?:\/\//i.test(text)) return false;
  return text.includes("${") || URL.canParse(text);
}

function readKey(reader: ObjectReader): string | true | undefined {
  const value = reader.at("idempotency_key");
  if (value === undefined || value === false) return undefined;
  if (value === true || (typeof value === "string" && value !== "")) return value;
  const allowed = "a text that is the same on every attempt, or true for one made of the run's and the task's ids";
  reader.fault("idempotency_key", "bad_value", `idempotency_key is ${shown(value)}`, allowed);
  return undefined;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** They belong to the connection, or to the task's other fields. */
const HEADERS_NOT_OURS = ["host", "content-length", "transfer-encoding", "connection", "idempotency-key"];

function readHeaders(reader: ObjectReader): Record<string, string> {
  const headers = reader.object("headers", "an object of texts");
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers?.value ?? {})) {
    if (!HEADER_NAME.test(name)) {
      headers!.fault(name, "header", `${shown(name)} is no header name`, "letters, digits and -");
    } else if (HEADERS_NOT_OURS.includes(name.toLowerCase())) {
      const instead = name.toLowerCase() === "idempotency-key" ? "the field idempotency_key" : "no such header";
      headers!.fault(name, "header", `${name} cannot be set here`, instead);
    } else if (typeof value !== "string" || /[\r\n\0]/.test(value)) {
      headers!.fault(name, "header", `the header is ${shown(value)}`, "a text of one line");
    } else read[name] = value;
  }
  return read;
}

const SUCCESS: readonly StatusRange[] = [[200, 299]];
const STATUS_FORM = 'statuses and ranges, such as [200, 204] or ["200-299", 404]';

function readExpected(reader: ObjectReader): readonly StatusRange[] {
  const written = reader.at("expect");
  if (written === undefined) return SUCCESS;
  const ranges = [written].flat().map(rangeOf);
  if (ranges.length > 0 && ranges.every((range) => range !== undefined)) return ranges;
  reader.fault("expect", "bad_value", `expect is ${shown(written)}`, STATUS_FORM);
  return SUCCESS;
}

function rangeOf(value: Json): StatusRange | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  const hundred = /^([1-5])xx$/i.exec(text)?.[1];
  if (hundred !== undefined) return [Number(hundred) * 100, Number(hundred) * 100 + 99];
  const [, from, to] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  const range = [Number(from), Number(to ?? from)] as const;
  return range[0] <= range[1] ? range : undefined;
}

function readPlugin(reader: ObjectReader, resolvePath: ResolvePath): PluginWork {
  const allowed = "the path of a plugin file (.ts or .js), seen from the graph's file";
  reader.required("library", allowed);
  const library = reader.text("library", allowed, (text) => /\.(ts|js)$/.test(text));
  const params = readParams(reader);
  const records = reader.at("records") ?? [];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the form itself is shown
  const form = "a list of objects, or one reference such as ${tasks.ID.output.records}";
  if (!isRecords(records)) reader.fault("records", "bad_value", `records is ${shown(records)}`, form);
  const idempotent = readIdempotent(reader);
  return {
    type: "plugin",
    library: resolvePath(library ?? ""),
    ...(idempotent !== undefined && { idempotent }),
    params,
    records,
  };
}

function readIdempotent(reader: ObjectReader): boolean | undefined {
  const value = reader.at("idempotent");
  if (value === undefined || typeof value === "boolean") return value;
  const allowed = "true, or false where doing the task twice does harm";
  reader.fault("idempotent", "bad_value", `idempotent is ${shown(value)}`, allowed);
  return undefined;
}

function isRecords(value: Json): boolean {
  if (typeof value === "string") return /^\$\{[^}]*\}$/.test(value);
  return Array.isArray(value) && value.every((item) => isObject(item) || typeof item === "string");
}

/** Values of a plugin's parameters: texts as in a pipeline file, or numbers, booleans and lists of texts. */
function readParams(reader: ObjectReader): JsonObject {
  const params = reader.object("params", "an object");
  for (const [name, value] of Object.entries(params?.value ?? {})) {
    const isPlain = ["string", "number", "boolean"].includes(typeof value);
    if (isPlain || (Array.isArray(value) && value.every((item) => typeof item === "string"))) continue;
    params!.fault(
      name,
      "bad_value",
      `the parameter is ${shown(value)}`,
      "a text, a number, a boolean or a list of texts",
    );
  }
  return params?.value ?? {};
}

function readPipeline(reader: ObjectReader, resolvePath: ResolvePath): PipelineWork {
  const allowed = "the path of a pipeline file, seen from the graph's file";
  reader.required("file", allowed);
  return { type: "pipeline", file: resolvePath(reader.text("file", allowed, (text) => text !== "") ?? "") };
}
