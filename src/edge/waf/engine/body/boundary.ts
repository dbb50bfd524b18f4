/**
 * The boundary of a multipart body, out of its content type. Every liberty that a parser elsewhere could take is told: applications differ in
 * which boundary they see, and attackers use it. What is beyond doubt malformed is a fault.
 */
import type { Bytes } from "../../match/index.ts";
import { BOUNDARY_BYTES_MAX } from "../limits.ts";

export interface Boundary {
  readonly text: Bytes;
  readonly isQuoted: boolean;
  readonly hasWhitespace: boolean;
  readonly isSemicolonMissing: boolean;
}

const TYPE = "multipart/form-data";
const NAME = "boundary";

/** A string tells what is wrong. */
export function boundaryOf(contentType: Bytes): Boundary | string {
  const lower = contentType.toLowerCase();
  const at = lower.indexOf(NAME);
  if (at < 0) return "no boundary in the content type";
  // Browsers use boundaries that hold the word itself: only what is followed by an equals sign is a parameter.
  if (/boundary\s{0,9}=/.test(lower.slice(at + NAME.length))) return "several boundaries in the content type";
  if (!contentType.startsWith(NAME, at)) return "a boundary parameter in odd case";
  const between = contentType.slice(TYPE.length, at).replaceAll(/\s/g, "");
  if (between !== ";" && between !== "") return "other parameters before the boundary";
  const parameter = parameterValue(contentType.slice(at + NAME.length));
  if (typeof parameter === "string") return parameter;
  const { text } = parameter;
  if (text === "" || text.length > BOUNDARY_BYTES_MAX) return `a boundary of ${text.length} bytes`;
  if (!/^[0-9A-Za-z'()+_,./:=? -]+$/.test(text) || text.endsWith(" "))
    return "a boundary with characters that are not allowed";
  return { ...parameter, isSemicolonMissing: between === "" };
}

/** From behind the parameter's name. */
function parameterValue(rest: Bytes): Omit<Boundary, "isSemicolonMissing"> | string {
  const equals = rest.indexOf("=");
  if (equals < 0) return "a boundary without a value";
  if (rest.slice(0, equals).trim() !== "") return "a parameter that only begins like a boundary";
  const value = rest.slice(equals + 1);
  const trimmed = value.trimStart();
  const hasWhitespace = equals > 0 || trimmed.length < value.length;
  if (!trimmed.startsWith('"')) return { text: trimmed.split(/[;\s]/, 1)[0] ?? "", isQuoted: false, hasWhitespace };
  const end = trimmed.indexOf('"', 1);
  if (end < 0) return "a boundary whose quotes do not end";
  return { text: trimmed.slice(1, end), isQuoted: true, hasWhitespace };
}
