/** Plain text lines to JSON text: each line, blank ones too, becomes a record of one field. */
import { Conversion, type Converted } from "./conversion.ts";
import { keyBytes } from "./json-text.ts";

export function linesToJson(bytes: Uint8Array, field: string, line: number): Converted {
  const conversion = new Conversion(bytes);
  const { out } = conversion;
  const key = keyBytes(field, "{");
  conversion.lines(line, false, (from, to) => {
    out.reserve(key.length + 4, to - from);
    out.raw(key, 0, key.length);
    out.string(bytes, from, to);
    out.byte(125);
    return undefined;
  });
  return conversion.done();
}
