/** The sources that read files and pipes, by the format of what is in them. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { csvSeparator, type RawFormat } from "../../../wire/format/index.ts";
import { ArrowSource } from "./arrow-source.ts";
import { FileSequence } from "./file-sequence.ts";
import type { FileKind, Source } from "./source.ts";
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

/** What tells a format apart from another one of its kind. */
export const fileParams = {
  csv: {
    separator: param.string(
      "Of CSV: one character, or one of the names comma, semicolon, tab, pipe, space; by default comma, for .tsv files tab",
    ),
    header: param.boolean("Of CSV: whether the first line of each file holds the field names", { default: true }),
    columns: param.list("Of CSV: field names, instead of those in the header; required with header=false"),
    types: param.choice(
      "Of CSV: auto: unquoted numbers, true and false keep their type; string: all is text",
      ["auto", "string"],
      {
        default: "auto",
      },
    ),
  },
  lines: { field: param.string("Of lines: name of the field that holds the line", { default: "line" }) },
} as const;

const csv = { ...common, ...fileParams.csv } as const;
const lines = { ...common, ...fileParams.lines } as const;

export const fileSchemas = { ndjson: common, csv, lines, apache: common, arrow: common } as const satisfies Record<
  FileKind,
  ParamSchema
>;

/** With the defaults filled in; what a format does not read may be missing. */
export type FileValues = ParamValues<typeof common> &
  Partial<ParamValues<typeof fileParams.csv> & ParamValues<typeof fileParams.lines>>;

export interface FileEnvironment {
  /** Time of stdin's batches, which no file dates. */
  readonly startTimeMs: number;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Lets a pipe hand on what it has when no more comes; without it a batch waits until it is full. */
  readonly clock?: Clock;
  /** Where relative paths are looked for, in this order. The working directory alone when left out. */
  readonly directories?: readonly string[];
}

/** Throws `source.param`. */
export function createFileSource(kind: FileKind, values: FileValues, environment: FileEnvironment): Source {
  const { linger, path } = values;
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
  const header = headerRule(values);
  const format = {
    kind,
    separator: csvSeparator(values.separator, path),
    columns: header.columns ?? [],
    types: values.types ?? fileParams.csv.types.default,
  } as const;
  return new TextSource(files, { format, header });
}

function plainFormat(
  kind: "ndjson" | "lines" | "apache",
  { field }: FileValues,
): Exclude<RawFormat, { kind: "arrow" }> {
  return kind === "lines" ? { kind, field: field ?? fileParams.lines.field.default } : { kind };
}

function headerRule({ columns, header = true }: FileValues): HeaderRule {
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
