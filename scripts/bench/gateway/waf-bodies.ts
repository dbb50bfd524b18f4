/** Bodies that usual clients send, of a given size, and some that are meant to be dear. The same each time. */

export interface WafBody {
  readonly name: string;
  readonly type: "application/json" | "application/x-www-form-urlencoded" | "text/plain";
  body(bytes: number): string;
}

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";
const WORDS = "the order was sent on Monday and arrived two days later in a small box with a note for the garden".split(
  " ",
);

export const USUAL_BODIES: readonly WafBody[] = [
  { name: "form, 20 fields", type: FORM, body: (bytes) => form(20, bytes) },
  { name: "JSON, 60 values", type: JSON_TYPE, body: (bytes) => jsonOf(60, bytes) },
];

/** One long value, many short ones, and characters that rules look for. */
export const DEAR_BODIES: readonly WafBody[] = [
  ...USUAL_BODIES,
  { name: "form, one long text", type: FORM, body: (bytes) => form(1, bytes) },
  { name: "JSON, one long text", type: JSON_TYPE, body: (bytes) => jsonOf(1, bytes) },
  { name: "JSON, 800 values", type: JSON_TYPE, body: (bytes) => jsonOf(800, bytes) },
  { name: "form, letters only", type: FORM, body: (bytes) => `a=${"x".repeat(bytes - 2)}` },
  { name: "form, digits only", type: FORM, body: (bytes) => `a=${"1234567890".repeat(bytes / 10)}` },
  { name: "form, spaces", type: FORM, body: (bytes) => `a=${"+".repeat(bytes - 2)}` },
  { name: "form, percent escapes", type: FORM, body: (bytes) => `a=${"%61%20".repeat(bytes / 6)}` },
  { name: "form, base64", type: FORM, body: (bytes) => `a=${btoa(prose((bytes * 3) / 4)).replaceAll("=", "")}` },
];

/** Words from one text's begin to the next one's; has no divisor in common with how often words come again. */
const BEGIN_STEP = 13;

/** Another text for each `begin`: equal values are looked at once, and bodies of users hold few of them. */
function prose(bytes: number, begin = 0): string {
  const parts: string[] = [];
  for (let size = 0, at = begin * BEGIN_STEP; size < bytes; at++) {
    const word = WORDS[(at * 7 + (at >> 3)) % WORDS.length]!;
    parts.push(word);
    size += word.length + 1;
  }
  return parts.join(" ").slice(0, bytes);
}

function form(fields: number, bytes: number): string {
  const each = Math.floor(bytes / fields) - 12;
  return Array.from({ length: fields }, (_, n) => `field_${n}=${prose(each, n).replaceAll(" ", "+")}`).join("&");
}

function jsonOf(values: number, bytes: number): string {
  const each = Math.max(1, Math.floor(bytes / values) - 40);
  const items = Array.from({ length: values }, (_, n) => ({ id: n, text: prose(each, n), paid: n % 2 === 0 }));
  return JSON.stringify({ items });
}
