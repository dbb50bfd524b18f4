/** What HTTP/JSON APIs say of their errors, in the few forms that are usual: for people to read, and where one ends a stream, a status. */
import { codeOf, type GrpcMethod, type GrpcStatus } from "../../../wire/protobuf/index.ts";

/** What APIs say of an error: `{"message": …}`, `{"error": {"message": …}}`, `{"error": …}`, `{"detail": …}`. */
export function errorText(text: string): string | undefined {
  const json = jsonObject(text);
  const error = json?.error;
  const inner = typeof error === "object" && error !== null ? (error as Record<string, unknown>).message : error;
  return [inner, json?.message, json?.detail].find((one): one is string => typeof one === "string");
}

/** Of an event that is an error. */
export function statusOfErrorText(text: string): GrpcStatus {
  const json = jsonObject(text);
  const error = json?.error;
  const place = typeof error === "object" && error !== null ? (error as Record<string, unknown>) : json;
  const code = place?.code;
  return {
    code: typeof code === "number" && Number.isInteger(code) && code > 0 && code <= 16 ? code : codeOf("UNKNOWN"),
    message: errorText(text) ?? "the upstream's stream ended with an error",
  };
}

/** A line `{"error": …}` alone ends a stream, unless the message has such a field. */
export function statusOfErrorLine(text: string, output: GrpcMethod["output"]): GrpcStatus | undefined {
  if (!text.startsWith('{"error"') || output.fields.some(({ name }) => name === "error")) return undefined;
  const json = jsonObject(text);
  return json !== undefined && Object.keys(json).length === 1 ? statusOfErrorText(text) : undefined;
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const json = JSON.parse(text) as unknown;
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    // No JSON: it has nothing to say that could be told.
    return undefined;
  }
}
