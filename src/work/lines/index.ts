/** Files of `|`-separated lines: split, converted, complained about and explained in one manner. */
export { formatFaults, showPlace, splitLines } from "./caret.ts";
export {
  allowedText,
  type Converted,
  type ConvertedValue,
  convertParams,
  convertValue,
  type ParamsPlace,
  type ParamValue,
  type ResolvePath,
} from "./convert.ts";
export { entry, explainSchema, section, wrap } from "./explain.ts";
export {
  type Fault,
  FaultCollector,
  type FaultDraft,
  faultsFailure,
  formatFault,
  makeFault,
  mergeFaults,
  type Place,
  quoted,
} from "./faults.ts";
export { escapeText, type Span, splitOnce, splitSpans, trimSpan, unescapeSpan } from "./lexer.ts";
export { MAX_FAULTS, MAX_FILE_BYTES, MAX_LINE_LENGTH, MAX_NAME_LENGTH } from "./limits.ts";
export {
  dropRepeated,
  isReadableLine,
  type Line,
  type LineContext,
  lineContext,
  type ParamText,
  parseParams,
  textOf,
} from "./line.ts";
export { loadLinesFile, pathResolver } from "./load.ts";
export { formatDuration, formatSize } from "./units-text.ts";
