/**
 * Params as a method gets them, from bytes that anybody may have sent. Text that is no UTF-8 or no JSON is refused, so is what
 * nests deeper than anybody needs, and objects with an own `__proto__`, which change the prototype of what they are copied into.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { DEPTH_MAX } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** A power of three digits, or a whole number about as long as the largest one: the runtime reads what is larger as infinity. */
const MAY_OVERFLOW = /[eE]\+?\d{3}|(?<!\d)\d{200}/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What the bytes say; `{}` where there are none. Fails with `rpc.invalid_input`. */
export function parseParams(what: string, bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  if (bytes.length > DEPTH_MAX && isTooDeep(bytes)) throw invalid(what, "", `it nests deeper than ${DEPTH_MAX} levels`);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw invalid(what, "", "it is no UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid(what, "", `it is no JSON: ${messageOf(thrown)}`);
  }
  // Written plainly or with escapes; only then is it worth a walk.
  if ((text.includes("__proto__") || text.includes("\\u")) && hasOwnProto(value))
    throw invalid(what, "", "a field is named __proto__, which is not allowed");
  if (MAY_OVERFLOW.test(text) && hasInfinity(value))
    throw invalid(what, "", "a number is too large for a 64-bit float, which is what numbers are");
  return value;
}

function invalid(what: string, path: string, message: string): Failure {
  return new Failure("rpc.invalid_input", `the input of ${what} is wrong: ${message}`, {
    data: { faults: [{ path, message }] },
  });
}

/** Over bytes, so that it holds before anything has gone down into them. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === BACKSLASH && isText) at++;
    else if (byte === QUOTE) isText = !isText;
    else if (isText) continue;
    else if (byte === LIST || byte === OBJECT) {
      if (++depth > DEPTH_MAX) return true;
    } else if (byte === LIST_END || byte === OBJECT_END) depth--;
  }
  return false;
}

/** No deeper than `DEPTH_MAX`. */
function hasInfinity(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasInfinity);
}

/** No deeper than `DEPTH_MAX`. */
function hasOwnProto(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasOwnProto);
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasOwnProto);
}
