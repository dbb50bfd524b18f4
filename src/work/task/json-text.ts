/**
 * Where things stand in a JSON text. JSON.parse gives values without places and takes the last of two equal keys silently;
 * this walks the text once, without making values, and reports every value's path and offset, syntax errors and doubled keys.
 */
import { DEPTH_MAX } from "./limits.ts";

export type JsonPath = readonly (string | number)[];

export interface JsonTextFault {
  readonly path: JsonPath;
  readonly offset: number;
  readonly message: string;
}

export interface ScannedJson {
  /** Set when the text is no JSON. */
  readonly syntax?: JsonTextFault;
  readonly doubled: readonly JsonTextFault[];
}

/** `found` gets each value's path (valid during the call only) and offset. */
export function scanJson(text: string, found?: (path: JsonPath, offset: number) => void): ScannedJson {
  const scanner = new Scanner(text, found);
  try {
    scanner.document();
    return { doubled: scanner.doubled };
  } catch (thrown) {
    if (!(thrown instanceof SyntaxFault)) throw thrown;
    return { syntax: { path: [], offset: thrown.offset, message: thrown.message }, doubled: scanner.doubled };
  }
}

/** Offsets of the values at these paths; of the nearest value around where a path leads nowhere. */
export function offsetsOf(text: string, paths: readonly JsonPath[]): number[] {
  const wanted = new Set(paths.flatMap((path) => prefixesOf(path)));
  const offsets = new Map<string, number>();
  scanJson(text, (path, offset) => {
    const key = keyOf(path);
    if (wanted.has(key)) offsets.set(key, offset);
  });
  return paths.map((path) => {
    const key = prefixesOf(path).findLast((each) => offsets.has(each));
    return key === undefined ? 0 : offsets.get(key)!;
  });
}

/** Line and column from 1, columns in UTF-16 units. */
export function placesOf(text: string, offsets: readonly number[]): { line: number; column: number }[] {
  const order = offsets.map((offset, index) => ({ offset, index })).toSorted((a, b) => a.offset - b.offset);
  const places: { line: number; column: number }[] = [];
  let line = 1;
  let start = 0;
  for (const { offset, index } of order) {
    for (let at = text.indexOf("\n", start); at >= 0 && at < offset; at = text.indexOf("\n", start)) {
      line++;
      start = at + 1;
    }
    places[index] = { line, column: offset - start + 1 };
  }
  return places;
}

/** As people write it: `tasks[3].headers["x-id"]`. */
export function pathText(path: JsonPath): string {
  const text = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[A-Za-z_][\w-]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return text.join("").replace(/^\./, "") || "file";
}

function prefixesOf(path: JsonPath): string[] {
  return [keyOf([]), ...path.map((_, index) => keyOf(path.slice(0, index + 1)))];
}

function keyOf(path: JsonPath): string {
  return JSON.stringify(path);
}

class SyntaxFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const BLANK = /[ \t\r\n]*/y;

class Scanner {
  readonly doubled: JsonTextFault[] = [];
  readonly #text: string;
  readonly #found: ((path: JsonPath, offset: number) => void) | undefined;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, found: ((path: JsonPath, offset: number) => void) | undefined) {
    this.#text = text;
    this.#found = found;
  }

  document(): void {
    if (this.#text.startsWith("\ufeff")) this.#at = 1;
    this.#value();
    this.#blank();
    if (this.#at < this.#text.length) this.#refuse("the end of the file");
  }

  #value(): void {
    this.#blank();
    this.#found?.(this.#path, this.#at);
    const char = this.#text[this.#at];
    if (char === "{") this.#members();
    else if (char === "[") this.#items();
    else if (!this.#take(char === '"' ? STRING : WORD) && !this.#take(NUMBER)) this.#refuse("a value");
  }

  #members(): void {
    this.#enter();
    const keys = new Set<string>();
    while (!this.#takeChar("}")) {
      if (keys.size > 0) this.#need(",", "a comma or }");
      this.#blank();
      const keyAt = this.#at;
      const written = this.#take(STRING) ?? this.#refuse("a key in double quotes");
      const key = JSON.parse(written) as string; // the pattern is JSON's own
      if (keys.has(key))
        this.doubled.push({
          path: [...this.#path, key],
          offset: keyAt,
          message: `the key ${written} stands here twice`,
        });
      keys.add(key);
      this.#need(":", "a colon");
      this.#path.push(key);
      this.#value();
      this.#path.pop();
    }
  }

  #items(): void {
    this.#enter();
    for (let index = 0; !this.#takeChar("]"); index++) {
      if (index > 0) this.#need(",", "a comma or ]");
      this.#path.push(index);
      this.#value();
      this.#path.pop();
    }
  }

  #enter(): void {
    if (this.#path.length >= DEPTH_MAX) throw new SyntaxFault(this.#at, `more than ${DEPTH_MAX} levels of nesting`);
    this.#at++;
  }

  #need(char: string, what: string): void {
    if (!this.#takeChar(char)) this.#refuse(what);
  }

  #takeChar(char: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0];
    if (taken === undefined || taken === "") return undefined;
    this.#at += taken.length;
    return taken;
  }

  #blank(): void {
    BLANK.lastIndex = this.#at;
    BLANK.test(this.#text);
    this.#at = BLANK.lastIndex;
  }

  #refuse(required: string): never {
    const found = this.#text[this.#at];
    const what = found === undefined ? "the file ends" : `there is ${JSON.stringify(found)}`;
    throw new SyntaxFault(this.#at, `this is no JSON: ${what} where ${required} is required`);
  }
}
