/**
 * A result as JSON text. What JSON would change without a word, a Map, bytes, NaN, a bigint, a function, is refused with its
 * place: callers would get something else than the handler has returned.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { DEPTH_MAX } from "./limits.ts";

/** `undefined` is `null`. Fails with `service.bad_result`, for params of calls with `rpc.invalid_input`. */
export function jsonText(what: string, value: unknown, code = "service.bad_result"): string {
  if (value === undefined || value === null) return "null";
  const fault = jsonFault(value, "", 0);
  const whose = code === "service.bad_result" ? "the result" : "the input";
  if (fault !== undefined) throw new Failure(code, `${whose} of ${what} is nothing that JSON can say: ${fault}`);
  try {
    return JSON.stringify(value);
  } catch (thrown) {
    throw new Failure(code, `${whose} of ${what} is nothing that JSON can say: ${messageOf(thrown)}`);
  }
}

/** What is wrong and where; a circle is too deep. */
function jsonFault(value: unknown, path: string, depth: number): string | undefined {
  const at = path === "" ? "it" : path;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${at} is ${value}`;
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol")
    return `${at} is a ${typeof value}`;
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > DEPTH_MAX) return `it nests deeper than ${DEPTH_MAX} levels`;
  if (Array.isArray(value)) return listFault(value, path, depth);
  if ("toJSON" in value && typeof value.toJSON === "function") return undefined;
  if (value instanceof Map || value instanceof Set || value instanceof Promise || ArrayBuffer.isView(value))
    return `${at} is a ${value.constructor.name}`;
  for (const key in value) {
    const fault = jsonFault(
      (value as Readonly<Record<string, unknown>>)[key],
      path === "" ? key : `${path}.${key}`,
      depth + 1,
    );
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function listFault(list: readonly unknown[], path: string, depth: number): string | undefined {
  for (let at = 0; at < list.length; at++) {
    const fault = jsonFault(list[at], `${path}[${at}]`, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
