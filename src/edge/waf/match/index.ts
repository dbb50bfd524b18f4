/** Matching in linear or bounded time: byte strings, transformations, regular expressions, operators with one prefilter for all of them. */
export { type Bytes, bytesOfBuffer, bytesOfText, textOfBytes } from "./bytes.ts";
export { kindsOf } from "./kinds.ts";
export type { Operator, OperatorSpec } from "./operator.ts";
/** `new OperatorSet()`, then `compile(spec): Operator` (throws Failure `waf.operator_unknown`, `waf.operator_unsupported`, `waf.operator_invalid`), then `seal()` once. */
export { OperatorSet } from "./operator-set.ts";
export type { OperatorFilter } from "./prefilter.ts";
/** `Regex.compile(pattern, {isCaseless?})` (throws Failure `waf.regex_invalid`, `waf.regex_unsupported`, `waf.regex_too_large`); `test(value, run): boolean`, `spans(value, run)`: all matches. */
export { Regex, type RegexOptions } from "./regex/regex.ts";
export { CAPTURE_BYTES_MAX, CAPTURES_MAX, MatchRun } from "./run.ts";
export { Subject } from "./subject.ts";
export {
  EMPTY_CHAIN,
  type Transformation,
  type TransformChain,
  transformationOf,
  transformChain,
} from "./transform/chain.ts";
