/** W3C trace context: the one header that says to which trace a call belongs. It is passed along and never made here. */
export const TRACEPARENT_HEADER = "traceparent";

/** Version, trace id, parent id and flags in hexadecimal; later versions may have more behind it. */
const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{0,64})?$/;

/** What does not have the form is dropped: a trace is no reason for a call to fail. */
export function traceparentOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !FORM.test(value)) return undefined;
  return value.startsWith("00-") && value.length !== "00-".length + 32 + 1 + 16 + 1 + 2 ? undefined : value;
}
