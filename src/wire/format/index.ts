/** Raw input formats: cutting at record borders without parsing, and parsing to batches. */

export { apacheToJson } from "./apache.ts";
export { ARROW_FILE_TAIL_BYTES, arrowFooterBytes, schemaMessageOf } from "./arrow-footer.ts";
export { type ArrowLayout, type ArrowLayouts, readArrowLayouts } from "./arrow-layout.ts";
export type { ArrowMessage, ArrowPrefix, PlacedArrowMessage } from "./arrow-message.ts";
export {
  ARROW_END,
  ARROW_FILE_HEAD_BYTES,
  ARROW_FILE_MAGIC,
  ARROW_PREFIX_BYTES,
  listArrowMessages,
  readArrowMessage,
  readArrowPrefix,
} from "./arrow-message.ts";
export { type ArrowSlicePlan, ArrowSlicer, type ReadBody } from "./arrow-slice.ts";
export type { Converted, MalformedRecord } from "./conversion.ts";
export { csvToJson, parseCsvHeader } from "./csv.ts";
export type { CutLimits, CutSize } from "./cut.ts";
export { cut } from "./cut.ts";
export { linesToJson } from "./lines.ts";
export type { Parsed, RawMeta } from "./parse.ts";
export { parseRaw } from "./parse.ts";
export type { CsvFormat, RawFormat, RawKind } from "./raw-format.ts";
export { csvSeparator, toRawFormat } from "./raw-format.ts";
