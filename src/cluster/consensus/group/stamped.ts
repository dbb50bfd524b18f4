/** What stands in an entry: the group's clock as its leader had it, and the command. */

const STAMP_BYTES = 8;

export function stamp(clockMs: number, command: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(STAMP_BYTES + command.byteLength);
  new DataView(bytes.buffer).setFloat64(0, clockMs);
  bytes.set(command, STAMP_BYTES);
  return bytes;
}

/** A view of the command. What is too short to have a stamp is one without a command, which no machine takes. */
export function unstamp(bytes: Uint8Array): { readonly clockMs: number; readonly command: Uint8Array } {
  if (bytes.byteLength < STAMP_BYTES) return { clockMs: 0, command: bytes.subarray(bytes.byteLength) };
  const clockMs = new DataView(bytes.buffer, bytes.byteOffset, STAMP_BYTES).getFloat64(0);
  return { clockMs: Number.isFinite(clockMs) ? clockMs : 0, command: bytes.subarray(STAMP_BYTES) };
}
