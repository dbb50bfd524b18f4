/** A second CSV reader to check the first against: character by character over a string, with no thought for speed. */
export interface NaiveCsv {
  readonly records: readonly { readonly [field: string]: unknown }[];
  /** Lines of the records that are malformed. */
  readonly badLines: readonly number[];
}

interface Field {
  text: string;
  quoted: boolean;
  bad: boolean;
}

export function naiveCsv(text: string, columns: readonly string[], separator: string, auto: boolean): NaiveCsv {
  const records: { [field: string]: unknown }[] = [];
  const badLines: number[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const { fields, end, unclosed } = readRecord(text, at, separator);
    const next = unclosed ? afterLine(text, at) : end;
    const whole = text.slice(at, next);
    const isBlank = whole.replace(/\r?\n$|\r$/, "") === "";
    if (!isBlank) {
      if (unclosed || fields.length !== columns.length || fields.some((field) => field.bad)) badLines.push(line);
      else records.push(Object.fromEntries(fields.map((field, i) => [columns[i], parseField(field, auto)])));
    }
    line += whole.split("\n").length - 1;
    at = next;
  }
  return { records, badLines };
}

function readRecord(
  text: string,
  from: number,
  separator: string,
): { fields: Field[]; end: number; unclosed: boolean } {
  const fields: Field[] = [];
  let at = from;
  for (;;) {
    const field: Field = { text: "", quoted: text[at] === '"', bad: false };
    fields.push(field);
    if (field.quoted) {
      at++;
      for (;;) {
        if (at >= text.length) return { fields, end: at, unclosed: true };
        if (text[at] === '"' && text[at + 1] === '"') at++;
        else if (text[at] === '"') break;
        field.text += text[at++];
      }
      at++;
    }
    let rest = "";
    while (at < text.length && text[at] !== "\n" && text[at] !== separator) rest += text[at++];
    if (at >= text.length || text[at] === "\n") rest = rest.replace(/\r$/, "");
    if (field.quoted) field.bad = rest !== "";
    else field.text = rest;
    if (at >= text.length) return { fields, end: at, unclosed: false };
    if (text[at++] === "\n") return { fields, end: at, unclosed: false };
  }
}

function afterLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline < 0 ? text.length : newline + 1;
}

function parseField({ text, quoted }: Field, auto: boolean): unknown {
  if (quoted) return text;
  if (text === "") return null;
  if (auto && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (auto && (text === "true" || text === "false")) return text === "true";
  return text;
}
