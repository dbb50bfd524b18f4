/** What others must not see: fields of JSON and patterns in texts, masked, removed, hashed or encrypted. */
export {
  type BodyToMask,
  type MaskedBody,
  maskBody,
  plainInTurns,
} from "./body.ts";
export { type BodyKind, bodyKind, mayHide, requireAscii, requireReadable } from "./body-kind.ts";
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
export { hidesVariable, maskMembers } from "./log-fields.ts";
export { type MaskedPieces, PlainMask } from "./plain-mask.ts";
export { isMaskRegex } from "./regexes.ts";
export { encryptedNames, type Revealed, Revealer } from "./reveal.ts";
export { compileMasks, type MaskPlace, type MaskRules, MaskSet } from "./rules.ts";
export { type MaskKeys, readMaskKey } from "./secrets.ts";
export { type MaskedText, maskForm, maskHeaders, maskPlace, maskText, textInTurns } from "./text-mask.ts";
