/**
 * Whether a value, put into a page, would make a browser run something. It is read as HTML5 readers do, in each context in which it can stand:
 * as text, inside an element, and as an attribute's value in each kind of quotes. What tells: an element or attribute that acts, an URL
 * with a scheme that runs code, comments that old browsers took for code.
 */
import type { Bytes } from "../bytes.ts";
import { isSpace } from "../transform/output.ts";
import { ACTIVE_ELEMENTS, attributeKind, isActiveUrl } from "./html-words.ts";

type Context = "text" | "element" | "'" | '"' | "`";
const CONTEXTS: readonly Context[] = ["text", "element", "'", '"', "`"];
/** Longer names are none that is known; the rest is not kept. */
const NAME_BYTES_MAX = 64;

/** The piece that gave it away, or undefined. */
export function detectXss(value: Bytes): Bytes | undefined {
  // Nothing acts without an element, and no attribute without its sign.
  const hasElement = value.includes("<");
  const hasValue = value.includes("=");
  if (!hasElement && !hasValue) return undefined;
  for (const context of CONTEXTS) {
    if (context === "text" ? !hasElement : context.length === 1 && !value.includes(context)) continue;
    const found = new Reader(value).read(context);
    if (found !== undefined) return found;
  }
  return undefined;
}

class Reader {
  readonly #value: Bytes;
  #at = 0;
  #found: Bytes | undefined;

  constructor(value: Bytes) {
    this.#value = value;
  }

  read(context: Context): Bytes | undefined {
    if (context.length === 1) this.#quoted(context);
    if (context !== "text") this.#attributes();
    while (this.#found === undefined && this.#at < this.#value.length) this.#text();
    return this.#found;
  }

  #tell(from: number, to: number): void {
    this.#found ??= this.#value.slice(from, Math.min(to, from + NAME_BYTES_MAX));
  }

  #text(): void {
    const open = this.#value.indexOf("<", this.#at);
    if (open < 0) {
      this.#at = this.#value.length;
      return;
    }
    this.#at = open + 1;
    const next = this.#value.charCodeAt(this.#at);
    if (next === 33) this.#declaration();
    else if (next === 63 || next === 37) this.#until(next === 37 ? "%>" : ">", this.#at + 1);
    else if (next === 47) this.#element(this.#at + 1, true);
    else if (isLetter(next) || next === 0) this.#element(this.#at, false);
  }

  #until(mark: Bytes, from: number): void {
    const end = this.#value.indexOf(mark, from);
    const to = end < 0 ? this.#value.length : end;
    this.#at = end < 0 ? to : end + mark.length;
    if (isActiveComment(this.#value.slice(from, to))) this.#tell(from, to);
  }

  /** `<!DOCTYPE`, `<!--`, `<![CDATA[`; anything else is a comment up to `>`. */
  #declaration(): void {
    const from = this.#at + 1;
    const head = this.#value.slice(from, from + 7).toLowerCase();
    if (head === "doctype") this.#tell(from - 2, from + 7);
    else if (head === "[cdata[") this.#until("]]>", from + 7);
    else if (head.startsWith("--")) this.#until("-->", from + 2);
    else this.#until(">", from);
  }

  #element(from: number, isEnd: boolean): void {
    let to = from;
    for (; to < this.#value.length; to += 1) {
      const code = this.#value.charCodeAt(to);
      if (isSpace(code) || code === 47 || code === 62) break;
    }
    const name = this.#name(from, to);
    const acts = ACTIVE_ELEMENTS.has(name) || name.startsWith("svg") || name.startsWith("xsl");
    if (acts && !isEnd) this.#tell(from - 1, to);
    this.#at = to;
    this.#attributes();
  }

  #name(from: number, to: number): string {
    return this.#value
      .slice(from, Math.min(to, from + NAME_BYTES_MAX))
      .replaceAll("\0", "")
      .toLowerCase();
  }

  /** Up to the end of the element. */
  #attributes(): void {
    while (this.#found === undefined && this.#at < this.#value.length) {
      const code = this.#value.charCodeAt(this.#at);
      if (code === 62) {
        this.#at += 1;
        return;
      }
      if (isSpace(code) || code === 47 || code === 0) this.#at += 1;
      else this.#attribute();
    }
  }

  #attribute(): void {
    const value = this.#value;
    const from = this.#at;
    // An equals sign at the very front belongs to the name.
    this.#at += 1;
    while (this.#at < value.length && !endsName(value.charCodeAt(this.#at))) this.#at += 1;
    const nameEnd = this.#at;
    this.#skipSpace();
    if (value.charCodeAt(this.#at) !== 61) return;
    const name = this.#name(from, nameEnd);
    this.#at += 1;
    this.#skipSpace();
    const begin = this.#at;
    const quote = value[begin];
    if (quote === "'" || quote === '"' || quote === "`") {
      this.#at += 1;
      this.#quoted(quote);
    } else this.#unquoted();
    if (this.#at === begin) return;
    if (acts(name, value.slice(quote === "'" || quote === '"' || quote === "`" ? begin + 1 : begin, this.#at)))
      this.#tell(from, this.#at);
  }

  #skipSpace(): void {
    while (this.#at < this.#value.length && isSpace(this.#value.charCodeAt(this.#at))) this.#at += 1;
  }

  #quoted(quote: string): void {
    const end = this.#value.indexOf(quote, this.#at);
    this.#at = end < 0 ? this.#value.length : end + 1;
  }

  #unquoted(): void {
    while (this.#at < this.#value.length) {
      const code = this.#value.charCodeAt(this.#at);
      if (isSpace(code) || code === 62) return;
      this.#at += 1;
    }
  }
}

function acts(name: string, value: Bytes): boolean {
  const kind = attributeKind(name);
  if (kind === undefined) return false;
  if (kind === "url") return isActiveUrl(value);
  if (kind === "names attribute")
    return (
      attributeKind(
        value
          .slice(0, NAME_BYTES_MAX)
          .replace(/['"`]$/, "")
          .toLowerCase(),
      ) !== undefined
    );
  return true;
}

/** Backticks, conditional comments, XML processing: what Internet Explorer ran. */
function isActiveComment(text: Bytes): boolean {
  if (text.includes("`")) return true;
  const lower = text.slice(0, NAME_BYTES_MAX).toLowerCase();
  return lower.startsWith("[if") || lower.startsWith("xml") || lower.startsWith("import") || lower.startsWith("entity");
}

function isLetter(code: number): boolean {
  const letter = code | 32;
  return letter >= 97 && letter <= 122;
}

function endsName(code: number): boolean {
  return isSpace(code) || code === 47 || code === 61 || code === 62;
}
