/**
 * `Content-Disposition` of one part: `form-data; name="…"; filename="…"`, and nothing that two programs could read differently: parameters
 * once, known ones only, quotes that end. Single quotes around a value are told: some servers take them for quotes.
 */
import type { Bytes } from "../../match/index.ts";

export interface Disposition {
  readonly name: Bytes;
  readonly filename: Bytes | undefined;
  readonly isQuotingInvalid: boolean;
}

/** A string tells what is wrong. */
export function readDisposition(value: Bytes): Disposition | string {
  const start = value.trimStart();
  if (!start.toLowerCase().startsWith("form-data")) return "a part that is no form-data";
  const reader = new ParameterReader(start, "form-data".length);
  const found = new Map<string, Bytes>();
  while (!reader.isAtEnd()) {
    const parameter = reader.next();
    if (typeof parameter === "string") return parameter;
    const [name, text] = parameter;
    if (name !== "name" && name !== "filename" && name !== "filename*")
      return `the parameter ${name.slice(0, 40)} of a part`;
    if (found.has(name)) return `two parameters ${name} of one part`;
    found.set(name, text);
  }
  const name = found.get("name");
  if (name === undefined) return "a part without a name";
  if (name.includes("\0")) return "a part whose name holds a zero byte";
  if (found.has("filename*") && !found.has("filename")) return "a part with filename* alone";
  return { name, filename: found.get("filename"), isQuotingInvalid: reader.isQuotingInvalid };
}

class ParameterReader {
  readonly #text: Bytes;
  #at: number;
  isQuotingInvalid = false;

  constructor(text: Bytes, at: number) {
    this.#text = text;
    this.#at = at;
  }

  isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at >= this.#text.length;
  }

  /** `; name=value` */
  next(): readonly [string, Bytes] | string {
    if (this.#text[this.#at] !== ";") return "parameters of a part without a semicolon between them";
    this.#at += 1;
    this.#skipBlanks();
    const equals = this.#text.indexOf("=", this.#at);
    if (equals < 0) return "a parameter of a part without a value";
    const name = this.#text.slice(this.#at, equals).trim().toLowerCase();
    this.#at = equals + 1;
    this.#skipBlanks();
    const value = this.#text[this.#at] === '"' ? this.#quoted() : this.#token();
    return value === undefined ? "a parameter of a part whose quotes do not end" : [name, value];
  }

  #token(): Bytes {
    const start = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== ";" && !isBlank(this.#text, this.#at))
      this.#at += 1;
    const value = this.#text.slice(start, this.#at);
    if (value.includes("'") && !value.includes("''")) this.isQuotingInvalid = true;
    return value;
  }

  #quoted(): Bytes | undefined {
    const pieces: Bytes[] = [];
    let from = this.#at + 1;
    for (let at = from; at < this.#text.length; at += 1) {
      const letter = this.#text[at];
      if (letter === '"') {
        pieces.push(this.#text.slice(from, at));
        this.#at = at + 1;
        return pieces.join("");
      }
      if (letter === "\\" && (this.#text[at + 1] === '"' || this.#text[at + 1] === "\\")) {
        pieces.push(this.#text.slice(from, at));
        from = at + 1;
        at += 1;
      }
    }
    return undefined;
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && isBlank(this.#text, this.#at)) this.#at += 1;
  }
}

function isBlank(text: Bytes, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
