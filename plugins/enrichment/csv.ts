/**
 * CSV (RFC 4180) for look-up tables: a header line, then one entry a line. Unquoted fields that are JSON numbers are numbers
 * (007 stays text), `true` and `false` are booleans, empty ones are null; quoted fields are always text. Refuses lines whose
 * number of fields differs from the header's, and an open quote at the end.
 */
import type { Value } from "distributed-system";
import { parseJson } from "../common/json.ts";

export type Entry = Readonly<Record<string, Value>>;

interface Field {
  readonly text: string;
  readonly quoted: boolean;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const FIELD = /(?:"(?<quoted>[^"]*(?:""[^"]*)*)"|(?<plain>[^",\r\n]+)?)(?<end>,|\r?\n|$)/y;

export function parseCsv(text: string): Entry[] {
  const [header, ...lines] = readLines(text.replace(/^\uFEFF/, ""));
  if (header === undefined) throw new Error("the file is empty; a header line is required");
  const names = header.fields.map((field) => field.text);
  return lines.map(({ fields, line }) => {
    if (fields.length !== names.length) {
      throw new Error(`line ${line} has ${fields.length} fields; the header has ${names.length}`);
    }
    return Object.fromEntries(names.map((name, at) => [name, fieldValue(fields[at]!)]));
  });
}

function* readLines(text: string): Generator<{ fields: Field[]; line: number }> {
  const pattern = new RegExp(FIELD);
  let line = 1;
  while (pattern.lastIndex < text.length) {
    const fields: Field[] = [];
    const first = line;
    for (let ended = false; !ended; ) {
      const match = pattern.exec(text);
      if (match === null) throw new Error(`line ${line}: a quote stands inside a field or is never closed`);
      const { quoted, plain, end } = match.groups!;
      fields.push(
        quoted === undefined
          ? { text: plain ?? "", quoted: false }
          : { text: quoted.replaceAll('""', '"'), quoted: true },
      );
      line += match[0].split("\n").length - 1;
      ended = end !== ",";
    }
    const blank = fields.length === 1 && fields[0]!.text === "" && !fields[0]!.quoted;
    if (!blank) yield { fields, line: first };
  }
}

function fieldValue({ text, quoted }: Field): Value {
  if (quoted) return text;
  if (text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  return NUMBER.test(text) ? parseJson(text) : text;
}
