/** A plugin's state as bytes: one byte for the form, then the bytes as given or JSON text. */
import { Failure } from "../../base/errors.ts";
import type { Snapshot } from "../../sdk/index.ts";

const BYTES = 0;
const JSON_TEXT = 1;

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const form = snapshot instanceof Uint8Array ? BYTES : JSON_TEXT;
  const body = snapshot instanceof Uint8Array ? snapshot : Buffer.from(JSON.stringify(snapshot) ?? "null");
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = form;
  bytes.set(body, 1);
  return bytes;
}

export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  if (bytes[0] === BYTES) return bytes.slice(1);
  if (bytes[0] === JSON_TEXT) return JSON.parse(new TextDecoder().decode(bytes.subarray(1))) as Snapshot;
  throw new Failure(
    "plugin.snapshot",
    `a stored state begins with ${bytes[0]}; known forms are ${BYTES} and ${JSON_TEXT}`,
  );
}
