/** Which source a bare path means, for `--input FILE`: by the ending, a `.gz` behind it set aside. */
import { STDIN_PATH } from "./inputs.ts";
import type { FileKind } from "./source.ts";

export interface InferredSource {
  readonly kind: FileKind;
  readonly params: Readonly<Record<string, string>>;
}

const ENDINGS: Readonly<Record<string, FileKind>> = {
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "ndjson",
  csv: "csv",
  tsv: "csv",
  log: "lines",
  txt: "lines",
  arrow: "arrow",
  arrows: "arrow",
};

/** Undefined when the ending says nothing; standard input is taken for NDJSON. An access log has to be named: source:apache. */
export function inferFormat(path: string): InferredSource | undefined {
  if (path === STDIN_PATH) return { kind: "ndjson", params: {} };
  const ending = /\.([a-z]+)(?:\.gz)?$/.exec(path.toLowerCase())?.[1] ?? "";
  const kind = Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
  return kind && { kind, params: {} };
}

export const INFERRED_ENDINGS: readonly string[] = Object.keys(ENDINGS);
