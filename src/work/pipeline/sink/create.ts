/** The kinds of sinks, what each may be told, and the one place that chooses a class. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { type ParamSchema, type ParamSpec, type ParamValues, param } from "../../../sdk/index.ts";
import { csvSeparator } from "../../../wire/format/index.ts";
import { parseArrowSchema } from "./arrow-schema.ts";
import { ArrowSink } from "./arrow-sink.ts";
import { CsvSink } from "./csv-sink.ts";
import { FileTarget } from "./file-target.ts";
import { HttpSink } from "./http/http-sink.ts";
import { httpSchema, httpSettings, type Variables } from "./http/settings.ts";
import { NdjsonSink } from "./ndjson-sink.ts";
import { NullSink } from "./null-sink.ts";
import type { Sink } from "./sink.ts";
import { SqliteSink } from "./sqlite-sink.ts";
import { type ByteStream, StdoutTarget } from "./stdout-target.ts";
import type { Target } from "./target.ts";

const common = {
  path: param.string("File to write, or - for standard output, which cannot be rolled back after a crash", {
    required: true,
  }),
} as const;

const csv = {
  ...common,
  separator: param.string(
    "One character, or one of the names comma, semicolon, tab, pipe, space; by default comma, for .tsv files tab",
  ),
  columns: param.list("The header's fields in order; by default those of the first batch"),
} as const;

const arrow = {
  ...common,
  schema: param.list(
    "Fields with their types, such as id:integer;name:string; types are bool, integer, double, string, bytes, timestamp, json; " +
      "by default what fits the first batch",
  ),
} as const;

const sqlite = {
  path: param.string("SQLite file, made when missing", { required: true }),
  table: param.string("Table to write; made from the fields of the records", { default: "records" }),
} as const;

export const sinkSchemas = { ndjson: common, csv, arrow, sqlite, http: httpSchema, null: {} } as const satisfies Record<
  string,
  ParamSchema
>;

export type SinkKind = keyof typeof sinkSchemas;

export interface SinkEnvironment {
  /** Opened when a sink writes to `-`; by default the process's own. */
  readonly stdout?: () => ByteStream;
  /** Permission bits of a file that is made; those of the process's umask by default. */
  readonly mode?: number;
  /** What a service outside is told of who sends, and what its requests wait by. */
  readonly run?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Environment variables, for secrets. */
  readonly variables?: Variables;
}

const STDOUT_PATH = "-";

/** `params` are checked against the kind's schema. Throws `sink.unknown_kind`, `sink.param`. */
export function createSink(
  kind: string,
  params: Readonly<Record<string, unknown>>,
  environment: SinkEnvironment = {},
): Sink {
  if (!isSinkKind(kind)) {
    throw new Failure(
      "sink.unknown_kind",
      `cannot write to sink:${kind}: known are ${Object.keys(sinkSchemas).join(", ")}`,
    );
  }
  if (kind === "null") return new NullSink();
  if (kind === "http") return createHttp(params, environment);
  const { path, separator, columns, schema, table } = params;
  if (typeof path !== "string") throw new Failure("sink.param", `cannot open sink:${kind}: path is missing`);
  if (kind === "sqlite") return new SqliteSink({ path: sqlitePath(path), table: text(table) ?? sqlite.table.default });
  const target = createTarget(path, environment);
  if (kind === "ndjson") return new NdjsonSink(target);
  if (kind === "arrow") return new ArrowSink(target, parseArrowSchema(schema as readonly string[] | undefined)); // a `list` of the schema
  const names = columns as readonly string[] | undefined; // a `list` of the schema
  if (names !== undefined && (names.length === 0 || new Set(names).size < names.length)) {
    throw new Failure("sink.param", `cannot open sink:csv: columns=${names.join(";")}; names are required, each once`);
  }
  return new CsvSink(target, { separator: csvSeparator(text(separator), path), columns: names });
}

export function isSinkKind(kind: string): kind is SinkKind {
  return Object.hasOwn(sinkSchemas, kind);
}

function createHttp(params: Readonly<Record<string, unknown>>, environment: SinkEnvironment): Sink {
  const { clock, random, run, variables = {} } = environment;
  const given = Object.entries(params).filter(([, value]) => value !== undefined);
  const defaults = Object.entries(httpSchema).map(([name, spec]: [string, ParamSpec]) => [name, spec.default]);
  const values = { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
  const settings = httpSettings(values as ParamValues<typeof httpSchema>, variables); // of its schema
  if (clock && random && run !== undefined) return new HttpSink({ settings, run, clock, random });
  throw new Failure("sink.param", "cannot open sink:http: it needs a clock, a random stream and the name of its run");
}

function createTarget(path: string, environment: SinkEnvironment): Target {
  if (path !== STDOUT_PATH) return new FileTarget(path, environment.mode);
  return new StdoutTarget((environment.stdout ?? (() => Bun.stdout.writer()))());
}

function sqlitePath(path: string): string {
  if (path !== STDOUT_PATH && path !== ":memory:") return path;
  throw new Failure("sink.param", `cannot open sink:sqlite: path is ${path}; a file is required`);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
