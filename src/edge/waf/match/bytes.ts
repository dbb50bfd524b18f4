/**
 * Values under test are byte strings: JavaScript strings whose characters are bytes (latin1, 0 to 255). The runtime keeps them as one byte
 * per character, reads them fast, compares and slices them without copies; a Buffer would need all of that written again.
 */
export type Bytes = string;

/** Text as its UTF-8 bytes. */
export function bytesOfText(text: string): Bytes {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return Buffer.from(text, "utf8").toString("latin1");
  }
  return text;
}

export function bytesOfBuffer(buffer: Uint8Array): Bytes {
  return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString("latin1");
}

/** Bytes as text for people: UTF-8 where it is valid, replacement characters where not. */
export function textOfBytes(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
