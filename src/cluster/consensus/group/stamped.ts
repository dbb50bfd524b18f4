/** What stands in an entry: the group's clock as its leader had it, and the command. */

const STAMP_BYTES = 8;

/** A typed array that is asked for its buffer is moved to one first, which costs more than all else here: eight bytes are copied instead. */
const STAMP = new Uint8Array(new ArrayBuffer(STAMP_BYTES));
const STAMP_VIEW = new DataView(STAMP.buffer);

export function stamp(clockMs: number, command: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(STAMP_BYTES + command.byteLength);
  STAMP_VIEW.setFloat64(0, clockMs);
  bytes.set(STAMP);
  bytes.set(command, STAMP_BYTES);
  return bytes;
}

/** A view of the command. What is too short to have a stamp is one without a command, which no machine takes. */
export function unstamp(bytes: Uint8Array): { readonly clockMs: number; readonly command: Uint8Array } {
  if (bytes.byteLength < STAMP_BYTES) return { clockMs: 0, command: bytes.subarray(bytes.byteLength) };
  for (let at = 0; at < STAMP_BYTES; at++) STAMP[at] = bytes[at]!;
  const clockMs = STAMP_VIEW.getFloat64(0);
  return { clockMs: Number.isFinite(clockMs) ? clockMs : 0, command: bytes.subarray(STAMP_BYTES) };
}
