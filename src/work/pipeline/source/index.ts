/** Sources: raw bytes of whole records from files, globs, gzip and standard input, cut the same way at every reading. */

export type { SourceEnvironment, SourceKind } from "./create.ts";
export { createSource, isFileKind, isSourceKind, sourceSchemas } from "./create.ts";
export type { InferredSource } from "./infer.ts";
export { INFERRED_ENDINGS, inferFormat } from "./infer.ts";
export { type ListedFile, listFiles } from "./inputs.ts";
export type {
  Cut,
  FileHead,
  FilePosition,
  Oversized,
  PostAnswer,
  Posted,
  ReadLimits,
  Source,
  SourcePosition,
} from "./source.ts";
