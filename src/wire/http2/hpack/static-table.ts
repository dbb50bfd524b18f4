/** The 61 fields that both sides know before the first byte: RFC 7541, appendix A. */
import { HpackEntry } from "./entry.ts";

const FIELDS: readonly (readonly [string, string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** From index 1 on; what lies at 0 is never asked for. */
export const STATIC_ENTRIES: readonly HpackEntry[] = [["", ""] as const, ...FIELDS].map(
  ([name, value]) => new HpackEntry(name, value),
);

export const STATIC_COUNT = FIELDS.length;

/** The first index of each name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  FIELDS.map(([name], index) => [name, index + 1] as const).reverse(),
);

/** Of names whose entries have values: index by value. */
export const STATIC_VALUES: ReadonlyMap<string, ReadonlyMap<string, number>> = valuesByName();

function valuesByName(): Map<string, Map<string, number>> {
  const names = new Map<string, Map<string, number>>();
  FIELDS.forEach(([name, value], index) => {
    if (value === "") return;
    const values = names.get(name) ?? new Map<string, number>();
    names.set(name, values.set(value, index + 1));
  });
  return names;
}
