/** The kinds of sources, what each may be told, and the one place that chooses a class. */
import { Failure } from "../../../base/errors.ts";
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { DirectorySource } from "./directory/directory-source.ts";
import { createFileSource, type FileEnvironment, type FileValues, fileParams, fileSchemas } from "./file-source.ts";
import { HttpSource } from "./http/http-source.ts";
import { httpSchema, httpSettings, type Variables } from "./http/settings.ts";
import { INFERRED_ENDINGS, inferFormat } from "./infer.ts";
import type { FileKind, Source } from "./source.ts";

const HOUR_MS = 3_600_000;

const directorySchema = {
  path: param.string("Directory to watch; files whose names begin with a dot are left alone", { required: true }),
  pattern: param.string("Which names are taken, a glob such as *.ndjson", { default: "*", min: 1 }),
  format: param.choice(
    `What the files hold; by default what the ending of the pattern says (${INFERRED_ENDINGS.join(", ")}), else ndjson`,
    Object.keys(fileSchemas) as readonly FileKind[],
  ),
  after: param.choice("What happens to a file whose records are committed", ["keep", "delete", "move"], {
    default: "keep",
  }),
  move_to: param.string(
    "Of after=move: the directory for files that were read, on the same file system, seen from path",
    {
      default: "done",
      min: 1,
    },
  ),
  settle: param.duration("How long nobody may have written to a file before it is taken", {
    default: 1000,
    min: 0,
    max: HOUR_MS,
  }),
  rescan: param.duration("How often the directory is looked through, besides when the system tells of a change", {
    default: 2000,
    min: 10,
    max: HOUR_MS,
  }),
  until: param.choice("never: wait for more files; empty: end when all there are have been read", ["never", "empty"], {
    default: "never",
  }),
  ...fileParams.csv,
  ...fileParams.lines,
} as const;

export const sourceSchemas = { ...fileSchemas, http: httpSchema, directory: directorySchema } as const satisfies Record<
  string,
  ParamSchema
>;

export type SourceKind = keyof typeof sourceSchemas;

export interface SourceEnvironment extends FileEnvironment {
  /** Where a source keeps what it has promised to keep, apart from any other run's. */
  readonly stateDirectory?: string;
  /** Environment variables, for secrets. */
  readonly variables?: Variables;
  /** Told the URL when a source takes requests. */
  readonly listening?: (url: string) => void;
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
  if (kind === "http") return createHttp(values as ParamValues<typeof httpSchema>, environment); // of its schema
  if (kind === "directory") return createDirectory(values as ParamValues<typeof directorySchema>, environment); // likewise
  return createFileSource(kind, values as FileValues, environment); // likewise
}

export function isSourceKind(kind: string): kind is SourceKind {
  return Object.hasOwn(sourceSchemas, kind);
}

export function isFileKind(kind: string): kind is FileKind {
  return Object.hasOwn(fileSchemas, kind);
}

function createHttp(values: ParamValues<typeof httpSchema>, environment: SourceEnvironment): Source {
  const { clock, listening, stateDirectory: directory, variables = {} } = environment;
  const settings = httpSettings(values, variables);
  if (clock && directory !== undefined) return new HttpSource({ settings, directory, clock, listening });
  throw new Failure("source.param", "cannot open source:http: it needs a clock and a directory for its spool");
}

function createDirectory(values: ParamValues<typeof directorySchema>, environment: SourceEnvironment): Source {
  const { after, move_to: moveTo, path, pattern, rescan: rescanMs, settle: settleMs, until } = values;
  if (path === undefined) throw new Failure("source.param", "cannot open source:directory: path is missing");
  if (pattern.includes("/")) {
    const message = `cannot open source:directory: pattern=${pattern}; a pattern of names is required, without /`;
    throw new Failure("source.param", message);
  }
  const { clock, directories = ["."] } = environment;
  if (!clock) throw new Failure("source.param", "cannot open source:directory: it needs a clock");
  const format = values.format ?? inferFormat(pattern)?.kind ?? "ndjson";
  const openFile = (file: string, base: string): Source =>
    createFileSource(format, { ...values, path: file, linger: 0 }, { ...environment, directories: [base] });
  createFileSource(format, { ...values, path: pattern, linger: 0 }, environment); // what it refuses is told now
  return new DirectorySource({
    path,
    directories,
    pattern,
    settleMs,
    rescanMs,
    after,
    moveTo,
    until,
    clock,
    openFile,
  });
}

function withDefaults(params: Readonly<Record<string, unknown>>, schema: ParamSchema): Record<string, unknown> {
  const defaults = Object.entries(schema).map(([name, spec]) => [name, spec.default] as const);
  const given = Object.entries(params).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
}
