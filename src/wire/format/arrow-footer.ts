/**
 * The schema of an Arrow file, as the message that begins a stream. Some writers put it into the footer only, so a file
 * cannot always be read as the stream inside it. The footer is not taken apart: a small message table is set in front of a copy
 * of it and points at the schema in there, which flatbuffers allow because references are relative.
 */
import { broken } from "./arrow-message.ts";
import { FlatBuffer } from "./flatbuffer.ts";

/** Behind the footer: its length, then the magic. */
export const ARROW_FILE_TAIL_BYTES = 10;
/** A footer lists every block with 24 bytes: this is more than a million record batches. */
const FOOTER_BYTES_MAX = 32 * 1024 * 1024;

const FOOTER_FIELDS = { version: 0, schema: 1 } as const;
const SCHEMA_HEADER_TYPE = 1;
/** Where the parts of the message lie: root reference, vtable, table, then the footer, each aligned as it must be. */
const LAYOUT = { vtable: 4, table: 16, header: 20, version: 24, headerType: 26, end: 28, footer: 32 } as const;
const VTABLE_BYTES = 10;
const PREFIX_BYTES = 8;

/** Length of the footer, from the last 10 bytes of a file. Throws `format.arrow`. */
export function arrowFooterBytes(tail: Uint8Array): number {
  const text = Buffer.from(tail).toString("latin1");
  if (tail.length < ARROW_FILE_TAIL_BYTES || !text.endsWith("ARROW1")) throw broken("a file without its closing mark");
  const bytes = new DataView(tail.buffer, tail.byteOffset).getInt32(0, true);
  if (bytes > 0 && bytes <= FOOTER_BYTES_MAX) return bytes;
  throw broken(`a footer of ${bytes} bytes; at most ${FOOTER_BYTES_MAX} are allowed`);
}

/** The schema in the footer as a whole stream message, prefix included. Throws `format.arrow`. */
export function schemaMessageOf(footer: Uint8Array): Uint8Array {
  const { schema, version } = readFooter(footer);
  const metadataBytes = (LAYOUT.footer + footer.length + 7) & ~7;
  const message = new Uint8Array(PREFIX_BYTES + metadataBytes);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setUint32(4, metadataBytes, true);
  const put16 = (at: number, value: number): void => view.setInt16(PREFIX_BYTES + at, value, true);
  const put32 = (at: number, value: number): void => view.setInt32(PREFIX_BYTES + at, value, true);
  put32(0, LAYOUT.table);
  put16(LAYOUT.vtable, VTABLE_BYTES);
  put16(LAYOUT.vtable + 2, LAYOUT.end - LAYOUT.table);
  put16(LAYOUT.vtable + 4, LAYOUT.version - LAYOUT.table);
  put16(LAYOUT.vtable + 6, LAYOUT.headerType - LAYOUT.table);
  put16(LAYOUT.vtable + 8, LAYOUT.header - LAYOUT.table);
  put32(LAYOUT.table, LAYOUT.table - LAYOUT.vtable);
  put32(LAYOUT.header, LAYOUT.footer + schema - LAYOUT.header);
  put16(LAYOUT.version, version);
  message[PREFIX_BYTES + LAYOUT.headerType] = SCHEMA_HEADER_TYPE;
  message.set(footer, PREFIX_BYTES + LAYOUT.footer);
  return message;
}

function readFooter(footer: Uint8Array): { schema: number; version: number } {
  try {
    const buffer = new FlatBuffer(footer);
    const root = buffer.root();
    const schema = buffer.table(root, FOOTER_FIELDS.schema);
    if (schema >= footer.length) throw new RangeError("the schema lies outside of the footer");
    return { schema, version: buffer.int16(root, FOOTER_FIELDS.version) };
  } catch (thrown) {
    if (thrown instanceof RangeError) throw broken("a footer that is incomplete or points outside of itself");
    throw thrown;
  }
}
