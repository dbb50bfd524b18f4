/** What others must not see: fields of JSON and patterns in texts, masked, removed, hashed or encrypted. */
export {
  type BodyKind,
  type BodyToMask,
  bodyKind,
  type MaskedBody,
  maskBody,
  mayHide,
  plainInTurns,
  requireAscii,
  requireReadable,
} from "./body.ts";
export { MaskBudget } from "./budget.ts";
export {
  type InflateBounds,
  type Inflation,
  inflateBody,
  inflatedBytesAtMost,
  inflationOf,
  isCoded,
} from "./inflate.ts";
export { JsonFlow } from "./json-flow.ts";
export { isJsonPathFault, JSON_PATH_FORM, type JsonPath, parseJsonPath } from "./json-path.ts";
export { isMaskRegex } from "./regexes.ts";
export { compileMasks, type MaskPlace, type MaskRules, MaskSet } from "./rules.ts";
export { type MaskKeys, readMaskKey } from "./secrets.ts";
export { type MaskedText, maskForm, maskHeaders, maskPlace, maskText, textInTurns } from "./text-mask.ts";
export { atOnce, type Turns } from "./turns.ts";
