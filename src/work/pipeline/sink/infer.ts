/** Which sink a bare path means, for `--output FILE`, by the ending. */
import type { SinkKind } from "./create.ts";

const ENDINGS: Readonly<Record<string, SinkKind>> = {
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "ndjson",
  csv: "csv",
  tsv: "csv",
  arrow: "arrow",
  arrows: "arrow",
  db: "sqlite",
  sqlite: "sqlite",
  sqlite3: "sqlite",
};

/** Undefined when the ending says nothing; standard output (`-`) gets NDJSON. */
export function inferSink(path: string): SinkKind | undefined {
  if (path === "-") return "ndjson";
  const ending = /\.([a-z0-9]+)$/.exec(path.toLowerCase())?.[1] ?? "";
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
}
