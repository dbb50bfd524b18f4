/**
 * Where a field or option stands in a gateway file: for what is found wrong behind the file, in certificates, keys, rules and descriptors
 * that it names. Found again in the text when it is needed: a plan has no columns.
 */
import {
  FaultCollector,
  type Line,
  lineContext,
  type Place,
  parseParams,
  splitLines,
  splitSpans,
  textOf,
  trimSpan,
} from "../../../work/lines/index.ts";
import { lineForms } from "./parse.ts";

/** A field (`rules`, `target`) or an option of a line, or a setting. */
export interface NamedPlace {
  /** Undefined: a setting, on whichever line it is. */
  readonly line: number | undefined;
  readonly key: string;
}

export interface FoundPlace extends Place {
  /** As faults name it: `options.proto`, `set.tls_key`, `rules`. */
  readonly field: string;
}

/** The first column of the line where it is not there. */
export function placeIn(text: string, { key, line }: NamedPlace): FoundPlace {
  const lines = splitLines(text);
  const numbers = line === undefined ? lines.map((_, index) => index + 1) : [line];
  for (const number of numbers) {
    const found = findIn({ text: lines[number - 1] ?? "", number }, key, line === undefined);
    if (found !== undefined) return found;
  }
  return { line: line ?? 1, column: 1, field: line === undefined ? `set.${key}` : key };
}

function findIn(line: Line, key: string, isSetting: boolean): FoundPlace | undefined {
  const spans = splitSpans(line.text, trimSpan(line.text, { start: 0, end: line.text.length }), "|");
  const word = textOf(line, spans[0]);
  if (!Object.hasOwn(lineForms, word) || (word === "set") !== isSetting) return undefined;
  const fields = lineForms[word as keyof typeof lineForms].split("|");
  const field = spans[fields.indexOf(key)];
  if (field !== undefined) return { line: line.number, column: field.start + 1, field: key };
  const options = spans[fields.length - 1];
  if (options === undefined) return undefined;
  const context = lineContext(line, "", new FaultCollector("")); // what is wrong with the line has been told
  const option = parseParams(options, context).find((each) => each.key === key);
  if (option === undefined) return undefined;
  return { line: line.number, column: option.valueColumn, field: `${isSetting ? "set" : "options"}.${key}` };
}
