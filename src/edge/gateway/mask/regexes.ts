/**
 * Regular expressions of the file, on the firewall's engine: in time linear in the text, or within a number of steps. They are matched
 * against bytes of UTF-8; a match that begins or ends within a character takes the whole of it. Matches follow one another as in
 * JavaScript's matchAll, each sees the whole text before it. Those that take nothing hide nothing.
 */
import { bytesOfText, Regex } from "../../waf/match/index.ts";
import type { Found, SpanFinder } from "./span-finder.ts";

export function isMaskRegex(source: string): boolean {
  try {
    return source !== "" && Regex.compile(bytesOfText(source)) !== undefined;
  } catch {
    return false; // whoever asks says so in the words of the file
  }
}

export function regexFinder(source: string): SpanFinder {
  const regex = Regex.compile(bytesOfText(source));
  return (text, _from, _until, found, budget) => {
    const bytes = bytesOfText(text);
    const spans = budget.spans(regex, bytes);
    if (bytes.length === text.length) for (const [start, end] of spans) found.push({ start, end });
    else if (spans.length > 0) inCharacters(text, spans, found);
    return text.length;
  };
}

/** Places in bytes as places in the text, each rounded to the outside. */
function inCharacters(text: string, spans: readonly (readonly [begin: number, end: number])[], found: Found[]): void {
  let [character, byte] = [0, 0];
  const step = (): number => {
    const code = text.codePointAt(character)!;
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  };
  const advance = (): void => {
    byte += step();
    character += text.codePointAt(character)! >= 0x10000 ? 2 : 1;
  };
  for (const [start, end] of spans) {
    while (character < text.length && byte + step() <= start) advance();
    const from = character;
    while (character < text.length && byte < end) advance();
    const first = Math.max(from, found.at(-1)?.end ?? 0);
    if (character > first) found.push({ start: first, end: character });
  }
}
