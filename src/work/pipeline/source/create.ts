/** The kinds of sources, what each may be told, and the one place that chooses a class. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { csvSeparator, type RawFormat } from "../../../wire/format/index.ts";
import { ArrowSource } from "./arrow-source.ts";
import { FileSequence } from "./file-sequence.ts";
import type { Source } from "./source.ts";
import { type HeaderRule, TextSource } from "./text-source.ts";

const common = {
  path: param.string(
    "File to read, a glob such as data/*.ndjson, or - for standard input; .gz or not is told by the content",
    {
      required: true,
    },
  ),
  linger: param.duration("Of standard input and pipes: how long a record may wait for its batch to fill", {
    default: 100,
    min: 0,
    max: 60_000,
  }),
} as const;

const csv = {
  ...common,
  separator: param.string(
    "One character, or one of the names comma, semicolon, tab, pipe, space; by default comma, for .tsv files tab",
  ),
  header: param.boolean("Whether the first line of each file holds the field names", { default: true }),
  columns: param.list("Field names, instead of those in the header; required with header=false"),
  types: param.choice(
    "auto: unquoted numbers, true and false keep their type; string: all is text",
    ["auto", "string"],
    {
      default: "auto",
    },
  ),
} as const;

const lines = { ...common, field: param.string("Name of the field that holds the line", { default: "line" }) } as const;

export const sourceSchemas = { ndjson: common, csv, lines, apache: common, arrow: common } as const satisfies Record<
  string,
  ParamSchema
>;

export type SourceKind = keyof typeof sourceSchemas;

export interface SourceEnvironment {
  /** Time of stdin's batches, which no file dates. */
  readonly startTimeMs: number;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Lets a pipe hand on what it has when no more comes; without it a batch waits until it is full. */
  readonly clock?: Clock;
  /** Where relative paths are looked for, in this order. The working directory alone when left out. */
  readonly directories?: readonly string[];
}

/** `params` are checked against the kind's schema; defaults are filled in here. Throws `source.unknown_kind`, `source.param`. */
export function createSource(
  kind: string,
  params: Readonly<Record<string, unknown>>,
  environment: SourceEnvironment,
): Source {
  if (!isSourceKind(kind)) {
    throw new Failure(
      "source.unknown_kind",
      `cannot read from source:${kind}: known are ${Object.keys(sourceSchemas).join(", ")}`,
    );
  }
  const values = withDefaults(params, sourceSchemas[kind]);
  const { path, linger } = values as ParamValues<typeof common>; // the schema of every kind contains the common one
  if (path === undefined) throw new Failure("source.param", `cannot open source:${kind}: path is missing`);
  const { clock } = environment;
  const files = new FileSequence({
    kind,
    path,
    directories: environment.directories ?? ["."],
    startTimeMs: environment.startTimeMs,
    stdin: environment.stdin,
    wait: clock && { clock, lingerMs: linger },
  });
  if (kind === "arrow") return new ArrowSource(files);
  if (kind !== "csv") return new TextSource(files, { format: plainFormat(kind, values), header: undefined });
  const csvValues = values as ParamValues<typeof csv>;
  const header = headerRule(csvValues);
  const format = {
    kind,
    separator: csvSeparator(csvValues.separator, path),
    columns: header.columns ?? [],
    types: csvValues.types,
  } as const;
  return new TextSource(files, { format, header });
}

export function isSourceKind(kind: string): kind is SourceKind {
  return Object.hasOwn(sourceSchemas, kind);
}

function plainFormat(kind: "ndjson" | "lines" | "apache", values: Readonly<Record<string, unknown>>) {
  if (kind !== "lines") return { kind } satisfies RawFormat;
  return { kind, field: (values as ParamValues<typeof lines>).field } satisfies RawFormat;
}

function headerRule(values: ParamValues<typeof csv>): HeaderRule {
  const { header, columns } = values;
  if (columns === undefined && !header)
    throw new Failure("source.param", "cannot open source:csv: header=false requires columns=");
  if (columns !== undefined && (columns.length === 0 || new Set(columns).size < columns.length)) {
    throw new Failure(
      "source.param",
      `cannot open source:csv: columns=${columns.join(";")}; names are required, each once`,
    );
  }
  return { inFile: header, columns };
}

function withDefaults(params: Readonly<Record<string, unknown>>, schema: ParamSchema): Record<string, unknown> {
  const defaults = Object.entries(schema).map(([name, spec]) => [name, spec.default] as const);
  const given = Object.entries(params).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
}
